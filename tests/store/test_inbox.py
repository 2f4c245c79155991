"""The file of webhooks beside an SQLite database: what can come between the two."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Connection, create_engine, func, insert, select, text, update

from bridge.core.alerts import Notification
from bridge.errors import Outage, TooNew
from bridge.store import database as store
from bridge.store import inbox as file
from bridge.store.database import Database
from bridge.store.folding import Folding
from bridge.store.schema import bring_up
from bridge.store.tables import episodes, inboxes, journal
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import MINUTE, SECOND, Stage, names

FIRES, IS_OVER = alert(), alert(ends=NOON + SECOND)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the database is; the inbox stands beside it."""
    return tmp_path / "odd name?" / "opswire.db"


@pytest.fixture
async def stage(place: Path) -> AsyncIterator[Stage]:
    async with opened(place) as stage:
        yield stage


@asynccontextmanager
async def opened(place: Path) -> AsyncIterator[Stage]:
    """Let a bridge's store live for a while."""
    place.parent.mkdir(exist_ok=True)
    database = Database(create_url(place))
    await database.open()
    yield Stage(database)
    await database.close()


def create_url(place: Path) -> str:
    return URL.create("sqlite", database=str(place)).render_as_string()


def beside(place: Path) -> Path:
    return place.with_name("opswire.inbox.db")


def files(place: Path) -> list[Path]:
    """Find a database, its log and the index of that."""
    return [each for each in place.parent.iterdir() if each.name.startswith(place.name)]


def lose(place: Path) -> None:
    for each in files(place):
        each.unlink()


def save(place: Path, folder: Path) -> Path:
    """Copy a database as it is now."""
    copy = folder / f"{place.name}.copy"
    with closing(sqlite3.connect(place)) as of, closing(sqlite3.connect(copy)) as to:
        of.backup(to)
    return copy


def restore(copy: Path, place: Path) -> None:
    lose(place)
    shutil.copy(copy, place)


def kept(place: Path) -> int:
    """Count what the inbox holds, folded or not."""
    with closing(sqlite3.connect(beside(place))) as connection:
        return int(connection.execute("SELECT count(*) FROM journal").fetchone()[0])


async def episodes_of(stage: Stage) -> int:
    return int(await stage.scalar(select(func.count(episodes.c.id))))


async def firing(stage: Stage) -> int:
    open_now = select(func.count(episodes.c.id)).where(episodes.c.ended_at.is_(None))
    return int(await stage.scalar(open_now))


async def fold_once(stage: Stage) -> int:
    return (await stage.journal.fold(now=stage.now)).webhooks


async def test_the_statements_make_exactly_the_schema_of_the_tables(stage: Stage) -> None:
    def compare(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), file._metadata)

    assert await stage.database.read_kept(compare) == []


async def test_the_inbox_keeps_its_word_over_a_power_cut(stage: Stage) -> None:
    def pragmas(connection: Connection) -> list[Any]:
        asked = ("journal_mode", "synchronous")
        return [connection.execute(text(f"PRAGMA {each}")).scalar_one() for each in asked]

    assert await stage.database.keep(pragmas) == ["wal", 2]


async def test_a_webhook_is_kept_while_another_program_writes_in_the_database(
    stage: Stage, place: Path
) -> None:
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(30):
            await stage.put(webhook(FIRES))
        other.execute("ROLLBACK")
    await stage.fold()
    assert [names(each) for each in await stage.show()] == [[("web-1", True)]]


async def test_killed_after_folding_and_before_dropping_a_bridge_folds_nothing_twice(
    place: Path,
) -> None:
    async with opened(place) as stage:
        # Folded twice it would be three episodes: a firing after an end is always news.
        for each in (FIRES, IS_OVER, FIRES):
            await stage.put(webhook(each))
        assert await fold_once(stage) == 3
        assert (await episodes_of(stage), await firing(stage)) == (2, 1)
    assert kept(place) == 3
    async with opened(place) as stage:
        assert (await stage.journal.backlog()).webhooks == 0
        assert await stage.journal.oldest() is None
        assert await fold_once(stage) == 0
        assert (await episodes_of(stage), await firing(stage)) == (2, 1)
        assert kept(place) == 0
        await stage.post(IS_OVER)
        assert (await episodes_of(stage), await firing(stage)) == (2, 0)


