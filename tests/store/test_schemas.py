"""Databases of earlier versions, as people have them on their disks: up, back, and cut off."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, func, select, text

from bridge.core.audit_check import Soundness
from bridge.core.cards import CardFacts
from bridge.errors import Missing, Refused, TooNew
from bridge.store import (
    filling,
    host_tables,  # noqa: F401 - a part of the schema
    inbox,
)
from bridge.store.audit import Audit
from bridge.store.changing import lower_schema, raise_schema, read_revision
from bridge.store.database import Database, create
from bridge.store.schema import EMPTY, list_revisions
from bridge.store.tables import cards, episodes, journal, messages, metadata
from tests.fakes.webhooks import alert, webhook
from tests.store.full_state import (
    FOLDER,
    PENDING,
    count_rows,
    fill_state,
    put_stored,
    read_rows,
    read_schema,
    reflect,
)
from tests.store.stage import HOUR, SECOND, Stage

NEWEST = list_revisions()[-1]
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
each_stored = pytest.mark.parametrize("revision", list_revisions())
each_earlier = pytest.mark.parametrize("revision", list_revisions()[:-1])
# What an upgrade is allowed to change: the first version told each member of a cluster apart.
MADE_ONE = {"0001": {"episodes", "card_episodes"}}


@pytest.fixture
def stored(url: str, revision: str) -> str:
    """A database of an earlier version."""
    put_stored(revision, url)
    return url


def test_a_database_of_every_schema_is_stored_with_something_in_every_table() -> None:
    """Whoever adds a schema stores one: python -m tests.store.full_state."""
    assert [path.stem for path in sorted(FOLDER.glob("*.sql"))] == list(list_revisions())
    for path in FOLDER.glob("*.sql"):
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(path.read_text("utf-8"))
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master "
                    "WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
                )
            ]
            for name in names:
                (rows,) = connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608 - a name of ours
                assert rows, f"{path.name}: {name}"


@each_stored
async def test_what_an_earlier_version_kept_is_all_there_after_the_upgrade(
    stored: str, revision: str
) -> None:
    before = count_rows(stored)
    database = Database(stored)
    await database.open()
    try:
        differences = await database.read(
            lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
        )
        assert differences == []
    finally:
        await database.close()
    after = count_rows(stored)
    kept = {name for name in before if name not in MADE_ONE.get(revision, set())}
    assert {name: after[name] for name in kept} | {"inboxes": 0} == {
        name: before[name] for name in kept
    } | {"inboxes": 0}


@each_stored
async def test_a_bridge_goes_on_where_an_earlier_version_stopped(stored: str) -> None:
    database = Database(stored)
    await database.open()
    try:
        stage = Stage(database)
        stage.wait(24 * HOUR)
        await stage.fold()
        assert (await stage.records.balance()).total == 0
        await stage.drain(HOUR, 20 * SECOND)
        assert (await stage.outbox.depth()).waiting == 0
        assert any(isinstance(each, CardFacts) for each in stage.shown.values())
    finally:
        await database.close()


@each_stored
async def test_the_audit_of_an_earlier_version_stays_sound(stored: str, tmp_path: Path) -> None:
    database = Database(stored)
    await database.open()
    try:
        audit = Audit(database, tmp_path)
        verdict = await audit.seal(now=Stage(database).now)
        assert verdict.soundness is Soundness.SOUND
    finally:
        await database.close()


@each_stored
def test_every_schema_is_reached_again_on_the_way_back(stored: str, revision: str) -> None:
    schema, rows = read_schema(stored), read_rows(stored)
    raise_schema(stored)
    assert read_revision(stored) == NEWEST
    empty_journal(stored, revision)
    if revision != NEWEST:
        lower_schema(stored, revision)
    assert read_revision(stored) == revision
    assert read_schema(stored) == schema
    assert {name: len(each) for name, each in read_rows(stored).items()} == {
        name: len(each) - (1 if (revision, name) in MERGED else 0) for name, each in rows.items()
    }
    raise_schema(stored)
    assert read_revision(stored) == NEWEST


MERGED = {("0001", "episodes")}
"""Two episodes of one alert, which the first version took for two, stay one."""


@each_stored
def test_what_is_kept_survives_the_way_back_letter_by_letter(url: str, revision: str) -> None:
    put_stored(NEWEST, url)
    empty_journal(url, revision)
    before = read_rows(url)
    if revision != NEWEST:
        lower_schema(url, revision)
    after = read_rows(url)
    known = set(after) - {"alembic_version"}
    if revision == "0001":
        known -= {"messages", "cards", "episodes", "chats"}  # narrower: compared below
    for name in known - NARROWED.get(revision, set()):
        assert after[name] == before[name], name
    raise_schema(url)
    again = read_rows(url)
    for name in known - NARROWED.get(revision, set()) - {"inboxes"}:
        assert again[name] == before[name], name


NARROWED = {"0007": {"jobs"}}
"""Tables with fewer columns in an earlier schema than in the newest, beside the first's."""


