"""A bridge with its agents, its local Telegram, and a person who speaks to it, for a benchmark."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.asking import gather_crowd
from benchmarks.bridges import GROUP
from benchmarks.charts import open_prometheus
from benchmarks.enrolled import (
    START_SECONDS,
    HostPlace,
    enrol_hosts,
    place_hosts,
    start_agents,
    tell,
)
from benchmarks.noting import NOTE_LAG, NOTES
from benchmarks.telegrams import RunningTelegram, open_telegram_process
from tests.fakes.local_telegram import ADA
from tests.live.conftest import NOWHERE, TOKEN, Program, Programs, until
from tests.ports import free_port

LOOK = 0.02  # seconds between two looks at a chat
SIMULATORS = 2  # processes that stand for agents which are not there
ACTIONS_FILE = "actions.yml"
ACTIONS = """\
"yes": {read_only: true, seconds: 60}
"vmstat 1 30": {run: vmstat -n 1 30, read_only: true, seconds: 60}
"""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a benchmark needs around it."""

    hosts: int
    is_simulated: bool = False
    people: int = 0
    """How many write beside the admin."""
    has_numbers: bool = False
    """Whether a real Prometheus knows the hosts."""
    notes_lag: bool = False
    has_actions: bool = False
    """Whether the hosts' owners allow what only a benchmark runs."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that runs."""

    programs: Programs
    telegram: RunningTelegram
    hosts: tuple[HostPlace, ...]
    people: tuple[int, ...]
    bridge: Program
    agents: Sequence[Program]
    notes: Path

    @property
    def bridge_pid(self) -> int:
        """Tell which process the bridge is."""
        return self.bridge.process.pid

    async def say(self, text: str, person: int = ADA) -> float:
        """Write something in a private chat; answer when that began."""
        began = time.time()
        await self.telegram.post("/say", chat_id=person, person_id=person, text=text)
        return began

    async def read(self, person: int = ADA) -> list[dict[str, Any]]:
        """Read what the bot has said in somebody's chat."""
        answer = await self.telegram.control.get(f"/chats/{person}/messages", params={"limit": 50})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["messages"]
        return [each for each in found if each["from"]["is_bot"]]

    async def last_id(self, person: int = ADA) -> int:
        """Tell which message is the last one in a chat."""
        return max((each["message_id"] for each in await self.read(person)), default=0)

    async def find(
        self, words: str, *, after: int, person: int = ADA, seconds: float = 60
    ) -> dict[str, Any]:
        """Wait until a message behind another holds some words; give it."""
        found: list[dict[str, Any]] = []

        async def is_there() -> bool:
            found[:] = [
                each
                for each in await self.read(person)
                if each["message_id"] > after
                and re.search(words, each["text"] or each["caption"] or "")
            ]
            return bool(found)

        try:
            await until(is_there, seconds=seconds, step=LOOK)
        except TimeoutError:
            shown = await self._say_last(person)
            raise RuntimeError(f"nothing says {words!r}: {shown}") from None
        return found[-1]

    async def confirm(self, question: dict[str, Any], person: int = ADA) -> float:
        """Press the first button of a question; answer when that began."""
        where = {"chat_id": question["chat_id"], "message_id": question["message_id"]}
        began = time.time()
        await self.telegram.post("/press", **where, person_id=person, row=0, column=0)
        return began

    def noted(self, what: str, since: float) -> list[dict[str, Any]]:
        """Read what the bridge has noted since a moment."""
        lines = self.notes.read_text(encoding="utf-8").splitlines()
        found = [json.loads(each) for each in lines if f'"{what}"' in each]
        return [each for each in found if each["at"] >= since]

    async def wait_for_note(self, what: str, since: float, seconds: float = 60) -> dict[str, Any]:
        """Wait until the bridge has noted something."""

        async def is_noted() -> bool:
            return bool(self.noted(what, since))

        try:
            await until(is_noted, seconds=seconds, step=LOOK)
        except TimeoutError:
            log = self.bridge.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{what!r} was not noted: {await self._say_last()}\n{log}") from None
        return self.noted(what, since)[0]

    async def _say_last(self, person: int = ADA) -> list[str]:
        return [each["text"] for each in await self.read(person)][-3:]


def when_shown(message: dict[str, Any]) -> float:
    """Tell when Telegram accepted a message as it stands."""
    return datetime.fromisoformat(message["edited_at"] or message["at"]).timestamp()


