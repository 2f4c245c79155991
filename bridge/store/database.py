"""The connection to the database: opening, migrating, reading, and one writer for everything.

Webhooks are kept by a writer of their own, so that no promise waits for what is made of an earlier
one. An SQLite file takes one writer, so there it is another file, the inbox.

Several bridges may share one PostgreSQL, and the console works beside a bridge. They write in turn,
so that what a write has read still holds when it writes. Keeping a webhook reads nothing and needs
no turn.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from bridge import limits
from bridge.errors import Outage
from bridge.store import inbox as file
from bridge.store.inbox import Inbox
from bridge.store.lanes import Lane, Result, Work, in_thread, read_reason, run_together
from bridge.store.schema import bring_up

PARTY = "database"
BUSY_MILLISECONDS = 5000  # chosen: another writer, or program in the file, is waited for this long
VANISHED_MILLISECONDS = 10_000  # chosen: a bridge that stops inside a write has lost its turn then
TURN = 7_305_808_869  # chosen: names the writers' turn among the advisory locks of a database
READERS = 2  # chosen: the machine's cores; SQLite reads are short


@dataclass(frozen=True)
class _Open:
    engine: Engine
    inbox: Inbox | None
    """None where webhooks are kept in the database itself."""


class Database:
    """One database, opened when it can be; until then every call is an `Outage`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: _Open | None = None
        self._writer = Lane("store-writer", PARTY, self._write_together)
        self._keeper = Lane("store-keeper", PARTY, self._keep_together)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    @property
    def is_open(self) -> bool:
        """Say whether the schema is in place."""
        return self._open is not None

    @property
    def is_shared(self) -> bool:
        """Say whether other bridges may be at work in it.

        Raises:
            Outage: it is not open yet.
        """
        return self._opened().engine.dialect.name == "postgresql"

    @property
    def inbox(self) -> Inbox | None:
        """The file of webhooks; None where the database itself has them.

        Raises:
            Outage: it is not open yet.
        """
        return self._opened().inbox

    async def open(self) -> None:
        """Connect and bring the schema up to date.

        Raises:
            Outage: the database cannot be opened or written.
            TooNew: a later version has been at work in it.
        """
        if self._open is None:
            self._open = await self._writer.call(_open_both, self._url)

    async def renew_inbox(self) -> None:
        """Make the inbox anew if its file has been taken away, once nothing in it can be folded.

        Raises:
            Outage: it cannot be made.
        """
        await self._keeper.call(self._renew_inbox)

    async def let_go(self) -> None:
        """Close the connection, so that every call is an `Outage` until it is opened again."""
        opened, self._open = self._open, None
        if opened is not None:
            await self._writer.call(_dispose, opened)

    async def close(self) -> None:
        """Finish what is being written and let go."""
        for lane in (self._keeper, self._writer):
            await lane.finish()
        await self.let_go()
        for lane in (self._keeper, self._writer):
            lane.shutdown()
        self._readers.shutdown()

    async def read(self, work: Work[Result]) -> Result:
        """Run `work` on a connection of its own.

        Raises:
            Outage: the database did not answer.
        """
        return await self._read(self._opened().engine, work, PARTY)

    async def read_kept(self, work: Work[Result]) -> Result:
        """Run `work` where webhooks are kept.

        Raises:
            Outage: it did not answer.
        """
        opened = self._opened()
        if opened.inbox is None:
            return await self._read(opened.engine, work, PARTY)
        return await self._read(opened.inbox.engine, work, file.PARTY)

    async def write(self, work: Work[Result], *, is_patient: bool = False) -> Result:
        """Run `work` and return once it is on disk; see `Lane.write`.

        Raises:
            Outage: nothing of it was kept, as far as the disk says; one that hangs may keep it yet.
        """
        self._opened()
        return await self._writer.write(work, is_patient=is_patient)

    async def keep(self, work: Work[Result], *, is_patient: bool = False) -> Result:
        """Run `work` where webhooks are kept, beside whatever else is being written.

        Raises:
            Outage: as for `write`.
        """
        self._opened()
        return await self._keeper.write(work, is_patient=is_patient)

    def _opened(self) -> _Open:
        if self._open is None:
            raise Outage(PARTY, "not open yet")
        return self._open

    async def _read(self, engine: Engine, work: Work[Result], party: str) -> Result:
        try:
            async with asyncio.timeout(limits.READ_PATIENCE.total_seconds()):
                answers = await in_thread(self._readers, run_together, engine, [work], party)
        except TimeoutError as fault:
            raise Outage(party, "no answer in time") from fault
        result: Result = answers[0]
        return result

    def _write_together(self, works: Sequence[Work[Any]]) -> list[Any]:
        return run_together(self._opened().engine, [take_turn, *works], PARTY)[1:]

    def _keep_together(self, works: Sequence[Work[Any]]) -> list[Any]:
        opened = self._opened()
        if opened.inbox is None:
            return run_together(opened.engine, works, PARTY)
        # Looked at last: what is committed then is in the file that the next start finds.
        works = [*works, opened.inbox.require_in_place]
        return run_together(opened.inbox.engine, works, file.PARTY)[:-1]

    def _renew_inbox(self) -> None:
        opened = self._opened()
        inbox = opened.inbox
        if inbox is None or inbox.is_in_place():
            return
        (folded_to,) = run_together(
            opened.engine, [lambda main: file.find_folded(main, inbox.name) or 0], PARTY
        )
        with suppress(Outage):  # what cannot be read any more is not waited for
            if inbox.has_beyond(folded_to):  # and nothing is added: see `require_in_place`
                return
        # Wholly closed first: SQLite finds the log of either file by the same name.
        inbox.engine.dispose()
        self._open = replace(opened, inbox=_open_inbox(opened.engine))


