"""The journal: webhooks as they came. A row here is the promise to Alertmanager.

Writing one down is a single short row, however many alerts it has, so the answer is quick. Folding
it into episodes and cards comes right after, in a transaction that also takes it out of the
journal: it happens once, whatever happens to the process.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from bridge import limits
from bridge.core.alerts import Notification, Unreadable, parse_webhook
from bridge.core.audience import Destination, Hearer
from bridge.core.hearing import Hearing
from bridge.core.watchdog import find_pipelines, is_watchdog
from bridge.store.database import Database
from bridge.store.folding import Folding
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


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """How much is written down and not folded yet."""

    webhooks: int
    oldest: datetime | None


class Journal:
    """The way in, kept in the database."""

    def __init__(self, database: Database, hearing: Hearing) -> None:
        self._database = database
        self._hearing = hearing

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
        await self._database.write(lambda connection: connection.execute(_PUT, row).close())

    async def fold(self, *, now: datetime, together: int | None = None) -> Folded:
        """Fold the oldest webhooks into episodes, cards and messages.

        Raises:
            Outage: nothing was folded.
        """
        most = together or limits.FOLD_WEBHOOKS
        return await self._database.write(
            lambda connection: _fold(connection, self._hearing, now, most=most), is_patient=True
        )

    async def oldest(self) -> int | None:
        """Name the oldest webhook; None where there is none."""
        oldest = select(func.min(journal.c.id))
        return await self._database.read(lambda connection: connection.execute(oldest).scalar_one())

    async def give_up(self, number: int, fault: str, *, now: datetime) -> None:
        """Show a webhook as it came: it cannot be folded."""
        await self._database.write(
            lambda connection: _give_up(connection, self._hearing, number, fault, now)
        )

    async def backlog(self) -> Backlog:
        """Measure what is not folded yet."""
        measure = select(func.count(), func.min(journal.c.received_at))
        row = await self._database.read(lambda connection: connection.execute(measure).one())
        return Backlog(webhooks=row[0], oldest=row[1])


_PUT = insert(journal)


def _fold(connection: Connection, hearing: Hearing, now: datetime, *, most: int) -> Folded:
    sizes = connection.execute(
        select(journal.c.id, func.length(journal.c.body)).order_by(journal.c.id).limit(most + 1)
    ).all()
    chosen: list[int] = []
    total = 0
    for row_id, size in sizes[:most]:
        total += size
        if chosen and total > limits.FOLD_BYTES:
            break
        chosen.append(row_id)
    if not chosen:
        return Folded()
    rows = connection.execute(
        select(journal).where(journal.c.id.in_(chosen)).order_by(journal.c.id)
    )
    choose = _audience_chooser(connection, hearing)
    fold = Folding(connection, hearing, now)
    pipelines: set[str] = set()
    members: Counter[str] = Counter()
    for row in rows.all():
        notification = _fold_webhook(fold, row, choose(row.address))
        pipelines |= find_pipelines(notification.alerts, source=notification.source)
        members.update(each.status.value for each in notification.alerts)
        members["unreadable"] += len(notification.unreadable)
    connection.execute(delete(journal).where(journal.c.id.in_(chosen)))
    return Folded(
        webhooks=len(chosen),
        pipelines=frozenset(pipelines),
        members=members,
        has_more=len(sizes) > len(chosen),
    )


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
    connection: Connection, hearing: Hearing, number: int, fault: str, now: datetime
) -> None:
    row = connection.execute(select(journal).where(journal.c.id == number)).one_or_none()
    if row is None:
        return
    raw = bytes(row.body).decode("utf-8", errors="backslashreplace")
    audience = _audience_chooser(connection, hearing)(row.address)
    Folding(connection, hearing, now).unreadable("", Unreadable(raw=raw, fault=fault), audience)
    connection.execute(delete(journal).where(journal.c.id == row.id))
