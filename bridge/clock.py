"""Time at the edge of the house; everything inside receives `now`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...

    async def rest(self, seconds: float) -> None:
        """Leave the machine to others that long: nothing waits for the time to pass."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's present instant in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that asks the machine

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)

    async def rest(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)
