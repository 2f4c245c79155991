"""Jobs on disk: what was begun on which host, so that none is begun twice or forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.jobs import KeptJob
from bridge.store.audit import put_entry
from bridge.store.database import Database
from bridge.store.host_tables import jobs


class Jobs:
    """The jobs, each from before its order is sent until its end is known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, job: KeptJob, *, entry: Entry) -> int | None:
        """Write down that a job begins, and who began it; None where it was begun before.

        Raises:
            Outage: it is not on disk, and must not be begun.
        """

        def work(connection: Connection) -> int | None:
            known = connection.execute(select(jobs.c.id).where(jobs.c.key == job.key)).first()
            if known is not None:
                return None
            put_entry(connection, entry)
            return int(
                connection.execute(
                    insert(jobs).returning(jobs.c.id),
                    {
                        "key": job.key,
                        "host": job.host,
                        "command": job.command,
                        "chat_id": job.chat.chat_id,
                        "thread_id": job.chat.thread_id,
                        "telegram_id": job.telegram_id,
                        "begun_by": job.who,
                        "begun_at": job.at,
                    },
                ).scalar_one()
            )

        return await self._database.write(work)

    async def note_message(self, number: int, telegram_id: int) -> None:
        """Remember which message tells of it."""
        noted = update(jobs).where(jobs.c.id == number).values(telegram_id=telegram_id)
        await self._database.write(lambda connection: connection.execute(noted).close())

    async def end(self, number: int, *, entry: Entry) -> bool:
        """Write down how it ended; say whether that was not known before."""

        def work(connection: Connection) -> bool:
            ended = update(jobs).where(jobs.c.id == number, jobs.c.ended_at.is_(None))
            is_news = connection.execute(ended.values(ended_at=entry.at)).rowcount > 0
            if is_news:
                put_entry(connection, entry)
            return is_news

        return await self._database.write(work)

    async def unfinished(self) -> tuple[tuple[int, KeptJob], ...]:
        """List the jobs whose end is not known, with their numbers, the oldest first."""
        open_ = select(jobs).where(jobs.c.ended_at.is_(None)).order_by(jobs.c.id)
        rows = await self._database.read(lambda connection: connection.execute(open_).all())
        return tuple((row.id, _read(row)) for row in rows)

    async def find(self, number: int) -> KeptJob | None:
        """Find a job by its number."""
        one = select(jobs).where(jobs.c.id == number)
        row = await self._database.read(lambda connection: connection.execute(one).first())
        return None if row is None else _read(row)

    async def purge(self, *, now: datetime) -> int:
        """Forget jobs that ended long ago; the audit keeps them longer. Answer how many."""
        old = delete(jobs).where(jobs.c.ended_at <= now - limits.JOBS_KEPT)
        return await self._database.write(lambda connection: connection.execute(old).rowcount)


def _read(row: Any) -> KeptJob:
    return KeptJob(
        key=row.key,
        host=row.host,
        command=row.command,
        chat=Destination(row.chat_id, row.thread_id),
        who=row.begun_by,
        at=row.begun_at,
        telegram_id=row.telegram_id,
    )