def _open_both(url: str) -> _Open:
    engine = connect(url)
    if engine.dialect.name != "sqlite":
        return _Open(engine, None)
    try:
        return _Open(engine, _open_inbox(engine))
    except BaseException:
        engine.dispose()
        raise


def _open_inbox(engine: Engine) -> Inbox:
    """Open the file beside a database, and let the two get to know each other."""
    inbox = file.open_inbox(file.find_place(engine.url.database or ""))
    try:
        # In turn: a bridge and the console that open at once would both write it down.
        meet = [take_turn, lambda main: file.meet(main, inbox.name)]
        folded_to = run_together(engine, meet, PARTY)[1]
        run_together(inbox.engine, [lambda own: file.skip_to(own, folded_to)], file.PARTY)
    except BaseException:
        inbox.engine.dispose()
        raise
    return inbox


def _dispose(opened: _Open) -> None:
    opened.engine.dispose()
    if opened.inbox is not None:
        opened.inbox.engine.dispose()


def take_turn(connection: Connection) -> None:
    """Wait until nobody else writes; the turn ends with the transaction."""
    if connection.dialect.name == "postgresql":
        turn = text("SELECT pg_advisory_xact_lock(:turn)").bindparams(turn=TURN)
        connection.execute(turn).close()
    else:
        # The driver begins at the first change only: the console could write between what a bridge
        # has read and what it then writes.
        connection.exec_driver_sql("BEGIN IMMEDIATE").close()


def create(url: str | URL) -> Engine:
    """Make what connects to a database, whatever schema it has."""
    # A server that restarted is noticed before a write is lost to it.
    engine = create_engine(url, pool_pre_ping=True)
    is_sqlite = engine.dialect.name == "sqlite"
    event.listen(engine, "connect", _set_pragmas if is_sqlite else _set_limits)
    return engine


def connect(url: str) -> Engine:
    """Connect to a database and bring its schema up to date.

    Raises:
        Outage: it cannot be opened or written.
        TooNew: a later version has been at work in it.
    """
    engine = create(url)
    try:
        with engine.begin() as connection:
            # Python begins no transaction for a table by itself: without the turn an end half-way
            # would leave a schema that is neither of the two.
            take_turn(connection)
            bring_up(connection)
    except SQLAlchemyError as fault:
        engine.dispose()
        raise Outage(PARTY, read_reason(fault)) from fault
    except BaseException:
        engine.dispose()
        raise
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    """Make SQLite keep its word: what is committed survives a power cut."""
    for pragma in (
        f"busy_timeout={BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _set_limits(connection: Any, _record: object) -> None:  # a psycopg connection
    """Keep one bridge from holding up the others; let every statement see what is committed."""
    connection.autocommit = True  # else a rollback takes the settings back
    for setting in (
        f"lock_timeout = {BUSY_MILLISECONDS}",
        f"idle_in_transaction_session_timeout = {VANISHED_MILLISECONDS}",
        "default_transaction_isolation = 'read committed'",
    ):
        connection.execute(f"SET {setting}").close()
    connection.autocommit = False
