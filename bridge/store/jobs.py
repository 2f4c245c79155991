"""Commands on disk: what was begun, whose it is, how it ended, and whether the chat was told.

A bridge holds each command that it follows by a lease, and renews it for as long as it lives. What
nobody holds is anybody's to bring to its end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.kept_jobs import KeptJob, Kind, LeftJob
from bridge.store.audit import put_entry
from bridge.store.database import Database
from bridge.store.host_tables import jobs

# A lease beyond what we ever give was given by a clock that has been put back since.
_LONGEST = 2 * max(limits.JOB_LEASE, limits.TOLD_AGAIN_LONGEST)


class Jobs:
    """The commands, each from before any host hears of it until the chat knows its end."""

    def __init__(self, database: Database, *, owner: str) -> None:
        self._database = database
        self._owner = owner
        """Tells this run of a bridge from every other."""

    async def begin(self, job: KeptJob, *, entry: Entry) -> int | None:
        """Write down that a command begins, and who began it; None where it was begun before.

        Raises:
            Outage: it is not on disk, and must not be begun.
        """

        def work(connection: Connection) -> int | None:
            known = connection.execute(select(jobs.c.id).where(jobs.c.key == job.key)).first()
            if known is not None:
                return None
            put_entry(connection, entry)
            held = {"owner": self._owner, "leased_until": job.at + limits.JOB_LEASE}
            written = insert(jobs).returning(jobs.c.id)
            return int(connection.execute(written, {**_write(job), **held}).scalar_one())

        return await self._database.write(work)

    async def launch(
        self, number: int, chat: Destination, telegram_id: int | None, *, now: datetime
    ) -> bool:
        """Write down that the hosts are asked now, and which message tells of it.

        Answer whether they may be: nobody has stopped it, and it is still ours. The message of one
        that was stopped is remembered as well: it tells the end.
        """
        ours = update(jobs).where(
            jobs.c.id == number, jobs.c.owner == self._owner, jobs.c.ended_at.is_(None)
        )

        def work(connection: Connection) -> bool:
            connection.execute(ours.values(_write_place(chat, telegram_id))).close()
            out = ours.where(jobs.c.unwanted_at.is_(None)).values(out_at=now)
            return connection.execute(out).rowcount > 0

        return await self._database.write(work)

    async def note_message(self, number: int, chat: Destination, telegram_id: int | None) -> None:
        """Remember which message tells of it, and where that is."""
        here = update(jobs).where(jobs.c.id == number)
        await self._change(here.values(_write_place(chat, telegram_id)))

    async def end(self, number: int, ending: Sequence[Mapping[str, Any]], *, entry: Entry) -> bool:
        """Write down how it ended; say whether that was not known before."""

        def work(connection: Connection) -> bool:
            ended = update(jobs).where(jobs.c.id == number, jobs.c.ended_at.is_(None))
            values = {"ended_at": entry.at, "ending": list(ending)}
            is_news = connection.execute(ended.values(values)).rowcount > 0
            if is_news:
                put_entry(connection, entry)
            return is_news

        return await self._database.write(work)

    async def note_told(self, number: int, *, now: datetime) -> None:
        """Write down that the chat knows its end; what it was need not be kept any longer."""
        told = update(jobs).where(jobs.c.id == number)
        await self._change(told.values(told_at=now, ending=None, owner=None, leased_until=None))

    async def postpone(self, number: int, *, until: datetime) -> None:
        """Leave it alone until then."""
        await self._change(update(jobs).where(jobs.c.id == number).values(leased_until=until))

    async def want_stop(self, number: int, *, now: datetime) -> bool:
        """Write down that somebody has pressed Stop; say whether it had not ended before."""
        open_ = update(jobs).where(jobs.c.id == number, jobs.c.ended_at.is_(None))
        return await self._change(open_.values(unwanted_at=now)) > 0

    async def renew(self, numbers: Collection[int], *, now: datetime) -> dict[int, bool]:
        """Hold for longer what is still ours: number → whether somebody has stopped it."""

        def work(connection: Connection) -> dict[int, bool]:
            ours = jobs.c.id.in_(numbers), jobs.c.owner == self._owner
            renewed = update(jobs).where(*ours).values(leased_until=now + limits.JOB_LEASE)
            connection.execute(renewed).close()
            rows = connection.execute(select(jobs.c.id, jobs.c.unwanted_at).where(*ours)).all()
            return {row.id: row.unwanted_at is not None for row in rows}

        return await self._database.write(work)

    async def claim(self, *, under_way: Collection[int], now: datetime) -> tuple[LeftJob, ...]:
        """Hold what nobody holds and nobody has told of; the oldest first."""

        def work(connection: Connection) -> tuple[LeftJob, ...]:
            free = or_(
                jobs.c.leased_until.is_(None),
                jobs.c.leased_until <= now,
                jobs.c.leased_until > now + _LONGEST,
            )
            left = select(jobs).where(jobs.c.told_at.is_(None), free)
            left = left.where(jobs.c.id.not_in(under_way)).order_by(jobs.c.id)
            rows = connection.execute(left.limit(limits.RESUMED_TOGETHER)).all()
            held = update(jobs).where(jobs.c.id.in_([row.id for row in rows]))
            values = {"owner": self._owner, "leased_until": now + limits.JOB_LEASE}
            connection.execute(held.values(values)).close()
            return tuple(LeftJob(row.id, _read(row), row.ending, row.ended_at) for row in rows)

        return await self._database.write(work)

    async def release(self) -> None:
        """End the leases of those who are gone.

        In a shared database they may be another bridge's, which lives; there they run out.
        """
        if not self._database.is_shared:
            held = update(jobs).where(jobs.c.owner != self._owner)
            await self._change(held.values(leased_until=None))

    async def find(self, number: int) -> KeptJob | None:
        """Find a command by its number."""
        one = select(jobs).where(jobs.c.id == number)
        row = await self._database.read(lambda connection: connection.execute(one).first())
        return None if row is None else _read(row)

    async def purge(self, *, now: datetime) -> int:
        """Forget what ended long ago; the audit keeps it longer. Answer how many."""
        old = delete(jobs).where(jobs.c.ended_at <= now - limits.JOBS_KEPT)
        return await self._change(old)

    async def _change(self, statement: Any) -> int:
        """Change rows; answer how many."""
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)


def _write(job: KeptJob) -> dict[str, Any]:
    return {
        "key": job.key,
        "kind": job.kind.value,
        "host": job.host,
        "command": job.command,
        "about": {
            "hosts": list(job.hosts),
            "port": job.port,
            "within": job.within.total_seconds(),
            "name": job.name,
            "what": job.what,
            "reply_to": job.reply_to,
        },
        "begun_by": job.who,
        "begun_at": job.at,
        **_write_place(job.chat, job.telegram_id),
    }


def _write_place(chat: Destination, telegram_id: int | None) -> dict[str, Any]:
    return {"chat_id": chat.chat_id, "thread_id": chat.thread_id, "telegram_id": telegram_id}


def _read(row: Any) -> KeptJob:
    about = row.about or {"hosts": [row.host]}  # an earlier version knew one host alone
    seconds = about.get("within")
    return KeptJob(
        key=row.key,
        kind=Kind(row.kind),
        hosts=tuple(about["hosts"]),
        command=row.command,
        port=about.get("port", 0),
        within=limits.JOB_LONGEST if seconds is None else timedelta(seconds=seconds),
        chat=Destination(row.chat_id, row.thread_id),
        who=row.begun_by,
        name=about.get("name", ""),
        what=about.get("what", ""),
        reply_to=about.get("reply_to"),
        at=row.begun_at,
        telegram_id=row.telegram_id,
        out_at=row.out_at,
        is_unwanted=row.unwanted_at is not None,
    )
