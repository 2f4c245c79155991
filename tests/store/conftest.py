from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.store.database import Database
from tests.postgres import Postgres, PostgresMissing, run_postgres
from tests.store.stage import Stage


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    try:
        with run_postgres() as server:
            yield server
    except PostgresMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, numbers: Iterator[int]) -> Iterator[str]:
    """An empty database: every test of the store runs on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/bridge.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.lend(f"test_{next(numbers)}") as lent:
        yield lent


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def stage(database: Database) -> Stage:
    return Stage(database)
