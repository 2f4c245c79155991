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
from bridge.errors import BridgeError, Outage
from bridge.inbound.chat.arrivals import is_for_us, read_arrival
from bridge.logs import create_log

_log = create_log(__name__)


class Unfinished(Protocol):
    """An update that an earlier run has left."""

    @property
    def incoming(self) -> Incoming:
        """The update."""
        ...

    @property
    def received_at(self) -> datetime:
        """When it came."""
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
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._ear = ear
        self._updates = updates
        self._take = take
        self._start = start
        self._now = now
        self._together = asyncio.Semaphore(limits.UPDATES_TOGETHER)
        self._in_line: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: defaultdict[int, int] = defaultdict(int)
        self._entered: set[int] = set()
        self._next: int | None = None
        self._sleep = sleep

    async def listen(self) -> None:
        """Fetch once, write down what came, and have it acted on.

        Raises:
            Outage: Telegram or the store does not answer.
            Refused: another program polls with this token, or the token is not known.
        """
        known = await self._updates.offset(now=self._now())
        batch = await self._ear.fetch(known if self._next is None else max(self._next, known or 0))
        ours = [each for each in batch if is_for_us(read_arrival(each.body))]
        if ours:
            self.feed(await self._updates.put(ours, now=self._now()))
        if batch:
            # Most of what a group says is never written down: it is confirmed all the same.
            self._next = max(each.update_id for each in batch) + 1

    async def sweep(self) -> None:
        """Take up what lies in the journal and nobody works on.

        What an earlier run has left, and what was written down by a write that had seemed to fail.
        What was begun is done once more only while somebody may still wait for it.

        Raises:
            Outage: the store does not answer.
        """
        now = self._now()
        for each in await self._updates.unfinished(now=now):
            update_id = each.incoming.update_id
            if update_id in self._entered:
                continue
            if each.was_begun and now - each.received_at > limits.RESUME_WITHIN:
                await self._updates.finish(update_id, now=now)
                continue
            arrival = read_arrival(each.incoming.body)
            dated = replace(arrival, at=arrival.at or each.received_at)
            was_begun = each.was_begun
            self._enter(update_id, replace(dated, is_interrupted=was_begun), is_begun=was_begun)

    def feed(self, batch: Sequence[Incoming]) -> None:
        """Have updates acted on; those of one person in the order they came."""
        for each in batch:
            self._enter(each.update_id, read_arrival(each.body), is_begun=False)

    def _enter(self, update_id: int, arrival: Arrival, *, is_begun: bool) -> None:
        self._entered.add(update_id)
        self._waiting[arrival.user_id] += 1
        self._start(self._act(update_id, arrival, is_begun=is_begun))

    async def _act(self, update_id: int, arrival: Arrival, *, is_begun: bool) -> None:
        # Locks are taken in the order of asking, so a person's updates keep theirs.
        try:
            async with self._in_line[arrival.user_id], self._together:
                if is_begun or await self._is_begun(update_id):
                    await self._act_once(update_id, arrival)
        finally:
            # What could not be finished is found again by the next sweep.
            self._entered.discard(update_id)
            self._waiting[arrival.user_id] -= 1
            if not self._waiting[arrival.user_id]:
                del self._waiting[arrival.user_id], self._in_line[arrival.user_id]

    async def _is_begun(self, update_id: int) -> bool:
        """Take an update up, as soon as the store lets us; say whether it is ours."""
        until = self._now() + limits.CHANGE_FRESH
        while True:
            try:
                return await self._updates.begin(update_id, now=self._now())
            except Outage:
                if self._now() >= until:
                    raise
                await self._sleep(limits.UPDATE_AGAIN.total_seconds())

    async def _act_once(self, update_id: int, arrival: Arrival) -> None:
        try:
            await self._take(arrival)
        except BridgeError as fault:
            _log.warning(fault.sentence, action="update", update=update_id)
        except Exception:  # noqa: BLE001 - one that fails must not come again at every start
            _log.exception("an update failed unforeseen", action="update", update=update_id)
        await self._updates.finish(update_id, now=self._now())
