"""A state with something in every table, and the stored databases that are made of one.

`python -m tests.store.full_state` writes the database of the newest schema to `databases/`. That is
done once, by whoever adds a schema. What is stored there is never written anew: it is what people
have on their disks.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select

from bridge.core.access import Role
from bridge.core.audit import Entry
from bridge.core.enrolment import Grant, Purpose
from bridge.store.database import Database, create
from bridge.store.filling import open_filling
from bridge.store.people import People
from bridge.store.schema import bring_up, list_revisions
from bridge.store.snapshot import open_snapshot
from bridge.store.state import State
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import ADA, DEV, MINUTE, OPS, SECOND, Stage

FOLDER: Final = Path(__file__).parent / "databases"
PENDING: Final = "db-9"
"""The host of an alert that nobody has been shown yet."""
AT: Final = NOON.replace(tzinfo=None)
ABOUT: Final = json.dumps({"host": "web-1", "serial": "5f", "address": "192.0.2.1:8001"})
# Those that no flow of the store's stage fills: as the bridge writes them.
ROWS: Final[dict[str, dict[str, Any]]] = {
    "agents": {"host": "web-1", "key": "a" * 64, "about": ABOUT, "enrolled_at": AT},
    "agent_codes": {
        "digest": "c" * 64,
        "host": "web-2",
        "about": ABOUT,
        "made_by": 1001,
        "made_at": AT,
        "expires_at": AT + timedelta(minutes=30),
        "told": "[]",
    },
    "letters": {
        "digest": "d" * 64,
        "about": ABOUT,
        "issued_at": AT,
        "received_at": AT,
    },
    "logins": {
        "event": "e" * 64,
        "facts": json.dumps({"user": "ada"}),
        "received_at": AT,
    },
    "jobs": {
        "key": "f" * 32,
        "host": "web-1",
        "command": json.dumps("df -h"),
        "chat_id": 1001,
        "thread_id": 0,
        "telegram_id": 77,
        "begun_by": 1001,
        "begun_at": AT,
        "about": json.dumps(
            {
                "hosts": ["web-1"],
                "port": 0,
                "within": 30.0,
                "name": "Ada",
                "what": "/op_exec web-1 df -h",
                "reply_to": 76,
            }
        ),
        "out_at": AT,
        "owner": "b" * 32,
        "leased_until": AT + timedelta(minutes=1),
    },
    "journal": {
        "body": json.dumps(webhook(alert(host="left-1"), group="left-1")).encode(),
        "address": json.dumps({"source": "", "chat_id": None, "thread_id": None}),
        "received_at": AT,
    },
    "calls": {"chat_id": -100, "message_id": 1, "is_board": False, "at": AT},
    "chats": {"chat_id": -100, "paused_until": AT, "pause_reason": "flood"},
    "destinations": {
        "chat_id": -300,
        "thread_id": 0,
        "broken_since": AT,
        "reason": "gone",
        "detail": json.dumps("kicked \u0000 \ud800"),
        "is_on_trial": False,
    },
    "updates": {
        "update_id": 41,
        "body": json.dumps({"update_id": 41, "text": "Привет"}),
        "received_at": AT,
    },
    "heartbeat": {"id": 1, "beat_at": AT},
}


async def fill_state(database: Database) -> None:
    """Live through a little of everything."""
    stage = Stage(database)
    await stage.subscribe(OPS, DEV)
    await _let_people_in(stage)
    await stage.choose(DEV, "language ru")
    await stage.post(alert(), alert("HighLoad", severity="warning"))
    await stage.drain(MINUTE)
    worse = (alert(), alert("HighLoad", severity="warning"), alert("AgentHighDisk"))
    await stage.post(*worse)
    await stage.drain(MINUTE)
    await stage.post(alert(ends=NOON + SECOND), "no alert at all", group="web-1")
    await stage.drain(MINUTE)
    for number in range(24):  # a storm: cards, rings, and the board over them
        await stage.post(alert(host=f"host-{number}"), group=f"host-{number}")
    stage.wait(10 * SECOND)
    await stage.show()
    await stage.put(webhook(alert(host=PENDING), group=PENDING))
    await stage.fold()
    owner = {"bot_id": "123456789", "server": "Telegram"}
    await State(database).put("owner", owner, now=NOON)
    await database.write(_fill_the_rest)
    await stage.put(webhook(alert(host="kept-1"), group="kept-1"))  # and not folded


async def _let_people_in(stage: Stage) -> None:
    people = People(stage.database, frozenset())
    for user_id, role in ((1001, Role.ADMIN), (1002, Role.VIEWER)):
        entry = Entry(at=stage.now, who=None, name="root at the console", what="people add")
        await people.put(user_id, Grant(role=role), by=None, entry=entry, now=stage.now)
    entry = Entry(at=stage.now, who=1001, chat=ADA, what="/adduser")
    await people.put_code(
        *("A" * 22, Purpose.PERSON, Grant(role=Role.VIEWER)), by=1001, entry=entry, now=stage.now
    )


def _fill_the_rest(connection: Connection) -> None:
    for table in reflect(connection).values():
        is_empty = not connection.execute(select(func.count()).select_from(table)).scalar_one()
        if is_empty and table.name in ROWS:
            connection.execute(insert(table), _fit(table, ROWS[table.name])).close()


def _fit(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in table.columns}


def reflect(connection: Connection) -> dict[str, Table]:
    """Read the tables there are."""
    reflected = MetaData()
    reflected.reflect(connection)
    return {table.name: table for table in reflected.sorted_tables}


def count_rows(url: str) -> dict[str, int]:
    """Count every table, without opening the database as a bridge does."""
    engine = create(url)
    with engine.connect() as connection:
        counts = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in reflect(connection).items()
        }
    engine.dispose()
    return counts


def read_rows(url: str) -> dict[str, list[Any]]:
    """Read every table."""
    engine = create(url)
    with engine.connect() as connection:
        rows = {
            name: connection.execute(select(table).order_by(*table.columns)).all()
            for name, table in reflect(connection).items()
        }
    engine.dispose()
    return {name: [tuple(each) for each in found] for name, found in rows.items()}


def read_schema(url: str) -> dict[str, Any]:
    """Describe the schema, so that two can be compared."""
    engine = create(url)
    looked = inspect(engine)
    schema = {
        name: (
            sorted(
                (each["name"], str(each["type"]), each["nullable"])
                for each in looked.get_columns(name)
            ),
            sorted(
                (str(each["name"]), str(each["column_names"]), bool(each["unique"]))
                for each in looked.get_indexes(name)
            ),
            looked.get_pk_constraint(name)["constrained_columns"],
            sorted(str(each["constrained_columns"]) for each in looked.get_foreign_keys(name)),
        )
        for name in looked.get_table_names()
    }
    engine.dispose()
    return schema


def put_stored(revision: str, url: str) -> None:
    """Put a stored database where a test wants it."""
    script = (FOLDER / f"{revision}.sql").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "stored.db"
        with closing(sqlite3.connect(place)) as connection:
            connection.executescript(script)
        if url.startswith("sqlite"):
            target = Path(url.removeprefix("sqlite:///"))
            target.write_bytes(place.read_bytes())
            return
        # As a bridge of that time would have had it in PostgreSQL.
        engine = create(url)
        with open_snapshot(f"sqlite:///{place}") as stored, engine.begin() as connection:
            bring_up(connection, revision)
            for name, table in reflect(connection).items():
                if name in stored.tables:
                    _copy(connection, table, stored.lines(name))
        engine.dispose()


def _copy(connection: Connection, table: Table, lines: Any) -> None:
    from bridge.store import filling  # noqa: PLC0415 - its inside

    filling._fill_table(connection, table, iter(lines))
    filling._count_on(connection, table, 0)


async def _make(place: Path) -> None:
    database = Database(f"sqlite:///{place}")
    await database.open()
    try:
        await fill_state(database)
    finally:
        await database.close()


def main(revision: str) -> None:
    """Write the stored database of a revision."""
    with tempfile.TemporaryDirectory() as folder:
        full, place = Path(folder) / "full.db", Path(folder) / "made.db"
        asyncio.run(_make(full))
        with open_snapshot(f"sqlite:///{full}") as made, open_filling(place) as connection:
            bring_up(connection, revision)
            for name, table in reflect(connection).items():
                if name in made.tables:
                    _copy(connection, table, made.lines(name))
            if "inboxes" in reflect(connection):
                connection.execute(
                    insert(reflect(connection)["inboxes"]), {"name": "0" * 32, "folded_to": 7}
                ).close()
        with closing(sqlite3.connect(place)) as connection:
            script = "\n".join(connection.iterdump())
    (FOLDER / f"{revision}.sql").write_text(f"{script}\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else list_revisions()[-1])
