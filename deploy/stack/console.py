"""The commands about a running stack: status, down, logs, stop and start."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from deploy.stack.folder import Folder, Record, StackFault
from deploy.stack.foreground import clear_plans
from deploy.stack.journal import follow, list_logs, read_tail
from deploy.stack.leftovers import end_leftovers
from deploy.stack.preparation import render_page_address
from deploy.stack.readiness import ask_all
from deploy.stack.suggestion import suggest
from deploy.stack.supervision import (
    STOP_SECONDS,
    fetch_states,
    name_state,
    start_program,
    stop_program,
)
from deploy.stack.voice import BAD, GOOD, QUIET, Voice

UP_SECONDS = 30
CONSEQUENCES = {
    "node_exporter": "In about a minute a card says that the host does not answer;"
    " ./start.sh start node_exporter brings it back.",
    "bridge": "Alerts wait in Alertmanager until ./start.sh start bridge.",
    "prometheus": "Nothing is measured and no alert begins until ./start.sh start prometheus.",
    "alertmanager": "Alerts begin in Prometheus but reach nobody until"
    " ./start.sh start alertmanager.",
    "sandbox": "The chat page is gone and messages wait in the bridge until"
    " ./start.sh start sandbox.",
    "config": "Changes of agents.txt wait until ./start.sh start config.",
}


def tell_status(folder: Folder, voice: Voice) -> int:
    """Say how every program is; 1 when one is not well or none runs."""
    record = folder.find_record()
    if record is None:
        voice.say("nothing runs in this folder; ./start.sh starts it")
        return 1
    states = fetch_states(folder)
    ready = ask_all(
        {
            name: url
            for name, url in record.ready_urls.items()
            if states.get(name, {}).get("statename") == "RUNNING"
        }
    )
    for name, address in record.addresses.items():
        state = states.get(name, {})
        if ready.get(name):
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(state["start"]))
            voice.program(GOOD, name, address, f"up since {since}")
        elif name in ready:
            voice.program(BAD, name, address, "runs, but does not answer")
        else:
            shown = name_state(state)
            voice.program(QUIET if shown == "stopped" else BAD, name, address, shown)
    if record.is_sandbox:
        voice.say(f"\n  chat page: {render_page_address(record)}")
    return 0 if len(ready) == len(record.addresses) and all(ready.values()) else 1


def end_stack(folder: Folder, voice: Voice) -> int:
    """End the stack of this folder and whatever an earlier one left."""
    pid = folder.find_holder()
    if pid:
        voice.say("stopping …")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS + 8
        while folder.find_holder() is not None and time.monotonic() < deadline:
            time.sleep(0.1)
        if folder.find_holder() == pid:
            os.kill(pid, signal.SIGKILL)
    left = end_leftovers(folder)
    clear_plans(folder.run)
    voice.say("everything is stopped" if pid or left else "nothing ran in this folder")
    return 0


def stop_one(folder: Folder, name: str, voice: Voice) -> int:
    """Stop one program of the running stack and say what follows from it."""
    require_program(folder, name)
    if not stop_program(folder, name):
        voice.say(f"{name} is stopped already")
        return 0
    voice.say(f"{name} is stopped. {CONSEQUENCES.get(name, '')}".rstrip())
    return 0


def start_one(folder: Folder, name: str, voice: Voice) -> int:
    """Start one program of the running stack and wait until it answers."""
    record = require_program(folder, name)
    if not start_program(folder, name):
        voice.say(f"{name} runs already")
        return 0
    deadline = time.monotonic() + UP_SECONDS
    while not ask_all({name: record.ready_urls[name]})[name]:
        if time.monotonic() > deadline:
            raise StackFault(f"{name} runs but does not answer; ./start.sh logs {name} says more")
        time.sleep(0.2)
    voice.say(f"{name} is up")
    return 0


def require_program(folder: Folder, name: str) -> Record:
    """Check a program's name against the running stack."""
    record = folder.require_record()
    if name not in record.addresses:
        parts = ", ".join(record.addresses)
        hint = suggest(name, record.addresses)
        raise StackFault(f"no part of the running stack is called {name}{hint}; there are {parts}")
    return record


def show_logs(folder: Folder, voice: Voice, *, name: str | None, lines: int, is_on: bool) -> int:
    """Show the last lines of one program's log or of all, and what follows."""
    names = list_logs(folder)
    if name is not None and name not in names:
        known = ", ".join(names) or "none yet"
        raise StackFault(f"there is no log of {name}{suggest(name, names)}; there are: {known}")
    chosen = [name] if name else names
    if not chosen:
        raise StackFault("there are no logs yet; ./start.sh starts the programs that write them")
    width = max(len(entry) for entry in chosen)

    def show(owner: str, line: str) -> None:
        voice.say(line if name else f"{owner:<{width}} | {line}")

    for owner in chosen:
        for line in read_tail(folder.logs / f"{owner}.log", lines):
            show(owner, line)
    if is_on:
        with contextlib.suppress(KeyboardInterrupt):
            for owner, line in follow(folder, chosen):
                show(owner, line)
    return 0
