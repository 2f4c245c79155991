"""What hosts have told: each letter is kept before its agent is told so, and read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from bridge import limits
from bridge.core.letters import Letter
from bridge.store.database import Database
from bridge.store.host_tables import letters


@dataclass(frozen=True, kw_only=True)
class KeptLetter:
    """A letter that waits to be read."""

    number: int
    host: str
    kind: str
    facts: dict[str, Any]
    issued_at: datetime
    """By the host's clock."""
    received_at: datetime


class Letters:
    """The letter box."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, letter: Letter, *, now: datetime) -> bool:
        """Keep a letter; say whether it was not known before.

        Raises:
            Outage: it was not kept.
        """
        digest = letter.digest

        def work(connection: Connection) -> bool:
            known = select(letters.c.id).where(letters.c.digest == digest)
            if connection.execute(known).first() is not None:
                return False
            about = {"host": letter.host, "kind": letter.kind, "facts": dict(letter.facts)}
            connection.execute(
                insert(letters).values(
                    digest=digest, about=about, issued_at=letter.issued, received_at=now
                )
            ).close()
            return True

        return await self._database.write(work)

    async def waiting(self, most: int = limits.LETTERS_TOGETHER) -> tuple[KeptLetter, ...]:
        """List what nobody has read yet, the oldest first."""
        wanted = select(letters).where(letters.c.done_at.is_(None)).order_by(letters.c.id)
        rows = await self._database.read(
            lambda connection: connection.execute(wanted.limit(most)).all()
        )
        return tuple(map(_read, rows))

    async def finish(self, number: int, *, now: datetime) -> None:
        """Note that a letter was read; that it came stays known, what it said does not.

        Raises:
            Outage: it was not noted.
        """
        done = update(letters).where(letters.c.id == number).values(done_at=now, about={})
        await self._database.write(lambda connection: connection.execute(done).close())

    async def forget(self, *, now: datetime) -> None:
        """Let go of letters so old that no copy of them is taken any more.

        Raises:
            Outage: nothing has changed.
        """
        # Twice as long: a letter is judged by the host's clock, and this is by ours.
        old = letters.c.received_at < now - 2 * limits.LETTERS_KEPT
        await self._database.write(
            lambda connection: connection.execute(delete(letters).where(old)).close()
        )


def _read(row: Any) -> KeptLetter:
    return KeptLetter(
        number=row.id,
        host=row.about["host"],
        kind=row.about["kind"],
        facts=row.about["facts"],
        issued_at=row.issued_at,
        received_at=row.received_at,
    )
