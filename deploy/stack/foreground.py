"""The run itself: starts the programs, says how they are, and ends them all."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from deploy.stack.folder import Folder, Member, StackFault
from deploy.stack.journal import Follower, measure, read_tail
from deploy.stack.leftovers import end_leftovers
from deploy.stack.readiness import ask_all
from deploy.stack.supervision import STOP_SECONDS, start_warden
from deploy.stack.voice import BAD, GOOD, QUIET, Voice

LOOK_SECONDS = 0.3
# Chosen: the bridge needs up to 8 s on a small machine; who needs more than this has a trouble.
PATIENCE_SECONDS = 60
QUOTED_LINES = 12
PIPE_BYTES = 65536
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """Remembers that a signal asked for the end; before the run, it ends at once."""

    def __init__(self) -> None:
        self.count = 0
        self.is_gentle = False
        self._before: list[tuple[int, Any]] = []

    def __enter__(self) -> Self:
        self._before = [(number, signal.signal(number, self._ask)) for number in ENDING_SIGNALS]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before:
            signal.signal(number, before)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if not self.is_gentle:
            raise SystemExit(128 + number)


class Foreground:
    """Shows a running stack, change by change."""

    def __init__(
        self,
        folder: Folder,
        members: Sequence[Member],
        *,
        voice: Voice,
        ending: Ending,
        greet: Callable[[], Sequence[str]],
    ) -> None:
        self._folder = folder
        self._members = {member.name: member for member in members}
        self._voice = voice
        self._ending = ending
        self._greet = greet
        self._running: set[str] = set()
        self._pending = dict.fromkeys(self._members, "")
        """Programs that are not up yet, each with what happened to it before."""
        self._quoted: set[str] = set()
        self._began = time.monotonic()
        self._is_greeted = False
        self._rest = b""
        # What earlier runs wrote explains nothing of this one.
        names = [*self._members, "supervisor"]
        self._lengths = {name: measure(folder.logs / f"{name}.log") for name in names}

    def run(self) -> int:
        """Start, watch, end."""
        # From here on a signal is an order to end in order, not to drop everything.
        self._ending.is_gentle = True
        config_log = Follower(self._folder.logs / "config.log")
        warden = start_warden(self._folder, self._members.values())
        try:
            with selectors.DefaultSelector() as selector:
                pipe = _pipe(warden)
                selector.register(pipe, selectors.EVENT_READ)
                while not self._ending.count and warden.poll() is None:
                    if selector.select(LOOK_SECONDS):
                        for line in self._read(pipe):
                            self._take(line)
                    self._look()
                    for line in config_log.read():
                        self._voice.change(QUIET, line)
            if not self._ending.count:
                self._voice.quote(self._last_words("supervisor"))
                raise StackFault("the supervisor ended by itself; start again")
        finally:
            self._end(warden)
        return 0

    def _read(self, number: int) -> list[str]:
        """Give the whole lines that the supervisor wrote."""
        *lines, self._rest = (self._rest + os.read(number, PIPE_BYTES)).split(b"\n")
        return [line.decode("utf-8", errors="replace") for line in lines]

    def _take(self, line: str) -> None:
        """Take one line of the supervisor."""
        try:
            change = json.loads(line)
        except ValueError:
            if line.strip():
                self._voice.quote([line.rstrip()])
            return
        name = change["name"]
        self._running.discard(name)
        if change["state"] == "RUNNING" or (
            change["state"] == "STARTING" and self._members[name].ready_url
        ):
            # Who answers is up, even before the supervisor is convinced.
            self._running.add(name)
        elif change["state"] == "EXITED":
            code = change["code"]
            how = "was killed" if code == -1 else f"died (exit {code})"
            self._pending[name] = f"{how}, restarted"
            self._voice.change(BAD, f"{name} {how}; it is started again")
        elif change["state"] == "STOPPED":
            self._pending[name] = "started"
            self._voice.change(QUIET, f"{name} stopped")
        elif change["state"] in {"BACKOFF", "FATAL"}:
            self._pending.setdefault(name, "")
            self._complain(name, change)

    def _complain(self, name: str, change: dict[str, Any]) -> None:
        """Say that a program does not stay up, with its last words the first time."""
        if change["state"] == "FATAL":
            self._voice.change(BAD, f"{name} is given up; ./start.sh start {name} tries again")
        elif change["tries"] > 1 and name not in self._quoted:
            self._voice.change(BAD, f"{name} does not stay up; it is tried again and again")
            self._quote(name)

    def _quote(self, name: str) -> None:
        self._quoted.add(name)
        self._voice.quote(self._last_words(name) or ["(it said nothing)"])
        self._voice.say(f"      more: ./start.sh logs {name} · ./start.sh doctor", style="dim")

    def _last_words(self, name: str) -> list[str]:
        path = self._folder.logs / f"{name}.log"
        return read_tail(path, QUOTED_LINES, since=self._lengths[name])

    def _look(self) -> None:
        """Ask the programs that are not up yet, and greet when there are none left."""
        asked = {
            name: self._members[name].ready_url for name in self._pending if name in self._running
        }
        for name, is_up in ask_all(asked).items():
            if is_up:
                self._tell_up(self._members[name], self._pending.pop(name))
                self._quoted.discard(name)
        if self._is_greeted:
            return
        is_late = time.monotonic() - self._began > PATIENCE_SECONDS
        if is_late:
            for name in set(self._pending) - self._quoted:
                self._voice.mark(BAD, f"{name} does not answer yet; its last words:")
                self._quote(name)
        if is_late or not self._pending:
            self._is_greeted = True
            for line in self._greet():
                self._voice.say(line)

    def _tell_up(self, member: Member, story: str) -> None:
        if story:
            self._voice.change(GOOD, f"{member.name} {story}")
        else:
            since = time.strftime("%H:%M:%S")
            self._voice.program(GOOD, member.name, member.address, f"up since {since}")

    def _end(self, warden: subprocess.Popen[bytes]) -> None:
        """End the supervisor and with it all programs; a second signal ends the patience."""
        self._voice.say("stopping …")
        count = self._ending.count
        deadline = time.monotonic() + STOP_SECONDS + 2
        warden.terminate()
        while warden.poll() is None and time.monotonic() < deadline:
            if self._ending.count > max(count, 1):
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                # The pipe is read on, so that the supervisor never waits for us.
                warden.communicate(timeout=LOOK_SECONDS)
        if warden.poll() is None:
            warden.kill()
            warden.wait()
        end_leftovers(self._folder)
        clear_plans(self._folder.run)
        self._voice.say("everything is stopped")


def clear_plans(place: Path) -> None:
    """Remove how the programs were started: their environments hold secrets."""
    for path in [*place.glob("*.json"), place / "supervisor.conf"]:
        path.unlink(missing_ok=True)


def _pipe(warden: subprocess.Popen[bytes]) -> int:
    if warden.stdout is None:
        raise ValueError("the supervisor was started without a pipe")
    return warden.stdout.fileno()
