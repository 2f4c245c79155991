"""What happens, told to the chat pages as it happens."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEPT_EVENTS = 5_000  # a page that lost more than these is told to read the state again


@dataclass(frozen=True)
class Event:
    """One happening."""

    sequence: int
    kind: str
    content: dict[str, Any]


class EventStream:
    """Number events, keep the last ones, and give them to whoever listens."""

    def __init__(self) -> None:
        # Starting at the machine's milliseconds keeps the numbers rising over restarts.
        self._last = time.time_ns() // 1_000_000
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._first_kept = self._last + 1
        self._listeners: set[asyncio.Event] = set()
        self._closed = False

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self._last

    def publish(self, kind: str, content: dict[str, Any]) -> None:
        """Tell everybody who listens."""
        self._last += 1
        if len(self._events) == KEPT_EVENTS:
            self._first_kept = self._events[1].sequence
        self._events.append(Event(self._last, kind, content))
        self._wake()

    def close(self) -> None:
        """End every listener."""
        self._closed = True
        self._wake()

    async def listen(
        self, after: int | None, *, ping_seconds: float
    ) -> AsyncIterator[Event | None]:
        """Yield events after a number, or from now on; None when nothing came for a while."""
        seen = self._last if after is None else after
        woken = asyncio.Event()
        self._listeners.add(woken)
        try:
            while not self._closed:
                for event in self._after(seen):
                    seen = event.sequence
                    yield event
                if self._last > seen or self._closed:
                    continue
                woken.clear()
                try:
                    await asyncio.wait_for(woken.wait(), ping_seconds)
                except TimeoutError:
                    yield None
        finally:
            self._listeners.discard(woken)

    def _after(self, seen: int) -> list[Event]:
        if seen + 1 < self._first_kept or seen > self._last:
            return [Event(self._last, "reset", {})]
        wanted = self._last - seen
        return list(self._events)[-wanted:] if wanted else []

    def _wake(self) -> None:
        for woken in self._listeners:
            woken.set()
