from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bridge import limits
from bridge.console import perform as room
from bridge.store import database as store
from bridge.store import filling, inbox
from bridge.store.database import Database
from tests.postgres import Postgres, PostgresMissing, run_postgres
from tests.store.audits import Desk
from tests.store.houses import House, furnish
from tests.store.stage import Stage

PATIENCE = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing here be taken for a fault because the machine is slow.

    A test of one of these bounds sets it to what it tells of.
    """
    seconds = int(PATIENCE.total_seconds())
    monkeypatch.setattr(limits, "READ_PATIENCE", PATIENCE)
    monkeypatch.setattr(limits, "WRITE_PATIENCE", PATIENCE)
    monkeypatch.setattr(store, "BUSY_MILLISECONDS", 1000 * seconds)
    monkeypatch.setattr(store, "VANISHED_MILLISECONDS", 1000 * seconds)
    monkeypatch.setattr(inbox, "BUSY_SECONDS", seconds)
    monkeypatch.setattr(filling, "_LOOKS", 10 * seconds)


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


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    folder = tmp_path / "state"
    folder.mkdir()
    return Desk(database, folder)


@pytest.fixture
def house(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    monkeypatch.setattr(room, "set_up_logs", lambda *_: None)  # logs are the process's own
    made = House(tmp_path / "state", url, capsys.readouterr)
    furnish(made)
    return made
