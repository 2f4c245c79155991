"""Fills a database with a copy of another: the schema of the copy, its rows, then today's schema.

Whatever of ours was there before is gone with it. All of it is one transaction.
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from bridge import limits
from bridge.errors import Mistake, Outage, Refused, TooNew
from bridge.store.database import PARTY, create, take_turn
from bridge.store.inbox import find_place
from bridge.store.lanes import read_reason
from bridge.store.schema import EMPTY, bring_up, find_revision, list_revisions
from bridge.store.snapshot import KEPT, NOT_KEPT, find_sequence, wait_for_us
from bridge.store.tables import audit

Lines = Iterable[bytes]
_AT_ONCE: Final = 500  # chosen: rows in memory at a time
_LOOKS: Final = 20  # chosen: at others, a tenth of a second apart
_NONSENSE: Final = (
    *(LookupError, TypeError, ValueError, NoBase64),
    *(OverflowError, RecursionError),  # numbers and depths that no database has
)
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def find_file(url: str) -> Path | None:
    """Say which file a database is; None where a server has it."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def list_companions(place: Path) -> tuple[Path, ...]:
    """Name the files that go with a database, and with it alone: its log, its inbox."""
    inbox = find_place(str(place))
    logs = ("-wal", "-shm", "-journal")
    return (inbox, *(each.with_name(each.name + log) for each in (place, inbox) for log in logs))


def has_entry(url: str, digest: str) -> bool:
    """Say whether a database has an entry of the audit.

    Raises:
        Outage: it does not answer.
    """
    engine = create(url)
    try:
        with engine.connect() as connection:
            wanted = select(func.count()).select_from(audit).where(audit.c.digest == digest)
            return inspect(connection).has_table(audit.name) and bool(
                connection.execute(wanted).scalar_one()
            )
    except SQLAlchemyError as fault:
        raise Outage(PARTY, read_reason(fault)) from fault
    finally:
        engine.dispose()


@contextmanager
def open_filling(url: str | Path) -> Iterator[Connection]:
    """Open a database to be filled; it is filled when the block ends, else left as it was.

    Raises:
        Refused: other programs are connected to it.
        Outage: it cannot be written; nothing has changed, as far as it says.
    """
    engine = create(URL.create("sqlite", database=str(url)) if isinstance(url, Path) else url)
    try:
        with engine.begin() as connection:
            take_turn(connection)
            wait_for_us(connection)
            require_alone(connection)
            yield connection
        if engine.dialect.name == "sqlite":
            # One file is moved into its place, not a file and its log.
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=DELETE").close()
    except SQLAlchemyError as fault:
        raise Outage(PARTY, read_reason(fault)) from fault
    finally:
        engine.dispose()


def fill(
    connection: Connection,
    revision: str,
    tables: Mapping[str, Callable[[], Lines]],
    counters: Mapping[str, int],
) -> None:
    """Put a copy in the place of everything, and bring it up to today's schema.

    Raises:
        Mistake: this is no copy of a database of ours.
        Refused: what is there is not ours, or a later version's.
    """
    _drop_ours(connection)
    bring_up(connection, revision)
    reflected = MetaData()
    reflected.reflect(connection)
    wanted = set(reflected.tables) & KEPT
    if strange := set(tables) - wanted:
        raise Mistake(f"schema {revision} has no table {', '.join(sorted(strange))}")
    if missing := wanted - set(tables):
        raise Mistake(f"the backup tells nothing of the table {', '.join(sorted(missing))}")
    for table in reflected.sorted_tables:  # those that others refer to come first
        if table.name in tables:
            _fill_table(connection, table, iter(tables[table.name]()))
            _count_on(connection, table, counters.get(table.name, 0))
    bring_up(connection)


def _drop_ours(connection: Connection) -> None:
    """Take away what is ours, and nothing that others may have beside it."""
    present = find_revision(connection)
    if present not in {EMPTY, *list_revisions()}:
        raise TooNew(
            f"the database has schema {present}, which a later version has made: bring it back "
            "with that one, or restore into an empty database"
        )
    reflected = MetaData()
    reflected.reflect(connection)
    ours = [each for each in reflected.sorted_tables if each.name in KEPT | NOT_KEPT]
    if present == EMPTY and (alike := sorted(KEPT & {each.name for each in ours})):
        raise Refused(
            f"the database has a table {alike[0]} that is not ours: restore into another database"
        )
    reflected.drop_all(connection, tables=ours)


def require_alone(connection: Connection) -> None:
    """See that nobody else is at work in a database that many may share.

    Raises:
        Refused: somebody is.
    """
    if connection.dialect.name != "postgresql":
        return  # the lock on the state folder tells
    others = 0
    for _ in range(_LOOKS):  # who has just gone is seen a moment longer
        connection.execute(text("SELECT pg_stat_clear_snapshot()")).close()
        others = connection.execute(text(_OTHERS)).scalar_one()
        if not others:
            return
        connection.execute(text("SELECT pg_sleep(0.1)")).close()
    raise Refused(
        f"{others} other connections to the database are open: end every bridge and program that "
        "uses it first"
    )


def _fill_table(connection: Connection, table: Table, lines: Iterator[bytes]) -> None:
    try:
        names = json.loads(next(lines))
        readers = [_choose_reader(table, name) for name in names]
        while rows := [
            {
                name: None if value is None else read(value)
                for name, read, value in zip(names, readers, json.loads(line), strict=True)
            }
            for line in _take_some(lines)
        ]:
            connection.execute(insert(table), rows).close()
    except (*_NONSENSE, StopIteration) as fault:
        raise Mistake(f"what is said of the table {table.name} cannot be understood") from fault


def _take_some(lines: Iterator[bytes]) -> list[bytes]:
    """Take as many rows as go into the memory together: one at least, however large it is."""
    taken, size = [], 0
    for line in lines:
        taken.append(line)
        size += len(line)
        if len(taken) == _AT_ONCE or size >= limits.BACKUP_BYTES_TOGETHER:
            break
    return taken


def _choose_reader(table: Table, name: str) -> Callable[[Any], Any]:
    kind = table.columns[name].type
    if isinstance(kind, DateTime):
        return datetime.fromisoformat
    if isinstance(kind, LargeBinary):
        return lambda value: b64decode(value, validate=True)
    return lambda value: value


def _count_on(connection: Connection, table: Table, given: int) -> None:
    """Let the next row have a number that none ever had."""
    if "id" not in table.columns:
        return
    newest = connection.execute(select(func.max(table.c.id))).scalar_one() or 0
    number = max(newest, given)
    if number and connection.dialect.name == "postgresql":
        sequence = find_sequence(connection, table.name)
        if sequence is not None:
            further = text("SELECT setval(:sequence, :number)")
            connection.execute(further, {"sequence": sequence, "number": number}).close()
    elif number and inspect(connection).has_table("sqlite_sequence"):
        _count_on_in_sqlite(connection, table.name, number)


def _count_on_in_sqlite(connection: Connection, name: str, number: int) -> None:
    counted = "SELECT sql LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE name = :name"
    values = {"name": name, "number": number}
    if not connection.execute(text(counted), values).scalar_one():
        return
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values).close()
    put = "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"
    connection.execute(text(put), values).close()
