"""The ear: updates are fetched, written down, confirmed, and only then acted on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from bridge import limits
from bridge.core.arrivals import Arrival
from bridge.core.updates import Incoming
from bridge.errors import BridgeError
from bridge.inbound.chat.arrivals import read_arrival
from bridge.logs import create_log

_log = create_log(__name__)


class Unfinished(Protocol):
    """An update that an earlier run has left."""

    @property
    def incoming(self) -> Incoming:
        """The update."""
        ...

    @property
    def was_begun(self) -> bool:
        """Whether some of it may have been done."""
        ...


class Ear(Protocol):
    """Hears what people send."""

    async def fetch(self, offset: int | None) -> Sequence[Incoming]:
        """Wait for updates from this number on; those below it are confirmed."""
        ...


class Updates(Protocol):
    """The journal of updates."""

    async def put(self, batch: Sequence[Incoming], *, now: datetime) -> Sequence[Incoming]:
        """Write updates down; answer those that are new."""
        ...

    async def offset(self, *, now: datetime) -> int | None:
        """Tell from which number on nothing is known; None: from the beginning."""
        ...

    async def begin(self, update_id: int, *, now: datetime) -> bool:
        """Take an update up; False where it was before."""
        ...

    async def unfinished(self, *, now: datetime) -> Sequence[Unfinished]:
        """List what was not finished, the oldest first."""
        ...

    async def finish(self, update_id: int, *, now: datetime) -> None:
        """Note that all is done."""
        ...


class Poller:
    """Fetches updates for ever and has each acted on once."""

    def __init__(
        self,
        ear: Ear,
        updates: Updates,
        take: Callable[[Arrival], Awaitable[None]],
        *,
        start: Callable[[Any], object],
        now: Callable[[], datetime],
    ) -> None:
        self._ear = ear
        self._updates = updates
        self._take = take
        self._start = start
        self._now = now
        self._together = asyncio.Semaphore(limits.UPDATES_TOGETHER)
        self._in_line: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: defaultdict[int, int] = defaultdict(int)

    async def listen(self) -> None:
        """Fetch once, write down what came, and have it acted on.

        Raises:
            Outage: Telegram or the store does not answer.
            Refused: another program polls with this token, or the token is not known.
        """
        batch = await self._ear.fetch(await self._updates.offset(now=self._now()))
        if batch:
            self.feed(await self._updates.put(batch, now=self._now()))

    async def resume(self) -> None:
        """Act on what an earlier run has left undone.

        Raises:
            Outage: the store does not answer.
        """
        for each in await self._updates.unfinished(now=self._now()):
            arrival = replace(read_arrival(each.incoming.body), is_interrupted=each.was_begun)
            self._enter(each.incoming.update_id, arrival, is_begun=each.was_begun)

    def feed(self, batch: Sequence[Incoming]) -> None:
        """Have updates acted on; those of one person in the order they came."""
        for each in batch:
            self._enter(each.update_id, read_arrival(each.body), is_begun=False)

    def _enter(self, update_id: int, arrival: Arrival, *, is_begun: bool) -> None:
        self._waiting[arrival.user_id] += 1
        self._start(self._act(update_id, arrival, is_begun=is_begun))

    async def _act(self, update_id: int, arrival: Arrival, *, is_begun: bool) -> None:
        # Locks are taken in the order of asking, so a person's updates keep theirs.
        try:
            async with self._in_line[arrival.user_id], self._together:
                if is_begun or await self._updates.begin(update_id, now=self._now()):
                    await self._act_once(update_id, arrival)
        finally:
            self._waiting[arrival.user_id] -= 1
            if not self._waiting[arrival.user_id]:
                del self._waiting[arrival.user_id], self._in_line[arrival.user_id]

    async def _act_once(self, update_id: int, arrival: Arrival) -> None:
        try:
            await self._take(arrival)
        except BridgeError as fault:
            _log.warning(fault.sentence, action="update", update=update_id)
        await self._updates.finish(update_id, now=self._now())
