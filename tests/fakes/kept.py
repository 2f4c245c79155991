"""Commands that are kept in memory, as the store keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.kept_jobs import KeptJob, LeftJob
from bridge.errors import Outage


@dataclass
class Row:
    """A command, and how far it has come."""

    kept: KeptJob
    leased_until: datetime | None = None
    ending: Sequence[Mapping[str, Any]] | None = None
    ended_at: datetime | None = None
    told_at: datetime | None = None


@dataclass
class FakeKept:
    """Remembers commands of one bridge."""

    rows: dict[int, Row] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    is_news: bool = True
    """Whether nobody else has written an end meanwhile."""
    outages: dict[str, int] = field(default_factory=dict)
    """What is asked → how often it cannot be written yet."""
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    """What is asked → what its answer waits for, once it is written."""

    @property
    def ended(self) -> list[int]:
        """The numbers of those that have ended."""
        return [number for number, row in self.rows.items() if row.ended_at is not None]

    @property
    def told(self) -> list[int]:
        """The numbers of those whose end the chat knows."""
        return [number for number, row in self.rows.items() if row.told_at is not None]

    async def begin(self, job: KeptJob, *, entry: Entry) -> int | None:
        """Write down that a command begins."""
        if any(row.kept.key == job.key for row in self.rows.values()):
            return None
        self.entries.append(entry)
        number = len(self.rows) + 1
        self.rows[number] = Row(job, leased_until=job.at + limits.JOB_LEASE)
        return number

    async def launch(
        self, number: int, chat: Destination, telegram_id: int | None, *, now: datetime
    ) -> bool:
        """Write down that the hosts are asked now."""
        row = self.rows[number]
        if row.ended_at is not None:
            return False
        row.kept = replace(row.kept, chat=chat, telegram_id=telegram_id)
        if row.kept.is_unwanted:
            return False
        row.kept = replace(row.kept, out_at=now)
        await self._wait("launch")
        return True

    async def find(self, number: int) -> KeptJob | None:
        """Find a command by its number."""
        row = self.rows.get(number)
        return row.kept if row is not None else None

    async def note_message(self, number: int, chat: Destination, telegram_id: int | None) -> None:
        """Remember which message tells of it."""
        self._require("note_message")
        row = self.rows[number]
        row.kept = replace(row.kept, chat=chat, telegram_id=telegram_id)

    async def end(self, number: int, ending: Sequence[Mapping[str, Any]], *, entry: Entry) -> bool:
        """Write down how it ended."""
        self._require("end")
        row = self.rows[number]
        if row.ended_at is not None or not self.is_news:
            return False
        row.ending, row.ended_at = ending, entry.at
        self.entries.append(entry)
        return True

    async def note_told(self, number: int, *, now: datetime) -> None:
        """Write down that the chat knows its end."""
        row = self.rows[number]
        row.told_at, row.ending = now, None

    async def postpone(self, number: int, *, until: datetime) -> None:
        """Leave it alone until then."""
        self.rows[number].leased_until = until
        await self._wait("postpone")

    async def want_stop(self, number: int, *, now: datetime) -> bool:
        """Write down that somebody has pressed Stop."""
        del now
        row = self.rows[number]
        row.kept = replace(row.kept, is_unwanted=True)
        return row.ended_at is None

    async def renew(self, numbers: Collection[int], *, now: datetime) -> Mapping[int, bool]:
        """Hold commands for longer."""
        for number in numbers:
            self.rows[number].leased_until = now + limits.JOB_LEASE
        return {number: self.rows[number].kept.is_unwanted for number in numbers}

    async def claim(self, *, under_way: Collection[int], now: datetime) -> Sequence[LeftJob]:
        """Hold what nobody holds and nobody has told of."""
        left = []
        for number, row in self.rows.items():
            is_free = row.leased_until is None or row.leased_until <= now
            if is_free and row.told_at is None and number not in under_way:
                row.leased_until = now + limits.JOB_LEASE
                left.append(LeftJob(number, row.kept, row.ending, row.ended_at))
        return left

    async def release(self) -> None:
        """End the leases of those who are gone."""
        for row in self.rows.values():
            row.leased_until = None

    def _require(self, what: str) -> None:
        if self.outages.get(what, 0) > 0:
            self.outages[what] -= 1
            raise Outage("the database", "disk full")

    async def _wait(self, what: str) -> None:
        if what in self.gates:
            await self.gates[what].wait()
