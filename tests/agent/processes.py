"""What runs as a user, and the waiting until nothing does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 60.0
"""What is waited for comes in milliseconds; a machine that does other things as well may stall."""


async def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so; no event tells of what other processes do."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.01)


def list_children(pid: int | None) -> list[int]:
    """List the children of a process."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


class Processes:
    """The processes of a user, beside those that were there before."""

    def __init__(self, user: int) -> None:
        self._user = user
        self._before: set[int] = set()
        self._before = self.list_all()

    def list_all(self) -> set[int]:
        """List them; a dead one that nobody has taken in yet counts."""
        found = set()
        for each in Path("/proc").iterdir():
            with suppress(OSError):
                if each.name.isdigit() and each.stat().st_uid == self._user:
                    found.add(int(each.name))
        return found - self._before

    def list_before(self) -> set[int]:
        """List those that were there before."""
        return self._before

    async def wait_until_none(self, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until there is none; say how long it took."""
        began = time.monotonic()
        while self.list_all():
            assert time.monotonic() - began < seconds, f"left: {self.describe()}"
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def wait_until_some(self) -> None:
        """Wait until there is one."""
        await wait_until(lambda: bool(self.list_all()))

    def describe(self) -> list[str]:
        """Describe those that are there."""
        found = []
        for pid in self.list_all():
            with suppress(OSError):
                found.append(Path(f"/proc/{pid}/stat").read_text()[:80])
        return found
