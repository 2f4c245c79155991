"""The journal of Telegram's updates: each is written down before it is acted on, and acted on once.

Telegram sends an update again until a later one is asked for, and forgets it then. What is in the
journal outlives a crash: what was not begun is done after it, and of what was begun nobody can say
how far it came, so that it is not begun again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from bridge import limits
from bridge.core.updates import Incoming
from bridge.store.database import Database
from bridge.store.tables import updates


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """An update that a bridge which is gone has left."""

    incoming: Incoming
    received_at: datetime
    begun_at: datetime | None
    """None: nobody has begun it."""

    @property
    def was_begun(self) -> bool:
        """Say whether some of it may have been done: then it must change nothing once more."""
        return self.begun_at is not None


class Updates:
    """What Telegram has told, and what became of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, batch: Sequence[Incoming], *, now: datetime) -> tuple[Incoming, ...]:
        """Keep a batch; answer those that were not known before, in their order.

        Raises:
            Outage: nothing of it was kept.
        """
        if not batch:
            return ()
        return await self._database.write(lambda connection: _put(connection, batch, now))

    async def begin(self, update_id: int, *, now: datetime) -> bool:
        """Take an update to act on it; False when it is taken, by this bridge or another.

        Raises:
            Outage: it was not taken, as far as the disk says.
        """
        take = update(updates).where(
            updates.c.update_id == update_id,
            updates.c.begun_at.is_(None),
            updates.c.done_at.is_(None),
        )
        taken = take.values(begun_at=now)
        return bool(
            await self._database.write(lambda connection: connection.execute(taken).rowcount)
        )

    async def finish(self, update_id: int, *, now: datetime) -> None:
        """Note that an update is dealt with; what it said is not kept.

        Raises:
            Outage: it was not noted.
        """
        end = update(updates).where(updates.c.update_id == update_id)
        ended = end.values(done_at=now, body={})  # people's words, and codes among them
        await self._database.write(lambda connection: connection.execute(ended).close())

    async def unfinished(self, *, now: datetime) -> tuple[Unfinished, ...]:
        """List what is left to be done, the oldest first.

        Where other bridges are at work too, what was begun just now is theirs.
        """
        wanted = select(updates).where(updates.c.done_at.is_(None))
        if self._database.is_shared:
            lately = now - limits.UPDATE_AT_WORK
            wanted = wanted.where(or_(updates.c.begun_at.is_(None), updates.c.begun_at < lately))
        rows = await self._database.read(
            lambda connection: connection.execute(wanted.order_by(updates.c.update_id)).all()
        )
        return tuple(
            Unfinished(
                incoming=Incoming(row.update_id, row.body),
                received_at=row.received_at,
                begun_at=row.begun_at,
            )
            for row in rows
        )

    async def offset(self, *, now: datetime) -> int | None:
        """Say from which update on to ask; None: from whatever Telegram has kept.

        After a week without any, Telegram goes on with another number, perhaps a lower one: what
        came longer ago than it keeps updates says nothing.
        """
        newest = select(func.max(updates.c.update_id)).where(
            updates.c.received_at > now - limits.UPDATES_KEPT
        )
        last = await self._database.read(lambda connection: connection.execute(newest).scalar_one())
        return None if last is None else last + 1

    async def purge(self, *, now: datetime) -> int:
        """Forget what Telegram will not send again; answer how many."""
        old = delete(updates).where(updates.c.received_at <= now - limits.UPDATES_KEPT)
        return await self._database.write(lambda connection: connection.execute(old).rowcount)


def _put(connection: Connection, batch: Sequence[Incoming], now: datetime) -> tuple[Incoming, ...]:
    first = {each.update_id: each for each in reversed(batch)}
    known = set(
        connection.execute(select(updates.c.update_id).where(updates.c.update_id.in_(first)))
        .scalars()
        .all()
    )
    fresh = tuple(first[number] for number in sorted(first) if number not in known)
    if fresh:
        rows = [
            {"update_id": each.update_id, "body": each.body, "received_at": now} for each in fresh
        ]
        connection.execute(insert(updates), rows).close()
    return fresh
