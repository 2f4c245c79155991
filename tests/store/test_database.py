from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Insert, create_engine, func, insert, select, text

from bridge.core.cards import CardFacts
from bridge.core.outbox import Kind
from bridge.errors import Outage
from bridge.store import host_tables  # noqa: F401 - a part of the schema
from bridge.store.database import Database
from bridge.store.schema import bring_up
from bridge.store.tables import episodes, heartbeat, metadata
from tests.fakes.clock import NOON
from tests.postgres import Postgres
from tests.store.stage import MINUTE, Stage

on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


def count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM heartbeat")).scalar_one())


def beat(number: int) -> Insert:
    return insert(heartbeat).values(id=number, beat_at=NOON)


def compare(connection: Connection) -> object:
    return compare_metadata(MigrationContext.configure(connection), metadata)


async def test_the_migrations_make_exactly_the_schema_of_the_tables(database: Database) -> None:
    assert await database.read(compare) == []


FIRES = {"labels": {"alertname": "A", "host": "a"}, "annotations": {}}
EARLIER = {"generator_url": "", "fingerprint": "0123"}
ABOUT = {"group_labels": {"host": "a"}, "receiver": "bridge", "source": "http://am", "truncated": 0}
AT = "2026-11-01 12:00:00"
# ruff: noqa: S608, ISC004 - statements of our own, written here
OF_THE_FIRST_VERSION = (
    # One alert that fires, as two members of a cluster told of it; and one that is over.
    *(
        f"INSERT INTO episodes VALUES ({number}, '{number:064}', "
        f"'{json.dumps(FIRES | EARLIER)}', '{AT}', NULL, '{AT}')"
        for number in (1, 2)
    ),
    f"INSERT INTO episodes VALUES (3, '{3:064}', '{json.dumps(FIRES | EARLIER)}', "
    f"'{AT}', '{AT}', '{AT}')",
    *(
        f"INSERT INTO cards VALUES ({number}, -100, 0, '{number:064}', '{json.dumps(ABOUT)}', "
        f"'{AT}', {closed})"
        for number, closed in ((1, "NULL"), (2, "NULL"), (3, f"'{AT}'"))
    ),
    "INSERT INTO card_episodes VALUES (1, 1), (2, 2), (3, 3)",
    # The first was shown, the second waits, the third waits for its end to be shown.
    *(
        "INSERT INTO messages (chat_id, thread_id, card_id, revision, shown_revision, telegram_id, "
        "form, due_at, attempts, waiting_since, created_at) VALUES "
        f"(-100, 0, {card}, {revision}, {shown}, {telegram}, 0, '{AT}', 0, '{AT}', '{AT}')"
        for card, revision, shown, telegram in (
            (1, 1, 1, 71),
            (2, 1, 0, "NULL"),
            (3, 2, 1, 73),
        )
    ),
    "INSERT INTO messages (chat_id, thread_id, facts, digest, revision, shown_revision, form, "
    "due_at, attempts, waiting_since, created_at) VALUES (-100, 0, "
    f"'{json.dumps({'raw': 'odd', 'fault': 'none', 'source': ''})}', '{4:064}', 1, 0, 0, "
    f"'{AT}', 0, '{AT}', '{AT}')",
)


