"""The connection to the database: opening, migrating, reading, and one writer for everything.

Writes that wait together are committed together: one fsync serves them all. A commit each gave a
p99 of half a second at sixteen clients.

Several bridges may share one PostgreSQL, and the console works beside a bridge. They write in turn,
so that what a write has read still holds when it writes.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DataError, ProgrammingError, SQLAlchemyError

from bridge import limits
from bridge.errors import Outage

PARTY = "database"
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MILLISECONDS = 5000  # chosen: another writer, or program in the file, is waited for this long
VANISHED_MILLISECONDS = 10_000  # chosen: a bridge that stops inside a write has lost its turn then
TURN = 7_305_808_869  # chosen: names the writers' turn among the advisory locks of a database
READERS = 2  # chosen: the machine's cores; SQLite reads are short
TOGETHER = 64  # chosen: writes in one commit; keeps the slowest below 50 ms

Result = TypeVar("Result")
Work = Callable[[Connection], Result]


@dataclass(frozen=True)
class _Job:
    work: Work[Any]
    answer: asyncio.Future[Any]


class Database:
    """One database, opened when it can be; until then every call is an `Outage`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._jobs: list[_Job] = []
        self._patient: list[_Job] = []
        self._draining: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Say whether the schema is in place."""
        return self._engine is not None

    @property
    def is_shared(self) -> bool:
        """Say whether other bridges may be at work in it.

        Raises:
            Outage: it is not open yet.
        """
        return self._opened().dialect.name == "postgresql"

    async def open(self) -> None:
        """Connect and bring the schema up to date.

        Raises:
            Outage: the database cannot be opened or written.
        """
        if self._engine is None:
            self._engine = await _in(self._writer, _open, self._url)

    async def let_go(self) -> None:
        """Close the connection, so that every call is an `Outage` until it is opened again."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await _in(self._writer, engine.dispose)

    async def close(self) -> None:
        """Finish what is being written and let go."""
        if self._draining is not None:
            await self._draining
        if self._engine is not None:
            await _in(self._writer, self._engine.dispose)
        self._engine = None
        self._writer.shutdown()
        self._readers.shutdown()

    async def read(self, work: Work[Result]) -> Result:
        """Run `work` on a connection of its own.

        Raises:
            Outage: the database did not answer.
        """
        try:
            async with asyncio.timeout(limits.READ_PATIENCE.total_seconds()):
                answers = await _in(self._readers, _run_together, self._opened(), [work])
        except TimeoutError as fault:
            raise Outage(PARTY, "no answer in time") from fault
        result: Result = answers[0]
        return result

    async def write(self, work: Work[Result], *, is_patient: bool = False) -> Result:
        """Run `work` and return once it is on disk; it may run a second time if a neighbour fails.

        Patient work is long: it is committed alone, after what waits with it, and lets what has
        come meanwhile go first again.

        Raises:
            Outage: nothing of it was kept, as far as the disk says; one that hangs may keep it yet.
        """
        self._opened()
        job = _Job(work, asyncio.get_running_loop().create_future())
        (self._patient if is_patient else self._jobs).append(job)
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        try:
            async with asyncio.timeout(limits.WRITE_PATIENCE.total_seconds()):
                result: Result = await job.answer
        except TimeoutError as fault:
            self._give_up(job)
            raise Outage(PARTY, "the disk does not answer") from fault
        return result

    def _opened(self) -> Engine:
        if self._engine is None:
            raise Outage(PARTY, "not open yet")
        return self._engine

    def _give_up(self, job: _Job) -> None:
        """Take back what has not been begun: its body must not pile up behind a disk that hangs."""
        for waiting in (self._jobs, self._patient):
            if job in waiting:
                waiting.remove(job)

    async def _drain(self) -> None:
        while self._jobs or self._patient:
            batch, self._jobs = self._jobs[:TOGETHER], self._jobs[TOGETHER:]
            await self._write(batch)
            if self._patient:
                await self._write([self._patient.pop(0)])

    async def _write(self, batch: list[_Job]) -> None:
        """Commit a batch and tell everybody who waits for it."""
        for job, answer in zip(batch, await self._commit(batch), strict=True):
            if job.answer.done():  # whoever asked has given up; the write stands all the same
                continue
            if isinstance(answer, BaseException):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)

    async def _commit(self, batch: list[_Job]) -> list[Any]:
        """Commit a batch as one, or, when one of it fails, each alone."""
        if not batch:
            return []
        together = _in(self._writer, _write_together, self._opened(), [job.work for job in batch])
        outcome = (await asyncio.gather(together, return_exceptions=True))[0]
        if not isinstance(outcome, BaseException):
            return list(outcome)
        if len(batch) == 1:
            return [outcome]
        return [answer for job in batch for answer in await self._commit([job])]


def _run_together(engine: Engine, works: list[Work[Any]]) -> list[Any]:
    try:
        with engine.begin() as connection:
            return [work(connection) for work in works]
    except SQLAlchemyError as fault:
        raise Outage(PARTY, _reason(fault)) from fault


def _write_together(engine: Engine, works: list[Work[Any]]) -> list[Any]:
    return _run_together(engine, [_take_turn, *works])[1:]


def _take_turn(connection: Connection) -> None:
    """Wait until nobody else writes; the turn ends with the transaction."""
    if connection.dialect.name == "postgresql":
        turn = text("SELECT pg_advisory_xact_lock(:turn)").bindparams(turn=TURN)
        connection.execute(turn).close()
    else:
        # The driver begins at the first change only: the console could write between what a bridge
        # has read and what it then writes.
        connection.exec_driver_sql("BEGIN IMMEDIATE").close()


def _open(url: str) -> Engine:
    # A server that restarted is noticed before a write is lost to it.
    engine = create_engine(url, pool_pre_ping=True)
    is_sqlite = engine.dialect.name == "sqlite"
    event.listen(engine, "connect", _set_pragmas if is_sqlite else _set_limits)
    try:
        with engine.begin() as connection:
            _take_turn(connection)
            _migrate(connection)
    except SQLAlchemyError as fault:
        engine.dispose()
        raise Outage(PARTY, _reason(fault)) from fault
    except CommandError as fault:
        engine.dispose()
        raise Outage(PARTY, "a later version of this program has been at work in it") from fault
    return engine


def _migrate(connection: Connection) -> None:
    command.upgrade(_alembic(connection), "head")


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


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


def _reason(fault: SQLAlchemyError) -> str:
    """Say it in the database's own words, without the statement and its values."""
    if isinstance(fault, (DataError, ProgrammingError)):
        return type(fault.orig).__name__  # PostgreSQL quotes what it could not take
    return str(getattr(fault, "orig", None) or type(fault).__name__).partition("\n")[0]


async def _in(executor: Executor, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(
        executor, lambda: call(*arguments, **named)
    )
