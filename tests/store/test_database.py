from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Insert, insert, inspect, text

from bridge.errors import Outage
from bridge.store import database as store
from bridge.store.database import Database
from bridge.store.tables import heartbeat, metadata
from tests.fakes.clock import NOON
from tests.postgres import Postgres

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


async def test_the_migrations_lead_down_to_nothing_and_up_again(database: Database) -> None:
    def descend(connection: Connection) -> list[str]:
        command.downgrade(store._alembic(connection), "base")
        return inspect(connection).get_table_names()

    await database.write(lambda connection: connection.execute(beat(1)).close())
    assert await database.write(descend) == ["alembic_version"]
    await database.write(lambda c: command.upgrade(store._alembic(c), "head"))
    assert await database.read(compare) == []
    assert await database.read(count) == 0


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
    blocker = asyncio.create_task(database.write(lambda _: gate.wait(5)))
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
    blocker = asyncio.create_task(database.write(lambda _: gate.wait(5)))
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