def test_what_has_no_place_in_an_earlier_schema_is_named(url: str) -> None:
    put_stored(NEWEST, url)
    before = count_rows(url)
    lost = lower_schema(url, "0007")
    assert {"jobs.about", "jobs.ending", "jobs.kind"} < set(lost)
    assert not [each for each in lost if not each.startswith("jobs.")]
    assert lower_schema(url, "0006") == (f"{before['jobs']} of jobs",)
    empty_journal(url, "0001")
    lost = lower_schema(url, "0001")
    assert {f"{before[name]} of {name}" for name in ("audit", "people", "agents")} < set(lost)
    assert "cards.board_id" in lost
    assert lower_schema(url, "0001") == ()


@each_stored
def test_what_a_narrower_table_keeps_is_as_it_was(url: str, revision: str) -> None:
    put_stored(NEWEST, url)
    empty_journal(url, revision)
    before = read_columns(url)
    if revision != NEWEST:
        lower_schema(url, revision)
    for name, (columns, rows) in read_columns(url).items():
        if name == "alembic_version":
            continue
        had, wide = before[name]
        known = KINDS.get((revision, name))
        compared = [each for each in columns if (revision, name, each) != RENUMBERED]
        kept = sorted(repr([row[each] for each in compared]) for row in rows)
        all_ = sorted(
            repr([row[each] for each in compared])
            for row in wide
            if known is None or row["kind"] in known
        )
        assert kept == all_, name
        assert set(columns) <= set(had), name


RENUMBERED = ("0001", "messages", "id")
"""No button names a message of the first schema."""


KINDS = {("0001", "messages"): {"card", "unreadable"}, ("0007", "jobs"): {"run"}}
"""Those that a schema knows, where a later one has more."""


def read_columns(url: str) -> dict[str, tuple[list[str], list[Any]]]:
    """Read every table, with the names of its columns."""
    engine = create(url)
    with engine.connect() as connection:
        found = {
            name: (
                [column.name for column in table.columns],
                [dict(row) for row in connection.execute(select(table)).mappings()],
            )
            for name, table in reflect(connection).items()
        }
    engine.dispose()
    return found


async def test_cards_of_the_first_schema_keep_their_messages_on_the_way_back(url: str) -> None:
    put_stored(NEWEST, url)
    empty_journal(url, "0001")
    database = Database(url)
    await database.open()
    stage = Stage(database)
    shown = select(func.count()).where(messages.c.kind.in_(["card", "unreadable"]))
    said = await stage.scalar(shown)
    had = await stage.scalar(select(func.count()).select_from(cards))
    await database.close()
    lower_schema(url, "0001")
    counts = count_rows(url)
    assert (counts["messages"], counts["cards"]) == (said, had)


def test_webhooks_that_wait_are_not_lost_to_the_first_schema(url: str) -> None:
    put_stored(NEWEST, url)
    before = read_rows(url)
    with pytest.raises(Refused, match="webhooks wait in the journal"):
        lower_schema(url, "0001")
    assert read_rows(url) == before
    assert read_revision(url) == NEWEST


@on_sqlite
async def test_webhooks_in_the_inbox_go_back_into_the_journal(url: str, tmp_path: Path) -> None:
    """Up to the second schema there was no inbox."""
    database = Database(url)
    await database.open()
    stage = Stage(database)
    await stage.post(alert(host="folded"), group="folded")
    for host in ("kept-1", "kept-2"):
        await stage.put(webhook(alert(host=host), group=host))
    await database.close()
    lower_schema(url, "0002")
    assert count_rows(url)["journal"] == 2
    assert not find_inboxes(tmp_path)
    database = Database(url)
    await database.open()
    stage = Stage(database)
    await stage.fold()
    assert await stage.scalar(select(func.count()).select_from(episodes)) == 3
    await database.close()


async def test_a_database_of_a_later_version_is_refused_with_the_way_out(url: str) -> None:
    raise_schema(url)
    set_revision(url, "9999")
    database = Database(url)
    with pytest.raises(TooNew, match=f"schema 9999.*none later than {NEWEST}.*downgrade {NEWEST}"):
        await database.open()
    await database.close()
    for change in (raise_schema, lambda where: lower_schema(where, "0004")):
        with pytest.raises(TooNew):
            change(url)
    assert read_revision(url) == "9999"


def test_there_is_no_way_to_a_schema_that_is_not_there(url: str) -> None:
    raise_schema(url)
    lower_schema(url, "0005")
    for revision, complaint in (("0815", "no schema 0815"), ("0006", "not later than 0006")):
        with pytest.raises(Missing, match=complaint):
            lower_schema(url, revision)
    assert read_revision(url) == "0005"


