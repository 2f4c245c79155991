"""A clock that moves when told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until it is advanced; waiting advances it."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self.rests = 0
        """How often somebody found nothing to do."""

    def now(self) -> datetime:
        """Tell the time."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Pass over the wait."""
        self.advance(timedelta(seconds=seconds))

    async def rest(self, seconds: float) -> None:
        """Let the others have their turn: how long the machine worked is nobody's time here."""
        assert seconds >= 0
        self.rests += 1
        await asyncio.sleep(0)

    def advance(self, span: timedelta) -> None:
        """Move on."""
        self._now += span