@asynccontextmanager
async def open_scene(wish: Wish) -> AsyncIterator[Scene]:
    """Start everything, and end everything when the context ends."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hosts-")))
        folder.chmod(0o755)  # noqa: ASYNC240 - jobs and ssh belong to others than this process
        programs = Programs(folder, stack)
        telegram = await stack.enter_async_context(
            open_telegram_process(programs, "unpaced", paced=False)
        )
        crowd = await gather_crowd(telegram, wish.people)
        hosts = place_hosts(folder / "hosts", wish.hosts)
        prometheus = NOWHERE
        if wish.has_numbers:
            names = [each.name for each in hosts]
            tell("starting Prometheus with an hour of numbers")
            prometheus, _ = await stack.enter_async_context(
                open_prometheus(folder, "current", names)
            )
        environ = _set_bridge(folder, telegram, [ADA, *crowd.people], prometheus)
        tell(f"enrolling {wish.hosts} hosts")
        await enrol_hosts(environ, hosts)
        if wish.has_actions:
            _write_actions(folder)
        agents = await (_simulate if wish.is_simulated else _run)(programs, stack, hosts)
        bridge = await _start_bridge(programs, environ, notes_lag=wish.notes_lag)
        yield Scene(
            programs=programs,
            telegram=telegram,
            hosts=hosts,
            people=tuple(crowd.people),
            bridge=bridge,
            agents=agents,
            notes=folder / "notes",
        )


def _set_bridge(
    folder: Path, telegram: RunningTelegram, people: Sequence[int], prometheus: str
) -> dict[str, str]:
    return {
        "STATE_DIR": str(folder / "state"),
        "AGENTS_FILE": str(folder / "agents.txt"),
        "BOT_TOKEN": telegram.bot_token,
        "TELEGRAM_API_BASE": telegram.url,
        "PROMETHEUS_URL": prometheus,
        "ALERTMANAGER_URL": NOWHERE,
        "ALERT_CHAT_ID": str(GROUP),
        "ALLOWED_USERS": ",".join(map(str, people)),
        "SERVER_PORT": str(free_port()),
        "AGENTS_PORT": str(free_port()),
        "WEBHOOK_TOKEN": TOKEN,
        "TIMEZONE": "UTC",
    }


async def _start_bridge(programs: Programs, environ: dict[str, str], *, notes_lag: bool) -> Program:
    notes = {NOTES: str(programs.folder / "notes"), **({NOTE_LAG: "1"} if notes_lag else {})}
    (programs.folder / "notes").touch()
    ready = f"http://127.0.0.1:{environ['SERVER_PORT']}/healthz"
    command = (sys.executable, "-m", "benchmarks.noting")
    return await programs.start(
        *command, ready=ready, environ={**environ, **notes}, seconds=START_SECONDS
    )


async def _run(
    programs: Programs, stack: AsyncExitStack, hosts: Sequence[HostPlace]
) -> Sequence[Program]:
    return await start_agents(programs, stack, hosts, programs.folder / ACTIONS_FILE)


def _write_actions(folder: Path) -> None:
    """Write the owners' file; an agent takes it from root alone."""
    if os.geteuid() != 0:
        raise SystemExit("this scene is for root: an agent takes its owner's file from nobody else")
    actions = folder / ACTIONS_FILE
    actions.write_text(ACTIONS)
    actions.chmod(0o644)


async def _simulate(
    programs: Programs, _stack: AsyncExitStack, hosts: Sequence[HostPlace]
) -> Sequence[Program]:
    started = []
    for number in range(SIMULATORS):
        path = programs.folder / f"simulated-{number}.json"
        path.write_text(json.dumps([str(each.folder) for each in hosts[number::SIMULATORS]]))
        command = (sys.executable, "-m", "benchmarks.simulated", str(path))
        program = await programs.start(*command)

        async def is_ready(path: Path = path, program: Program = program) -> bool:
            if program.process.returncode is not None:
                raise RuntimeError(f"it ended: {program.log.read_text()[-2000:]}")
            return path.with_suffix(".ready").exists()

        await until(is_ready, seconds=START_SECONDS)
        started.append(program)
    tell(f"{len(hosts)} simulated agents listen")
    return started


async def broadcast(scene: Scene, command: str) -> tuple[float, float]:
    """Have a command run everywhere; answer when that was asked for, and when all was known.

    Where there are many hosts the bridge asks first, and time runs from the press of the button.
    """
    last = await scene.last_id()
    began = await scene.say(f"/broadcast {command}")
    if len(scene.hosts) > 10:
        question = await scene.find(r"\?|hosts", after=last)
        await asyncio.sleep(1.2)  # a chat is written to once a second: the answer must not wait
        began = await scene.confirm(question)
    note = await scene.wait_for_note("all known", began)
    if note["good"] != len(scene.hosts):
        raise RuntimeError(
            f"only {note['good']} of {note['hosts']} hosts ended well: {note['bad']}"
        )
    return began, note["at"]