@on_sqlite
def test_where_nothing_is_there_is_no_schema(url: str, tmp_path: Path) -> None:
    assert read_revision(url) == EMPTY
    with pytest.raises(Missing, match="no database"):
        lower_schema(url, "0005")
    assert list(tmp_path.iterdir()) == []


@dataclass
class Camera:
    """Copies the files of a database before every statement: what a power cut then would leave."""

    place: Path
    folder: Path
    pictures: list[Path] = field(default_factory=list)

    def take(self, *_: Any) -> None:
        picture = self.folder / str(len(self.pictures))
        picture.mkdir()
        for path in self.place.parent.glob("bridge.db*"):
            shutil.copy(path, picture / path.name)
        self.pictures.append(picture)


@on_sqlite
@pytest.mark.parametrize("revision", ["0001", "0004"])
def test_an_upgrade_that_is_cut_off_anywhere_leaves_the_schema_before_and_goes_on(
    stored: str, revision: str, tmp_path: Path
) -> None:
    rows = read_rows(stored)
    (tmp_path / "cut").mkdir()
    camera = Camera(Path(stored.removeprefix("sqlite:///")), tmp_path / "cut")
    event.listen(Engine, "before_cursor_execute", camera.take)
    try:
        raise_schema(stored)
    finally:
        event.remove(Engine, "before_cursor_execute", camera.take)
    camera.take()
    assert len(camera.pictures) > 15
    whole = read_rows(stored)
    for picture in camera.pictures:
        cut = f"sqlite:///{picture}/bridge.db"
        found = read_revision(cut)
        assert found in {revision, NEWEST}
        assert read_rows(cut) == (rows if found == revision else whole)
        raise_schema(cut)
        assert read_revision(cut) == NEWEST
        assert read_rows(cut) == whole


class PowerCutError(Exception):
    """The machine stops here."""


@each_earlier
def test_an_upgrade_that_fails_in_the_middle_has_changed_nothing(
    stored: str, revision: str
) -> None:
    rows, schema = read_rows(stored), read_schema(stored)

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE alembic_version"):
            raise PowerCutError

    event.listen(Engine, "after_cursor_execute", fail)
    try:
        with pytest.raises(PowerCutError):
            raise_schema(stored)
    finally:
        event.remove(Engine, "after_cursor_execute", fail)
    assert read_revision(stored) == revision
    assert (read_rows(stored), read_schema(stored)) == (rows, schema)
    raise_schema(stored)
    assert read_revision(stored) == NEWEST


async def test_two_bridges_that_start_at_once_bring_it_up_once(url: str) -> None:
    put_stored("0002", url)
    both = [Database(url), Database(url)]
    await asyncio.gather(*(each.open() for each in both))
    for each in both:
        await each.close()
    assert read_revision(url) == NEWEST


@on_sqlite
async def test_an_inbox_is_met_by_one_bridge_at_a_time(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    meet = inbox.meet

    def work(main: Any, name: str) -> int:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as fault:
                tried.append(str(fault))
        return meet(main, name)

    monkeypatch.setattr(inbox, "meet", work)
    database = Database(url)
    await database.open()
    await database.close()
    assert tried == ["database is locked"]


async def test_a_way_back_is_refused_while_a_bridge_is_in_a_shared_database(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_LOOKS", 20)  # the bridge stays
    database = Database(url)
    await database.open()
    try:
        if database.is_shared:
            with pytest.raises(Refused, match="end every bridge"):
                lower_schema(url, "0006")
            assert read_revision(url) == NEWEST
    finally:
        await database.close()


async def test_everything_has_something_to_lose(url: str) -> None:
    """The state that is stored is a full one."""
    database = Database(url)
    await database.open()
    await fill_state(database)
    stage = Stage(database)
    waits = select(func.count()).where(messages.c.shown_revision < messages.c.revision)
    assert await stage.scalar(waits) > 0
    named = select(func.count()).select_from(episodes).where(episodes.c.ended_at.is_(None))
    assert await stage.scalar(named) > 20
    await database.close()
    assert PENDING in str(read_rows(url)["episodes"])


def empty_journal(url: str, revision: str) -> None:
    """Let no webhook wait, where the schema that is gone to has no journal."""
    if revision == "0001":
        run(url, lambda connection: connection.execute(journal.delete()).close())


def find_inboxes(folder: Path) -> list[Path]:
    return list(folder.glob("*inbox*"))


def set_revision(url: str, revision: str) -> None:
    written = text("UPDATE alembic_version SET version_num = :revision")
    run(url, lambda connection: connection.execute(written, {"revision": revision}).close())


def run(url: str, work: Any) -> None:
    engine = create(url)
    with engine.begin() as connection:
        work(connection)
    engine.dispose()
