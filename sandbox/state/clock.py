"""The sandbox's clock: the machine's time, moved by a settable offset."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

# The Bot API's times are 32 bits; a year less, so that what is added to them stays one.
EARLIEST, LATEST = datetime(2001, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)


class ClockFault(ValueError):
    """An instant at which the clock cannot be put."""


class Clock:
    """Tell a time that tests may move; it keeps running from where it was put."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """Tell the sandbox's present instant, in UTC."""
        return _machine_time() + self.offset

    def advance(self, span: timedelta) -> None:
        """Move the clock by a length of time, backwards when it is negative."""
        self.put_at(self.now() + span)

    def put_at(self, instant: datetime) -> None:
        """Put the clock at an instant that the Bot API can tell."""
        if not EARLIEST <= instant <= LATEST:
            raise ClockFault(f"The clock goes from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}.")
        self.offset = instant - _machine_time()

    def follow_the_machine(self) -> None:
        """Return to the machine's own time."""
        self.offset = timedelta()


def _machine_time() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