def begin_at_the_first_version(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        bring_up(connection, "0001")
        for statement in OF_THE_FIRST_VERSION:
            connection.exec_driver_sql(statement).close()
        if engine.dialect.name == "postgresql":
            for table in ("episodes", "cards", "messages"):
                counted = f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"
                connection.execute(text(counted)).close()
    engine.dispose()


async def test_a_database_of_the_first_version_is_brought_up_without_losing_a_message(
    url: str,
) -> None:
    begin_at_the_first_version(url)
    database = Database(url)
    await database.open()
    assert await database.read(compare) == []
    stage = Stage(database)
    assert (await stage.records.balance()).total == 0
    open_now = select(func.count()).select_from(episodes).where(episodes.c.ended_at.is_(None))
    assert await stage.scalar(open_now) == 1
    shown = await stage.show()
    told = {(each.kind, each.telegram_id) for each in shown}
    assert {(Kind.CARD, None), (Kind.CARD, 73), (Kind.UNREADABLE, None)} <= told
    # What fires is still known, under the name that it has now.
    await stage.post(FIRES | {"status": "firing", "startsAt": f"{AT}Z"}, group="other")
    await stage.post(FIRES | {"status": "resolved", "startsAt": f"{AT}Z", "endsAt": f"{AT}Z"})
    assert await stage.scalar(open_now) == 0
    await stage.drain(MINUTE)
    assert all(
        not member.is_firing
        for facts in stage.shown.values()
        if isinstance(facts, CardFacts)
        for member in facts.members
    )
    seen = {number for (_, number), facts in stage.shown.items() if isinstance(facts, CardFacts)}
    assert {71, 73} <= seen
    assert (await stage.records.balance()).total == 0
    await database.close()


async def test_a_commit_reaches_the_disk_and_survives_another_opening(url: str) -> None:
    for expected in (1, 2):
        database = Database(url)
        await database.open()
        number = expected
        await database.write(lambda connection: connection.execute(beat(number)).close())  # noqa: B023
        assert await database.read(count) == expected
        await database.close()


@on_sqlite
async def test_sqlite_keeps_its_word_over_a_power_cut(database: Database) -> None:
    def pragmas(connection: Connection) -> tuple[str, int]:
        journal = connection.execute(text("PRAGMA journal_mode")).scalar_one()
        return str(journal), int(connection.execute(text("PRAGMA synchronous")).scalar_one())

    assert await database.write(pragmas) == ("wal", 2)


async def test_writes_that_wait_together_are_committed_together(database: Database) -> None:
    gate = threading.Event()
    threads: list[int] = []
    blocker = asyncio.create_task(database.write(lambda _: gate.wait(60)))
    await asyncio.sleep(0)
    commits: list[int] = []

    def work(connection: Connection) -> None:
        threads.append(threading.get_ident())
        commits.append(id(connection.get_transaction()))

    writes = [asyncio.create_task(database.write(work)) for _ in range(20)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(blocker, *writes)
    assert len(commits) == 20
    assert len(set(commits)) == 1
    assert len(set(threads)) == 1


async def test_one_write_that_fails_does_not_take_its_neighbours_along(database: Database) -> None:
    gate = threading.Event()
    blocker = asyncio.create_task(database.write(lambda _: gate.wait(60)))
    await asyncio.sleep(0)
    good = asyncio.create_task(database.write(lambda c: c.execute(beat(1)).close()))
    bad = asyncio.create_task(database.write(lambda c: c.execute(text("INSERT nonsense"))))
    odd = asyncio.create_task(database.write(lambda _: 1 / 0))
    await asyncio.sleep(0)
    gate.set()
    answers = await asyncio.gather(blocker, good, bad, odd, return_exceptions=True)
    assert answers[1] is None
    assert isinstance(answers[2], Outage)
    assert isinstance(answers[3], ZeroDivisionError)
    assert await database.read(count) == 1


async def test_a_database_that_cannot_be_opened_is_an_outage_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "absent"
    database = Database(f"sqlite:///{folder}/bridge.db")
    with pytest.raises(Outage, match="unable to open"):
        await database.open()
    with pytest.raises(Outage, match="not open yet"):
        await database.write(count)
    folder.mkdir()
    await database.open()
    assert await database.read(count) == 0
    await database.close()


@on_sqlite
async def test_a_full_disk_is_an_outage_and_passes(database: Database) -> None:
    def fill(connection: Connection) -> None:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count={pages}"))
        for number in range(10_000):
            connection.execute(beat(number))

    with pytest.raises(Outage, match="full"):
        await database.write(fill)
    await database.write(lambda c: c.execute(text("PRAGMA max_page_count=100000")).close())
    await database.write(lambda c: c.execute(beat(1)).close())
    assert await database.read(count) == 1


async def test_an_outage_never_shows_a_statement_or_its_values(database: Database) -> None:
    with pytest.raises(Outage) as outage:
        await database.write(lambda c: c.execute(text("INSERT INTO heartbeat VALUES ('geheim')")))
    assert "geheim" not in str(outage.value)


async def test_a_server_that_is_not_there_is_an_outage(tmp_path: Path) -> None:
    database = Database(f"postgresql+psycopg://opswire@/bridge?host={tmp_path}")
    with pytest.raises(Outage, match="connection"):
        await database.open()
    await database.close()


@on_postgresql
async def test_a_server_that_restarted_costs_no_write(
    database: Database, postgres: Postgres
) -> None:
    await database.write(lambda connection: connection.execute(beat(1)).close())
    postgres.command(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test%'"
    )
    await database.write(lambda connection: connection.execute(beat(2)).close())
    assert await database.read(count) == 2
