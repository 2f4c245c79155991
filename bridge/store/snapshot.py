"""A copy of everything that is kept, as it was at one moment, while bridges go on writing.

It is neutral: a line of JSON for each row, so that what one kind of database held can be filled
into another. What the inbox beside an SQLite database still holds is told as rows of the journal.

The inbox is looked at first, and the database after it: a webhook that was answered before the copy
began is then in the one, or has been folded into the other. The other way round it could be folded
and dropped between the two looks, and be in neither.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, MetaData, Table, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import Missing, Outage, TooNew
from bridge.store import host_tables  # noqa: F401 - a part of the schema
from bridge.store import inbox as file
from bridge.store.database import PARTY, create
from bridge.store.lanes import read_reason
from bridge.store.schema import EMPTY, find_revision, require_known
from bridge.store.tables import metadata

JOURNAL: Final = "journal"
OWNER: Final = "owner"
"""Under which name the state remembers whose it is."""
NOT_KEPT: Final = frozenset({"alembic_version", "inboxes"})
"""Told otherwise: the first is the revision; the second belongs to a file that is not copied."""
KEPT: Final = frozenset(metadata.tables) - NOT_KEPT
"""The tables of ours, of any schema."""
_AT_ONCE: Final = 500  # chosen: rows in memory at a time
_LARGE: Final = frozenset({JOURNAL})
"""Tables whose rows are looked at one by one: each may be as large as a webhook."""
_COUNTED: Final = (
    ("people", "people", ""),
    ("chats", "subscriptions", ""),
    ("episodes", "episodes", ""),
    ("firing", "episodes", "ended_at IS NULL"),
    ("audit", "audit", ""),
    ("pending", "messages", "shown_revision < revision"),
    ("webhooks", JOURNAL, ""),
    ("agents", "agents", "revoked_at IS NULL"),
)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What is kept, as it was when this was opened."""

    revision: str
    dialect: str
    _tables: Mapping[str, Table]
    _main: Connection
    _inbox: Connection | None
    _folded_to: int

    @property
    def tables(self) -> tuple[str, ...]:
        """Name every table there is to copy."""
        return tuple(sorted(self._tables))

    def lines(self, name: str) -> Iterator[bytes]:
        """Tell a table: its columns, then every row."""
        table = self._tables[name]
        names = [column.name for column in table.columns]
        yield _write_line(names)
        last = 0
        wanted = select(table).order_by(*table.primary_key.columns)
        for row in self._rows(wanted, 1 if name in _LARGE else _AT_ONCE):
            last = row[0]
            yield _write_line(row)
        if name == JOURNAL:
            yield from self._left(names, last)

    def counters(self) -> dict[str, int]:
        """Tell which number each table has given last: one that was cut off must not come again."""
        if self.dialect == "sqlite":
            if not inspect(self._main).has_table("sqlite_sequence"):
                return {}
            found = self._main.execute(text("SELECT name, seq FROM sqlite_sequence"))
            return {name: number for name, number in found if number is not None}
        given: dict[str, int] = {}
        for name, table in self._tables.items():
            if "id" in table.columns and (sequence := find_sequence(self._main, name)):
                last = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608 - PostgreSQL's own name of it
                given[name] = self._main.execute(text(last)).scalar_one()
        return given

    def counts(self) -> dict[str, int]:
        """Count what a person would ask for."""
        counts: dict[str, int] = {}
        for name, table, condition in _COUNTED:
            if table in self._tables:
                wanted = select(func.count()).select_from(self._tables[table])
                counted = wanted.where(text(condition)) if condition else wanted
                counts[name] = self._main.execute(counted).scalar_one()
        if self._inbox is not None:
            beyond = select(func.count()).where(file.inbox.c.id > self._folded_to)
            counts["webhooks"] += self._inbox.execute(beyond).scalar_one()
        return counts

    def owner(self) -> Any:  # a JSON value
        """Tell whose state it is; None where nobody has claimed it."""
        if "state" not in self._tables:
            return None
        state = self._tables["state"]
        value = self._main.execute(
            select(state.c.value).where(state.c.name == OWNER)
        ).scalar_one_or_none()
        return None if value is None else json.loads(value)

    def _left(self, names: list[str], last: int) -> Iterator[bytes]:
        """Tell what the inbox still holds, after what the database's own journal has."""
        if self._inbox is None:
            return
        raw = text(
            "SELECT id, body, address, received_at FROM journal WHERE id > :folded_to ORDER BY id"
        ).columns(*(self._tables[JOURNAL].c[name] for name in _INBOX_COLUMNS))
        rows = self._inbox.execute(raw, {"folded_to": self._folded_to})
        for number, row in enumerate(rows, start=last + 1):
            told = {**dict(zip(_INBOX_COLUMNS, row, strict=True)), "id": number}
            yield _write_line([told[name] for name in names])

    def _rows(self, wanted: Any, at_once: int) -> Iterator[Any]:
        yield from self._main.execute(wanted.execution_options(yield_per=at_once))