async def test_killed_while_folding_a_bridge_folds_all_of_it_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(place) as stage:
        for each in (FIRES, IS_OVER, FIRES):
            await stage.put(webhook(each))
        with monkeypatch.context() as killed:
            killed.setattr(file, "note_folded", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await fold_once(stage)
        assert await episodes_of(stage) == 0
    async with opened(place) as stage:
        assert await fold_once(stage) == 3
        assert (await episodes_of(stage), await firing(stage)) == (2, 1)


async def test_a_fault_while_dropping_is_none_of_folding(
    stage: Stage, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise Outage(file.PARTY, "database or disk is full")

    way_in = stage.journal
    await stage.put(webhook(FIRES))
    with monkeypatch.context() as full:
        full.setattr(file, "drop", fail)
        assert (await way_in.fold(now=NOON)).webhooks == 1
        assert (await way_in.fold(now=NOON)).webhooks == 0
    assert kept(place) == 1
    await way_in.fold(now=NOON)
    assert kept(place) == 0


async def test_a_lost_inbox_is_made_anew_and_none_of_it_is_taken_for_folded(place: Path) -> None:
    async with opened(place) as stage:
        for number in range(5):
            await stage.post(alert(host=f"h{number}"))
    lose(beside(place))
    async with opened(place) as stage:
        await stage.post(alert(host="late"))
        assert await episodes_of(stage) == 6


async def test_an_inbox_of_another_database_is_folded_from_its_first_number(
    place: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "opswire.db"
    async with opened(other) as stage:
        await stage.put(webhook(FIRES))
        copy = save(beside(other), tmp_path)
    async with opened(place) as stage:
        for number in range(5):
            await stage.post(alert(host=f"h{number}"))
    restore(copy, beside(place))
    async with opened(place) as stage:
        await stage.fold()
        assert await episodes_of(stage) == 6


async def test_an_inbox_of_an_older_copy_goes_on_behind_what_is_folded(
    place: Path, tmp_path: Path
) -> None:
    async with opened(place) as stage:
        await stage.put(webhook(alert(host="old")))
        copy = save(beside(place), tmp_path)
        for number in range(5):
            await stage.put(webhook(alert(host=f"h{number}")))
        await stage.fold()
    restore(copy, beside(place))
    async with opened(place) as stage:
        await stage.post(alert(host="late"))
        assert await episodes_of(stage) == 7
        assert await fold_once(stage) == 0


async def test_a_database_of_an_older_copy_folds_again_what_the_inbox_still_has(
    place: Path, tmp_path: Path
) -> None:
    async with opened(place) as stage:
        await stage.post(alert(host="old"))
        copy = save(place, tmp_path)
        await stage.put(webhook(FIRES))
        assert await fold_once(stage) == 1
    restore(copy, place)
    async with opened(place) as stage:
        assert (await stage.journal.backlog()).webhooks == 1
        await stage.fold()
        assert await episodes_of(stage) == 2


async def test_what_an_earlier_version_left_in_the_database_is_folded_first(place: Path) -> None:
    place.parent.mkdir()
    engine = create_engine(create_url(place))
    address = {"source": "", "chat_id": None, "thread_id": None}
    with engine.begin() as connection:
        bring_up(connection, "0002")
        for body in (webhook(FIRES), webhook(alert(host="b"))):
            raw = json.dumps(body).encode()
            row = {"body": raw, "address": address, "received_at": NOON}
            connection.execute(insert(journal), row).close()
    engine.dispose()
    async with opened(place) as stage:
        stage.wait(MINUTE)
        await stage.put(webhook(IS_OVER))
        backlog = await stage.journal.backlog()
        assert (backlog.webhooks, backlog.oldest) == (3, NOON)
        assert await stage.journal.oldest() == 1
        first = await stage.journal.fold(now=stage.now)
        assert (first.webhooks, first.has_more) == (2, True)
        await stage.fold()
        assert (await episodes_of(stage), await firing(stage)) == (2, 1)
        assert (await stage.journal.backlog()).webhooks == 0


async def test_a_number_is_never_given_twice(stage: Stage, place: Path) -> None:
    numbers = []
    for _ in range(3):
        await stage.put(webhook(FIRES))
        numbers.append(await stage.journal.oldest())
        await stage.fold()
        await fold_once(stage)
        assert kept(place) == 0
    assert numbers == [1, 2, 3]


async def test_what_is_folded_is_dropped_in_portions(
    stage: Stage, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "DROPPED_TOGETHER", 4)
    dropped: list[bool] = []
    drop = file.drop

    def note(connection: Connection, number: int) -> bool:
        dropped.append(drop(connection, number))
        return dropped[-1]

    monkeypatch.setattr(file, "drop", note)
    way_in = stage.journal
    for number in range(9):
        await stage.put(webhook(alert(host=f"h{number}")))
    await way_in.fold(now=NOON, together=2)
    assert dropped == []
    while (await way_in.fold(now=NOON)).webhooks:
        pass
    await way_in.fold(now=NOON)
    assert dropped[:3] == [True, True, False]
    assert kept(place) == 0
    asked = len(dropped)
    await way_in.fold(now=NOON)
    assert len(dropped) == asked, "nothing is left to ask for"


async def test_a_deleted_inbox_keeps_nothing_until_it_is_made_anew_and_loses_none(
    stage: Stage, place: Path
) -> None:
    await stage.put(webhook(FIRES))
    for each in files(beside(place)):
        each.unlink()
    with pytest.raises(Outage, match=r"opswire\.inbox\.db has been deleted"):
        await stage.put(webhook(alert(host="b")))
    with pytest.raises(Outage, match="deleted"):
        await stage.journal.probe(now=NOON)
    assert await fold_once(stage) == 1
    assert await fold_once(stage) == 0
    await stage.journal.probe(now=NOON)
    await stage.post(alert(host="b"))
    assert await episodes_of(stage) == 2
    assert beside(place).exists()


async def test_a_webhook_that_came_just_before_its_file_was_deleted_is_still_folded(
    stage: Stage, place: Path
) -> None:
    await stage.put(webhook(FIRES))
    lose(beside(place))
    await stage.database.renew_inbox()
    await stage.fold()
    assert await episodes_of(stage) == 1
    assert await fold_once(stage) == 0
    await stage.put(webhook(alert(host="b")))


async def test_an_inbox_that_another_took_the_place_of_is_left_for_it(
    stage: Stage, place: Path, tmp_path: Path
) -> None:
    await stage.put(webhook(FIRES))
    copy = save(beside(place), tmp_path)
    await stage.fold()
    restore(copy, beside(place))
    with pytest.raises(Outage, match="replaced"):
        await stage.put(webhook(alert(host="b")))
    assert await fold_once(stage) == 0
    await stage.post(alert(host="b"))
    assert await episodes_of(stage) == 2


async def test_a_deleted_inbox_that_cannot_be_read_any_more_is_made_anew(
    stage: Stage, place: Path
) -> None:
    assert stage.database.inbox is not None
    lose(beside(place))
    stage.database.inbox.engine.dispose()
    with pytest.raises(Outage, match="unable to open"):
        await fold_once(stage)
    await stage.post(FIRES)
    assert await episodes_of(stage) == 1


async def test_a_locked_inbox_is_an_outage_and_passes(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.05)
    async with opened(place) as stage:
        with closing(sqlite3.connect(beside(place), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Outage, match=r"\(inbox\): database is locked"):
                await stage.put(webhook(FIRES))
            with pytest.raises(Outage, match="locked"):
                await stage.journal.probe(now=NOON)
            other.execute("ROLLBACK")
        await stage.post(FIRES)
        assert await episodes_of(stage) == 1


async def test_a_full_inbox_is_an_outage_and_passes(stage: Stage) -> None:
    def limit(pages: int) -> Callable[[Connection], None]:
        return lambda own: own.execute(text(f"PRAGMA max_page_count={pages}")).close()

    await stage.database.keep(limit(1))
    with pytest.raises(Outage, match="full"):
        await stage.put(webhook(alert(padding="x" * 100_000)))
    await stage.database.keep(limit(100_000))
    await stage.post(FIRES)
    assert await episodes_of(stage) == 1


async def test_an_inbox_that_hangs_is_an_outage_in_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.limits.WRITE_PATIENCE", SECOND / 10)
    gate = threading.Event()
    hanging = asyncio.create_task(stage.database.keep(lambda _: gate.wait(60)))
    await asyncio.sleep(0)
    with pytest.raises(Outage, match="does not answer"):
        await stage.put(webhook(FIRES))
    gate.set()
    with pytest.raises(Outage):
        await hanging


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda place: place.mkdir(), "unable to open"),
        (lambda place: place.write_bytes(b"no database" * 1000), "not a database"),
    ],
    ids=["in the way", "garbage"],
)
async def test_without_its_inbox_a_store_is_not_open(
    place: Path, spoil: Callable[[Path], None], words: str
) -> None:
    place.parent.mkdir()
    spoil(beside(place))
    database = Database(create_url(place))
    with pytest.raises(Outage, match=words):
        await database.open()
    assert not database.is_open
    with pytest.raises(Outage, match="not open yet"):
        await Stage(database).put(webhook(FIRES))
    await database.close()


async def test_an_inbox_of_a_later_version_is_left_alone(place: Path) -> None:
    async with opened(place):
        pass
    with closing(sqlite3.connect(beside(place))) as other:
        other.execute(f"PRAGMA user_version={file.VERSION + 1}")
    database = Database(create_url(place))
    with pytest.raises(TooNew, match="later version"):
        await database.open()
    await database.close()


async def test_killed_while_a_file_is_made_a_bridge_makes_it_at_the_next_start(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.parent.mkdir()
    with monkeypatch.context() as killed:
        killed.setattr(file, "_SCHEMA", (*file._SCHEMA, "CREATE nonsense"))
        database = Database(create_url(place))
        with pytest.raises(Outage, match="syntax"):
            await database.open()
        await database.close()
    async with opened(place) as stage:
        await stage.post(FIRES)
        assert await episodes_of(stage) == 1


async def test_killed_while_the_schema_is_brought_up_a_bridge_does_it_at_the_next_start(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.parent.mkdir()

    def fail(connection: Connection) -> None:
        bring_up(connection)
        connection.execute(text("CREATE nonsense"))

    with monkeypatch.context() as killed:
        killed.setattr(store, "bring_up", fail)
        database = Database(create_url(place))
        with pytest.raises(Outage, match="syntax"):
            await database.open()
        await database.close()
    with closing(sqlite3.connect(place)) as other:
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    async with opened(place) as stage:
        await stage.post(FIRES)


async def test_two_programs_that_fold_one_inbox_fold_none_of_it_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state folder takes one bridge; a database that two folders name would take both."""
    alerts = Folding.alerts

    def be_late(self: Folding, notification: Notification, *rest: Any, **named: Any) -> None:
        alerts(self, notification, *rest, **named)
        self._connection.execute(update(inboxes).values(folded_to=1)).close()

    await stage.put(webhook(FIRES))
    with monkeypatch.context() as late:
        late.setattr(Folding, "alerts", be_late)
        with pytest.raises(Outage, match="another program"):
            await fold_once(stage)
    assert await episodes_of(stage) == 0
