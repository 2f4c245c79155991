"""Changes the schema of a database by hand: up, or back to what an earlier version knows."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, MetaData, func, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import Missing, Outage
from bridge.store import inbox as file
from bridge.store.database import PARTY, create, take_turn
from bridge.store.filling import require_alone
from bridge.store.lanes import read_reason
from bridge.store.schema import EMPTY, bring_back, bring_up, find_revision, list_revisions
from bridge.store.snapshot import KEPT
from bridge.store.tables import journal

_WITH_INBOX: Final = "0003"
"""The first schema that knows of a file of webhooks beside the database."""


def read_revision(url: str) -> str:
    """Say which schema a database has.

    Raises:
        Outage: it does not answer.
    """
    with ExitStack() as stack:
        engine = _open(url, stack)
        if _is_absent(engine):
            return EMPTY
        try:
            with engine.connect() as connection:
                return find_revision(connection)
        except SQLAlchemyError as fault:
            raise Outage(PARTY, read_reason(fault)) from fault


def raise_schema(url: str) -> None:
    """Bring a database up to today's schema, as a bridge does when it starts.

    Raises:
        TooNew: a later version has been at work in it.
        Outage: it does not answer; its schema is the one before.
    """
    with ExitStack() as stack:
        engine = _open(url, stack)
        try:
            with engine.begin() as connection:
                take_turn(connection)
                bring_up(connection)
        except SQLAlchemyError as fault:
            raise Outage(PARTY, read_reason(fault)) from fault


def lower_schema(url: str, revision: str) -> tuple[str, ...]:
    """Bring a database back to an earlier schema; answer what had no place there and is gone.

    Raises:
        Missing: there is no such schema, or nothing to bring back.
        Refused: something has no place there, or other programs are connected.
        TooNew: a later version has been at work in it.
        Outage: it does not answer; its schema is the one before.
    """
    with ExitStack() as stack:
        engine = _open(url, stack)
        if _is_absent(engine):
            raise Missing(f"there is no database at {engine.url.database}")
        place = None
        try:
            with engine.begin() as connection:
                take_turn(connection)
                require_alone(connection)
                if _loses_inbox(connection, revision):
                    place = _empty_inbox(connection, engine)
                before = _look(connection)
                bring_back(connection, revision)
                lost = _compare(before, _look(connection))
        except SQLAlchemyError as fault:
            raise Outage(PARTY, read_reason(fault)) from fault
    if place is not None:
        _remove(place)
    return lost


def _look(connection: Connection) -> dict[str, tuple[int, list[str]]]:
    """Say how many rows each table of ours has, and which columns."""
    reflected = MetaData()
    reflected.reflect(connection)
    return {
        table.name: (
            connection.execute(select(func.count()).select_from(table)).scalar_one(),
            [column.name for column in table.columns],
        )
        for table in reflected.sorted_tables
        if table.name in KEPT
    }


def _compare(
    before: dict[str, tuple[int, list[str]]], after: dict[str, tuple[int, list[str]]]
) -> tuple[str, ...]:
    """Name the rows that are gone, and the columns of those that are left."""
    lost = []
    for name, (rows, columns) in sorted(before.items()):
        left, known = after.get(name, (0, []))
        if rows > left:
            lost.append(f"{rows - left} of {name}")
        if left:
            lost.extend(f"{name}.{column}" for column in columns if column not in known)
    return tuple(lost)


def _open(url: str, stack: ExitStack) -> Engine:
    engine = create(url)
    stack.callback(engine.dispose)
    return engine


def _is_absent(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists()


def _loses_inbox(connection: Connection, revision: str) -> bool:
    known = list_revisions()
    if connection.dialect.name != "sqlite" or revision not in known:
        return False
    is_before = known.index(revision) < known.index(_WITH_INBOX)
    return is_before and inspect(connection).has_table("inboxes")


def _empty_inbox(connection: Connection, engine: Engine) -> Path | None:
    """Bring what the inbox still holds into the journal; answer where the file is."""
    place = file.find_place(engine.url.database or "")
    if not place.exists():
        return None
    inbox = file.open_inbox(place)
    try:
        folded_to = file.find_folded(connection, inbox.name) or 0
        left = select(file.inbox).where(file.inbox.c.id > folded_to).order_by(file.inbox.c.id)
        with inbox.connect() as reading:
            for row in reading.execute(left):
                told = {"body": row.body, "address": row.address, "received_at": row.received_at}
                connection.execute(insert(journal), told).close()
    finally:
        inbox.engine.dispose()
    return place


def _remove(place: Path) -> None:
    """Take the inbox away: what it held is in the database now.

    If we are ended before, the next version to know of inboxes folds it once more, into the same
    episodes.
    """
    for each in (place, *(place.with_name(f"{place.name}-{log}") for log in ("wal", "shm"))):
        with suppress(OSError):
            each.unlink(missing_ok=True)
