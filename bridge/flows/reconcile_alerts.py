"""What the Alertmanagers list is compared with what we show, and the difference is put right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.core.audience import Destination
from bridge.core.cards import Muting
from bridge.core.listed import ListedGroup, Listing
from bridge.core.reconciling import (
    Memory,
    OpenEpisode,
    Repairs,
    Writer,
    reconcile,
    write_letters,
)
from bridge.errors import Outage


class Alertmanager(Protocol):
    """One Alertmanager's API."""

    async def fetch_listing(self, *, now: datetime) -> Listing:
        """Ask for everything that is not over, or raise Outage."""
        ...

    async def fetch_groups(self, *, now: datetime) -> tuple[ListedGroup, ...]:
        """Ask for its groups, or raise Outage."""
        ...


class Episodes(Protocol):
    """Knows what is open, and puts it right."""

    async def find_open(self) -> list[OpenEpisode]:
        """List what fires of all that came without a source."""
        ...

    async def find_writers(self, *, now: datetime) -> list[Writer]:
        """List the receivers that have written to us lately without a source."""
        ...

    async def repair(self, repairs: Repairs, *, now: datetime) -> list[int]:
        """Write what was found; answer which episodes have changed."""
        ...


class Journal(Protocol):
    """The way in for webhooks."""

    async def put(
        self,
        body: bytes,
        *,
        addressed: Destination | None,
        source: str,
        now: datetime,
        is_listed: bool = False,
    ) -> None:
        """Keep a webhook, written after a list."""
        ...


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """What a pass has come to."""

    memory: Memory
    """For the next pass."""
    ended: int = 0
    mutings: Mapping[int, Muting | None]
    """Episodes that Alertmanager has begun or ceased to mute."""
    missed: int = 0
    """Alerts that were put as new."""
    troubles: tuple[str, ...] = ()
    """Which Alertmanagers did not answer, and why."""


async def reconcile_alerts(
    memory: Memory,
    *,
    alertmanagers: Sequence[Alertmanager],
    episodes: Episodes,
    journal: Journal,
    now: datetime,
) -> Reconciled:
    """Compare once; what one pass has to tell the next is in the answer's `memory`.

    Raises:
        Outage: the store did not answer.
    """
    asked = await asyncio.gather(*(_list(each, now) for each in alertmanagers))
    listings = [each if isinstance(each, Listing) else None for each in asked]
    writers = await episodes.find_writers(now=now)
    # Read after the lists: what a webhook has opened since is here, at worst not in them yet.
    held = await episodes.find_open()
    receivers = {each.receiver for each in writers}
    # Beside the loop: naming ten thousand alerts takes a tenth of a second.
    repairs = await asyncio.to_thread(reconcile, listings, held, receivers, memory, now)
    changed = set(await episodes.repair(repairs, now=now))
    memory, missed = repairs.memory.noting_kept(repairs.endings.keys() - changed), 0
    if repairs.missed:
        groups = await _fetch_groups(alertmanagers, now)
        put: set[str] = set()
        for letter in write_letters(repairs.missed, groups, writers):
            await journal.put(
                json.dumps(letter.body).encode(),
                addressed=letter.writer.addressed,
                source="",
                now=now,
                is_listed=True,
            )
            put |= letter.identities
        memory, missed = memory.noting_put(repairs.missed, put, now), len(put)
    return Reconciled(
        memory=memory,
        ended=len(changed & set(repairs.endings)),
        mutings={each: how for each, how in repairs.mutings.items() if each in changed},
        missed=missed,
        troubles=tuple(each for each in asked if isinstance(each, str)),
    )


async def _list(alertmanager: Alertmanager, now: datetime) -> Listing | str:
    try:
        return await alertmanager.fetch_listing(now=now)
    except Outage as fault:
        return fault.sentence


async def _fetch_groups(alertmanagers: Sequence[Alertmanager], now: datetime) -> list[ListedGroup]:
    groups: list[ListedGroup] = []
    for each in alertmanagers:
        try:
            groups += await each.fetch_groups(now=now)
        except Outage:
            continue  # it has listed its alerts a moment ago; they wait for the next turn
    return groups
