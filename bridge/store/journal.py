"""The journal: webhooks as they came. A row here is the promise to Alertmanager.

Writing one down is a single short row, however many alerts it has, and waits for nothing but the
disk, so the answer is quick. Folding it into episodes and cards comes right after, in a transaction
that also takes it out of the journal, or notes that it is folded where the journal is a file of its
own (see `inbox`): it happens once, whatever happens to the process.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select

from bridge import limits
from bridge.core.alerts import Notification, Unreadable, parse_webhook
from bridge.core.audience import Destination, Hearer
from bridge.core.hearing import Hearing
from bridge.core.watchdog import find_pipelines, is_watchdog
from bridge.errors import Outage
from bridge.store import inbox as file
from bridge.store.database import Database
from bridge.store.folding import Folding
from bridge.store.inbox import Inbox
from bridge.store.places import find_audience, find_hearing
from bridge.store.tables import journal


@dataclass(frozen=True, kw_only=True)
class Folded:
    """What a pass over the journal has come to."""

    webhooks: int = 0
    pipelines: frozenset[str] = frozenset()
    """Those whose Watchdog fired."""
    members: Mapping[str, int] = field(default_factory=dict)
    """How many members were firing, resolved and unreadable."""
    has_more: bool = False


@dataclass(frozen=True)
class Backlog:
    """How much is written down and not folded yet."""

    webhooks: int
    oldest: datetime | None


class Journal:
    """The way in, kept in the database or in the file beside it."""

    def __init__(self, database: Database, hearing: Hearing) -> None:
        self._database = database
        self._hearing = hearing
        self._undropped = 1  # whoever was here before may have left something

    async def put(
        self,
        body: bytes,
        *,
        addressed: Destination | None,
        source: str,
        now: datetime,
        is_listed: bool = False,
    ) -> None:
        """Keep a webhook; with `is_listed`, one that we wrote after an Alertmanager's own list.

        Raises:
            Outage: nothing of it was kept.
        """
        address: dict[str, Any] = {
            "source": source,
            "chat_id": addressed.chat_id if addressed else None,
            "thread_id": addressed.thread_id if addressed else None,
        }
        if is_listed:
            address["is_listed"] = True
        row = {"body": body, "address": address, "received_at": now}
        inbox = self._database.inbox
        put = insert(journal if inbox is None else file.inbox)
        await self._database.keep(lambda connection: connection.execute(put, row).close())

    async def fold(self, *, now: datetime, together: int | None = None) -> Folded:
        """Fold the oldest webhooks into episodes, cards and messages.

        Raises:
            Outage: nothing was folded.
        """
        inbox = self._database.inbox
        most = together or limits.FOLD_WEBHOOKS
        try:
            folded = await self._database.write(
                lambda connection: _fold(connection, inbox, self._hearing, now, most=most),
                is_patient=True,
            )
        except Outage as fault:
            if fault.party == file.PARTY:
                await self._database.renew_inbox()
            raise
        if inbox is not None:
            await self._tidy(inbox, folded)
        return folded

    async def oldest(self) -> int | None:
        """Name the oldest webhook; None where there is none."""
        left = await self._database.read(lambda connection: _find_oldest(connection, journal))
        inbox = self._database.inbox
        if left is not None or inbox is None:
            return left
        folded_to = await self._find_folded(inbox)
        return await self._database.read_kept(
            lambda connection: _find_oldest(connection, file.inbox, after=folded_to)
        )

    async def give_up(self, number: int, fault: str, *, now: datetime) -> None:
        """Show a webhook as it came: it cannot be folded."""
        inbox = self._database.inbox
        await self._database.write(
            lambda connection: _give_up(connection, inbox, self._hearing, number, fault, now=now)
        )

    async def backlog(self) -> Backlog:
        """Measure what is not folded yet."""
        backlog = await self._database.read(lambda connection: _measure(connection, journal))
        inbox = self._database.inbox
        if inbox is None:
            return backlog
        # What is folded between the two looks is counted all the same.
        folded_to = await self._find_folded(inbox)
        kept = await self._database.read_kept(
            lambda connection: _measure(connection, file.inbox, after=folded_to)
        )
        received = [each.oldest for each in (backlog, kept) if each.oldest is not None]
        return Backlog(
            webhooks=backlog.webhooks + kept.webhooks, oldest=min(received, default=None)
        )

    async def probe(self, *, now: datetime) -> None:
        """Prove that a webhook would be kept.

        Raises:
            Outage: it would not.
        """
        inbox = self._database.inbox
        prove = _look if inbox is None else file.beat
        await self._database.keep(lambda connection: prove(connection, now))

    async def _find_folded(self, inbox: Inbox) -> int:
        return await self._database.read(
            lambda connection: file.find_folded(connection, inbox.name) or 0
        )

    async def _tidy(self, inbox: Inbox, folded: Folded) -> None:
        """Drop what has been folded: nobody reads it again, so there is no hurry."""
        if not folded.webhooks and not inbox.is_in_place():
            await self._database.renew_inbox()
            return
        self._undropped += folded.webhooks
        is_idle = self._undropped and not folded.webhooks
        if not is_idle and self._undropped < file.DROPPED_TOGETHER:
            return
        with suppress(Outage):  # it is dropped another time; `probe` says what is wrong
            number = await self._find_folded(inbox)
            while await self._database.keep(
                lambda connection: file.drop(connection, number), is_patient=True
            ):
                pass
            self._undropped = 0
            await self._database.read_kept(file.copy_log)


@dataclass(frozen=True)
class _Chosen:
    """Some of the oldest webhooks, and the way to see to it that they are folded once."""

    rows: Sequence[Any]
    has_more: bool
    take_out: Callable[[Connection], None]
    """Belongs in the transaction that folds them."""


def _fold(
    connection: Connection, inbox: Inbox | None, hearing: Hearing, now: datetime, *, most: int
) -> Folded:
    chosen = _choose(connection, inbox, most)
    if not chosen.rows:
        return Folded()
    choose = _audience_chooser(connection, hearing)
    fold = Folding(connection, hearing, now)
    pipelines: set[str] = set()
    members: Counter[str] = Counter()
    for row in chosen.rows:
        notification = _fold_webhook(fold, row, choose(row.address))
        pipelines |= find_pipelines(notification.alerts, source=notification.source)
        members.update(each.status.value for each in notification.alerts)
        members["unreadable"] += len(notification.unreadable)
    chosen.take_out(connection)
    return Folded(
        webhooks=len(chosen.rows),
        pipelines=frozenset(pipelines),
        members=members,
        has_more=chosen.has_more,
    )


def _choose(connection: Connection, inbox: Inbox | None, most: int) -> _Chosen:
    """Choose the oldest webhooks: what an earlier version left in the database comes first."""
    rows, has_more = _find_some(connection, journal, most)
    if rows or inbox is None:
        done = delete(journal).where(journal.c.id.in_([row.id for row in rows]))
        has_more = has_more or inbox is not None
        return _Chosen(rows, has_more, lambda main: main.execute(done).close())
    name, folded_to = inbox.name, file.find_folded(connection, inbox.name) or 0
    with inbox.connect() as reading:
        rows, has_more = _find_some(reading, file.inbox, most, after=folded_to)
    return _Chosen(
        rows, has_more, lambda main: file.note_folded(main, name, folded_to, rows[-1].id)
    )


def _find_some(
    connection: Connection, table: Table, most: int, *, after: int = 0
) -> tuple[Sequence[Any], bool]:
    """Read some of the oldest webhooks, and say whether there are more."""
    sizes = select(table.c.id, func.length(table.c.body)).where(table.c.id > after)
    found = connection.execute(sizes.order_by(table.c.id).limit(most + 1)).all()
    chosen = file.choose_some(found, most=most, most_bytes=limits.FOLD_BYTES)
    if not chosen:
        return [], False
    rows = select(table).where(table.c.id.in_(chosen)).order_by(table.c.id)
    return connection.execute(rows).all(), len(found) > len(chosen)


def _find_oldest(connection: Connection, table: Table, *, after: int = 0) -> int | None:
    oldest = select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(1)
    return connection.execute(oldest).scalar_one_or_none()


def _measure(connection: Connection, table: Table, *, after: int = 0) -> Backlog:
    measure = select(func.count(), func.min(table.c.received_at)).where(table.c.id > after)
    return Backlog(*connection.execute(measure).one())


def _look(connection: Connection, _: datetime) -> None:
    """Ask what costs nothing: in the database itself others prove that a write arrives."""
    connection.execute(select(1)).close()


def _fold_webhook(fold: Folding, row: Any, audience: Sequence[Hearer]) -> Notification:
    """Fold one webhook and answer what it says."""
    notification = parse_webhook(json.loads(row.body), row.received_at, row.address["source"])
    fold.writer(notification, _read_address(row.address))
    alerts = tuple(each for each in notification.alerts if not is_watchdog(each.labels))
    if alerts:
        is_listed = row.address.get("is_listed", False)
        fold.alerts(replace(notification, alerts=alerts), audience, is_listed=is_listed)
    for unreadable in _gather(notification.unreadable):
        fold.unreadable(notification.alertmanager, unreadable, audience)
    return notification


def _read_address(address: Mapping[str, Any]) -> Destination | None:
    if address["chat_id"] is None:
        return None
    return Destination(address["chat_id"], address["thread_id"])


def _gather(unreadable: Sequence[Unreadable]) -> Sequence[Unreadable]:
    """Make one message of many: a broken sender must not become a flood."""
    if len(unreadable) <= limits.UNREADABLE_APART:
        return unreadable
    faults = sorted({each.fault for each in unreadable})
    raw = "\n".join(each.raw for each in unreadable)
    return [Unreadable(raw=raw, fault=f"{len(unreadable)} members: {'; '.join(faults)}")]


def _audience_chooser(
    connection: Connection, hearing: Hearing
) -> Callable[[Mapping[str, Any]], Sequence[Hearer]]:
    """Make the function that says who hears a webhook, given its `address`."""
    choose = find_audience(connection, find_hearing(connection, hearing))
    return lambda address: choose(_read_address(address))


def _give_up(
    connection: Connection,
    inbox: Inbox | None,
    hearing: Hearing,
    number: int,
    fault: str,
    *,
    now: datetime,
) -> None:
    chosen = _choose(connection, inbox, 1)
    for row in chosen.rows:
        if row.id != number:  # somebody else has folded it
            return
        raw = bytes(row.body).decode("utf-8", errors="backslashreplace")
        audience = _audience_chooser(connection, hearing)(row.address)
        Folding(connection, hearing, now).unreadable("", Unreadable(raw=raw, fault=fault), audience)
        chosen.take_out(connection)
