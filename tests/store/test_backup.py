"""Backup, wipe, restore: what was kept comes back, whole or not at all."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from bridge.console import perform as room
from bridge.console.words import parse_words
from bridge.premises import hold
from bridge.settings import SettingsError
from bridge.store import filling, snapshot
from bridge.store.changing import raise_schema, read_revision
from bridge.store.database import Database, create
from bridge.store.schema import list_revisions
from bridge.store.tables import episodes, messages
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.full_state import PENDING, count_rows, put_stored, read_rows
from tests.store.houses import (
    ALWAYS_OTHER,
    INVENTORY,
    NEWEST,
    TOKEN,
    House,
    another_database,
    list_names,
    on_postgresql,
    on_sqlite,
    run,
)
from tests.store.stage import Stage

# ---- whole -----------------------------------------------------------------------------------


def test_after_a_wipe_everything_is_back(house: House) -> None:
    before = house.kept()
    said = house.say("backup", str(house.file))
    assert "2 people" in said
    assert "1 agent that is let in" in said
    assert "bot's token" in said
    assert "and the keys that every host obeys." in said
    house.wipe()
    said = house.restore()
    assert "2 hosts in the inventory" in said
    after = house.kept()
    # What the inbox held comes back in the database's own journal.
    kept, lost = after.pop("journal"), before.pop("journal")
    assert len(kept) == len(lost) + (1 if house.url.startswith("sqlite") else 0)
    assert after == before
    assert "sound" in house.say("audit", "verify")
    assert "restore" in house.say("audit", "list", "1")


def test_what_waited_is_delivered_once_it_is_back(house: House) -> None:
    house.back_up()
    house.wipe()
    house.restore()

    async def deliver(database: Database) -> None:
        stage = Stage(database)
        stage.wait(Stage(database).now - NOON)
        await stage.fold()
        assert (await stage.records.balance()).total == 0
        hosts = select(func.count()).select_from(episodes)
        assert await stage.scalar(hosts) >= 27
        await stage.drain()
        assert PENDING in str(stage.shown)
        assert "inbox-1" in str(stage.shown)
        assert (await stage.outbox.depth()).waiting == 0

    asyncio.run(house.live(deliver))


def test_numbers_that_were_given_never_come_again(house: House) -> None:
    """A button, or a message under way, names its row by its number."""

    async def cut(database: Database) -> int:
        newest = select(func.max(messages.c.id))
        number = await database.read(lambda c: c.execute(newest).scalar_one())
        gone = messages.delete().where(messages.c.id == number)
        await database.write(lambda c: c.execute(gone).close())
        return int(number)

    async def add(database: Database) -> int:
        stage = Stage(database)
        await stage.post(alert(host="later"), group="later")
        newest = select(func.max(messages.c.id))
        return int(await stage.scalar(newest))

    gone = asyncio.run(house.live(cut))
    house.back_up()
    house.wipe()
    house.restore()
    assert asyncio.run(house.live(add)) > gone


def test_a_backup_is_for_its_owner_alone_and_replaces_nothing_unasked(house: House) -> None:
    house.say("backup", str(house.file))
    assert stat.S_IMODE(house.file.stat().st_mode) == 0o600
    before = house.file.read_bytes()
    assert "--force" in house.complain("backup", str(house.file))
    assert house.file.read_bytes() == before
    assert "is a folder" in house.complain("backup", str(house.folder))
    nowhere = house.folder / "none"
    assert f"there is no folder {nowhere}" in house.complain("backup", str(nowhere / "a.zip"))
    house.say("backup", str(house.file), "--force")
    assert house.file.read_bytes() != before
    assert [path.name for path in house.folder.parent.glob("*.part")] == []


def test_the_bots_token_is_not_in_it(house: House) -> None:
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        for name in opened.namelist():
            assert TOKEN.encode() not in opened.read(name)


def test_where_nothing_was_ever_kept_there_is_nothing_to_back_up(house: House) -> None:
    house.wipe()
    assert "no" in house.complain("backup", str(house.file))
    assert not house.file.exists()


def test_a_dry_run_says_what_would_come_back_and_changes_nothing(house: House) -> None:
    house.back_up()
    before = house.kept(), read_rows(house.url)
    names = list_names(house)
    with hold(house.folder):  # also beside a running bridge
        said = house.say("restore", "--dry-run", str(house.file))
    for words in ("2 people", "1 subscribed chat", "episodes of alerts", "entries of the audit"):
        assert words in said
    assert "messages to be delivered" in said
    assert "Nothing was changed." in said
    assert (house.kept(), read_rows(house.url)) == before
    assert list_names(house) == names


def test_an_older_backup_takes_the_place_of_what_came_later_and_says_so_signed(
    house: House,
) -> None:
    house.back_up()
    house.say("people", "add", "1003", "admin")
    house.say("people", "add", "1004", "admin")
    known = json.loads((house.folder / "audit.head").read_text())["count"]
    said = house.restore()
    assert ".before-restore" in said or house.url.startswith("postgresql")
    assert "1003" not in house.say("people", "list")
    newest = house.say("audit", "list", "1")
    assert f"the signed head knew {known} entries" in newest
    assert "sound" in house.say("audit", "verify")
    house.say("people", "add", "1005", "viewer")
    assert "sound" in house.say("audit", "verify")


def test_an_audit_that_was_tampered_with_is_not_washed_clean_by_a_restoration(
    house: House,
) -> None:
    edited = text("UPDATE audit SET entry = replace(entry, 'viewer', 'admin') WHERE id = 2")
    run(house.url, edited)
    house.call("backup", str(house.file))
    house.wipe()
    code, _, complaints = house.call("restore", str(house.file))
    assert code == 0
    assert "tampered with already: entry 2 was edited" in complaints
    assert house.call("audit", "verify")[0] == 1


@pytest.mark.parametrize("other", ["sqlite", "postgresql"])
def test_a_backup_is_restored_to_either_kind_of_database(
    house: House, other: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    house.back_up()
    before = house.kept()
    (tmp_path / "elsewhere").mkdir()
    with another_database(other, tmp_path, request) as url:
        there = House(tmp_path / "elsewhere" / "state", url, house.read)
        there.say("restore", str(house.file))
        after = there.kept()
        assert after.pop("journal") != []
        del before["journal"]
        assert after == before
        assert "sound" in there.say("audit", "verify")

        async def go_on(database: Database) -> None:
            stage = Stage(database)
            await stage.post(alert(host="later"), group="later")
            assert (await stage.records.balance()).total == 0

        asyncio.run(there.live(go_on))


@pytest.mark.parametrize("revision", [each for each in list_revisions() if each != NEWEST])
def test_a_backup_of_an_earlier_version_is_brought_up_on_the_way(
    house: House, revision: str
) -> None:
    house.wipe()
    house.folder.mkdir()
    house.inventory.write_text(INVENTORY)
    put_stored(revision, house.url)
    house.back_up()
    assert read_revision(house.url) == revision  # a backup changes nothing
    raise_schema(house.url)
    upgraded = read_rows(house.url)
    house.wipe()
    house.restore()
    assert read_revision(house.url) == NEWEST
    restored = read_rows(house.url)
    for name in set(upgraded) - ALWAYS_OTHER:
        assert restored[name] == upgraded[name], name


# ---- while alerts stream in -------------------------------------------------------------------


async def test_every_webhook_that_was_answered_before_it_began_is_in_it(house: House) -> None:
    answered: list[str] = []
    database = Database(house.url)
    await database.open()
    stage = Stage(database)
    is_over = asyncio.Event()

    async def stream() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            host = f"stream-{number}"
            await stage.put(webhook(alert(host=host), group=host))
            answered.append(host)

    async def fold() -> None:
        while not is_over.is_set():
            await stage.journal.fold(now=stage.now)
            await asyncio.sleep(0)

    streaming = [asyncio.create_task(stream()), asyncio.create_task(fold())]
    certain: list[list[str]] = []
    backups = [house.file.with_name(f"{number}.zip") for number in range(2)]
    for path in backups:
        while len(answered) < 10 * (len(certain) + 1):  # noqa: ASYNC110 - what streams is the event
            await asyncio.sleep(0.01)
        certain.append(list(answered))
        words = parse_words(["backup", str(path)])
        assert await asyncio.to_thread(room.perform, words, house.load()) == 0
    is_over.set()
    await asyncio.gather(*streaming)
    await database.close()
    for path, hosts in zip(backups, certain, strict=True):
        await asyncio.to_thread(house.wipe)
        words = parse_words(["restore", str(path)])
        assert await asyncio.to_thread(room.perform, words, house.load()) == 0
        assert set(hosts) <= set(await house.live(fold_and_list)), path.name


@on_sqlite
def test_what_is_folded_and_dropped_between_the_two_looks_is_in_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def then_fold(look: Callable[..., Any]) -> Callable[..., Any]:
        def work(*words: Any) -> Any:
            found = look(*words)
            if not looked:
                looked.append(look.__name__)
                assert {"inbox-1", "left-1"} <= set(asyncio.run(house.live(fold_and_list)))
            return found

        return work

    with monkeypatch.context() as meanwhile:
        for name in ("_look_into", "_look_into_inbox"):
            meanwhile.setattr(snapshot, name, then_fold(getattr(snapshot, name)))
        house.back_up()
    house.wipe()
    house.restore()
    assert {"inbox-1", "left-1"} <= set(asyncio.run(house.live(fold_and_list)))


async def fold_and_list(database: Database) -> list[str]:
    stage = Stage(database)
    await stage.fold()
    await stage.fold()  # with nothing left to fold, what was folded is dropped
    found = await database.read(lambda c: c.execute(select(episodes.c.facts)).all())
    return [facts["labels"]["host"] for (facts,) in found if "labels" in facts]


# ---- elsewhere --------------------------------------------------------------------------------


def test_the_inventory_stays_where_somebody_says_so(house: House) -> None:
    house.back_up()
    house.inventory.write_text("other 192.0.2.5:9100\n")
    house.inventory.chmod(0o640)
    house.say("restore", "--keep-inventory", str(house.file))
    assert house.inventory.read_text() == "other 192.0.2.5:9100\n"
    house.restore()
    assert house.inventory.read_text() == INVENTORY
    assert stat.S_IMODE(house.inventory.stat().st_mode) == 0o640


def test_a_second_restoration_is_as_good_as_the_first(house: House) -> None:
    house.back_up()
    for _ in range(2):
        house.restore()
    assert "sound" in house.say("audit", "verify")
    assert count_rows(house.url)["people"] == 2


def test_the_schema_is_told_brought_back_and_up_at_the_console(house: House) -> None:
    assert house.say("database", "revision").splitlines()[-1] == NEWEST
    said = house.say("database", "downgrade", "0005")
    assert said.splitlines() == [
        "gone, for it has no place there: 1 of jobs, 1 of logins",
        f"the database has schema 0005 now (was {NEWEST})",
    ]
    assert "already" in house.say("database", "downgrade", "0005")
    assert "has schema 0005" in house.say("database", "revision")
    assert house.say("database", "upgrade").endswith("(was 0005)\n")
    with hold(house.folder), pytest.raises(SettingsError, match="another bridge"):
        house.call("database", "downgrade", "0005")


# ---- weight -----------------------------------------------------------------------------------


@on_sqlite
def test_large_webhooks_are_never_in_memory_together(house: House) -> None:
    """The console shares a container, and its memory, with the bridge."""
    large, many = 2 * 1024 * 1024, 30
    put = text("INSERT INTO journal (body, address, received_at) VALUES (:body, '{}', :at)")
    engine = create(house.url)
    with engine.begin() as connection:
        for _ in range(many):
            values = {"body": os.urandom(1) * large, "at": "2026-01-01 00:00:00"}
            connection.execute(put, values).close()
    engine.dispose()
    for words in (("backup", str(house.file)), ("restore", str(house.file))):
        tracemalloc.start()
        try:
            house.say(*words)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < many * large / 2, words
    assert count_rows(house.url)["journal"] >= many


@on_postgresql
def test_a_slow_disk_does_not_end_the_look_of_a_backup(house: House) -> None:
    with snapshot.open_snapshot(house.url) as seen:
        patience = seen._main.execute(text("SHOW idle_in_transaction_session_timeout"))
        assert patience.scalar_one() == "0"
    with filling.open_filling(house.url) as connection:
        patience = connection.execute(text("SHOW idle_in_transaction_session_timeout"))
        assert patience.scalar_one() == "0"
