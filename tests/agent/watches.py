"""A watch of logins between sources and a bridge that a test moves by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent.logins import Told, read_line
from agent.sources import Batch, Source
from agent.watching import LoginWatch

NOW = 1_800_000_000.0


def line(text: str, pid: int = 7, program: str = "sshd") -> str:
    return f"Nov 26 22:31:15 web-1 {program}[{pid}]: {text}"


def accepted(user: str = "bob", pid: int = 7) -> str:
    return line(f"Accepted password for {user} from 1.2.3.4 port {5000 + pid} ssh2", pid)


class FakeSource:
    """A source that gives what it is told to, or fails."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.lines: list[str] = []
        self.fault: Exception | None = None
        self.problem = ""
        self.marks: list[str] = []
        self.is_open = False

    async def read(self, mark: str, now: float) -> Batch:
        del now
        self.marks.append(mark)
        if self.fault is not None:
            raise self.fault
        self.is_open = True
        told: list[Told] = [each for each in map(read_line, self.lines) if each]
        self.lines = []
        return Batch(told=told, mark="here", problem=self.problem)

    async def close(self) -> None:
        self.is_open = False


class World:
    """A host with its clock, its sources and a bridge."""

    def __init__(self, folder: Path, *sources: Source) -> None:
        self.folder = folder / "logins"
        self.sources = list(sources)
        self.now = NOW
        self.letters: list[Mapping[str, Any]] = []
        self.fault: Exception | None = None
        self.ticks = asyncio.Event()
        self.asleep = 0
        self.watch = self.create()

    def create(self) -> LoginWatch:
        return LoginWatch(
            self.folder, self.sources, self.post, clock=lambda: self.now, sleep=self.sleep
        )

    async def post(self, kind: str, facts: Mapping[str, Any]) -> None:
        assert kind == "login"
        if self.fault is not None:
            raise self.fault
        self.letters.append(json.loads(json.dumps(facts)))

    async def sleep(self, seconds: float) -> None:
        """Let time pass only when a test does."""
        until = self.now + seconds
        self.asleep += 1
        try:
            while self.now < until:
                await self.ticks.wait()
        finally:
            self.asleep -= 1

    async def wait(self, seconds: float = 1.1) -> None:
        """Let time pass, and everybody do what they do then."""
        self.now += seconds
        self.ticks.set()
        self.ticks.clear()
        async with asyncio.timeout(60):
            quiet = 0
            while quiet < 5:
                await asyncio.sleep(0)
                # Whoever looks rests, and so does whoever posts what cannot be posted; and what
                # counts as posted is off the disk as well, which a thread sees to.
                is_rest = self.asleep >= 1 + (self.watch.waiting > 0)
                is_quiet = is_rest and not self.watch._spool._one_at_a_time.locked()
                quiet = quiet + 1 if is_quiet else 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LoginWatch]:
        task = asyncio.create_task(self.watch.run())
        try:
            await self.wait(0)
            yield self.watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def told(self) -> list[tuple[str, str, int]]:
        return [(each["kind"], each["user"], each["count"]) for each in self.letters]