_INBOX_COLUMNS: Final = ("id", "body", "address", "received_at")


@contextmanager
def open_snapshot(url: str) -> Iterator[Snapshot]:
    """Look at a database as it is now, whatever is written meanwhile; nothing is changed.

    Raises:
        Missing: there is nothing yet.
        TooNew: a later version has been at work in it.
        Outage: it does not answer.
    """
    with _told(), ExitStack() as stack:
        engine = create(url)
        stack.callback(engine.dispose)
        inbox = _look_into_inbox(engine, stack)
        main = _look_into(engine, stack)
        revision = find_revision(main)
        if revision == EMPTY:
            raise Missing("there is nothing to copy: no bridge was ever at work in this database")
        require_known(revision)
        reflected = MetaData()
        reflected.reflect(main)
        tables = {each.name: each for each in reflected.tables.values()}
        yield Snapshot(
            revision=revision,
            dialect=engine.dialect.name,
            # In a database that others share, what is theirs stays theirs.
            _tables={name: tables[name] for name in set(tables) & KEPT},
            _main=main,
            _inbox=inbox,
            _folded_to=_find_folded(main, inbox),
        )


def find_owner(url: str) -> Any:  # a JSON value
    """Tell whose state a database holds; None where there is none, or none that can be read."""
    try:
        with open_snapshot(url) as snapshot:
            return snapshot.owner()
    except (Missing, Outage, TooNew):  # who made it knows; see `filling` for what becomes of it
        return None


def wait_for_us(connection: Connection) -> None:
    """Let a server keep a transaction open however long a disk takes between two statements."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0")).close()


def find_sequence(connection: Connection, table: str) -> str | None:
    """Name what counts a table's rows up, in PostgreSQL."""
    named = text("SELECT pg_get_serial_sequence(:table, 'id')").bindparams(table=table)
    return connection.execute(named).scalar_one_or_none()


def _look_into(engine: Engine, stack: ExitStack) -> Connection:
    """Begin to read one moment."""
    if engine.dialect.name == "sqlite":
        if not Path(engine.url.database or "").exists():
            raise Missing(f"there is no database at {engine.url.database}")
        connection = stack.enter_context(engine.connect())
        connection.exec_driver_sql("BEGIN").close()
    else:
        connection = stack.enter_context(engine.connect())
        connection = connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        wait_for_us(connection)
    inspect(connection).get_table_names()  # the first look fixes the moment
    return connection


def _look_into_inbox(engine: Engine, stack: ExitStack) -> Connection | None:
    if engine.dialect.name != "sqlite":
        return None
    place = file.find_place(engine.url.database or "")
    if not place.exists():
        return None
    inbox = file.open_inbox(place)
    stack.callback(inbox.engine.dispose)
    connection = stack.enter_context(inbox.engine.connect())
    connection.exec_driver_sql("BEGIN").close()
    connection.execute(select(func.max(file.inbox.c.id))).close()
    return connection


def _find_folded(main: Connection, inbox: Connection | None) -> int:
    if inbox is None or not inspect(main).has_table("inboxes"):
        return 0
    name = inbox.execute(text("SELECT name FROM inbox")).scalar_one()
    return file.find_folded(main, name) or 0


def _write_line(values: Any) -> bytes:
    return json.dumps([_write(each) for each in values], ensure_ascii=True).encode() + b"\n"


def _write(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return b64encode(value).decode()
    return value


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as fault:
        raise Outage(PARTY, read_reason(fault)) from fault
