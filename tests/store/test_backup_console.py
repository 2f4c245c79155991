"""A backup at the console: what the audit tells of it, who is held off, what is said."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from bridge import restoring
from bridge.clients.authority import FOLDER
from bridge.premises import sit_down
from bridge.restoring import is_mounted
from bridge.store import snapshot
from bridge.store.database import Database, create
from tests.fakes.webhooks import alert, webhook
from tests.store.full_state import count_rows, read_rows
from tests.store.houses import House, on_postgresql, on_sqlite, run, unchanged
from tests.store.stage import Stage
from tests.store.test_backup import fold_and_list


def test_a_backup_is_a_look_at_everything_that_the_audit_tells_of_signed(house: House) -> None:
    house.back_up()
    newest = house.say("audit", "list", "1")
    assert "backup" in newest
    assert "at the console" in newest
    known = json.loads((house.folder / "audit.head").read_text())["count"]
    assert known == count_rows(house.url)["audit"]
    assert "sound" in house.say("audit", "verify")


def test_where_the_audit_cannot_tell_of_it_the_backup_says_so(house: House) -> None:
    """A full disk is a day on which one is wanted."""

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO audit"):
            raise OperationalError(statement, {}, Exception("database or disk is full"))

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        code, said, complaints = house.call("backup", str(house.file))
    finally:
        event.remove(Engine, "before_cursor_execute", fail)
    assert code == 0
    assert f"{house.file} holds" in said
    assert "it is done, but the audit does not tell of it: database: " in complaints
    assert "disk is full" in complaints
    house.restore()


def test_an_audit_that_was_tampered_with_is_told_of_and_not_signed(house: House) -> None:
    head = (house.folder / "audit.head").read_bytes()
    run(house.url, text("UPDATE audit SET entry = replace(entry, 'viewer', 'admin') WHERE id = 2"))
    code, _, complaints = house.call("backup", str(house.file))
    assert code == 0
    assert "it is done, but the audit is tampered: entry 2 was edited" in complaints
    assert (house.folder / "audit.head").read_bytes() == head


@on_sqlite
def test_the_console_is_held_off_while_the_stores_are_replaced(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it wrote would be gone with them; a backup would be of two states."""
    house.back_up()
    said: list[str] = []
    decide = restoring.Restoration.decide

    def work_meanwhile(laid: restoring.Restoration, proof: str | None = None) -> None:
        tried = ("people", "add", "1009", "admin"), ("backup", f"{house.file}.2")
        said.extend(house.complain(*words) for words in tried)
        decide(laid, proof)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(restoring.Restoration, "decide", work_meanwhile)
        house.restore()
    assert ["being replaced" in each for each in said] == [True, True]
    house.say("people", "add", "1009", "admin")


def test_nothing_is_replaced_while_somebody_is_at_the_console(house: House) -> None:
    house.back_up()
    before = unchanged(house)
    with sit_down(house.folder):
        house.say("people", "list")
        for words in (("restore", str(house.file)), ("database", "downgrade", "0005")):
            assert "the console is in use" in house.complain(*words)
    assert unchanged(house) == before


def test_what_an_editor_leaves_among_the_keys_is_no_hindrance(house: House) -> None:
    (house.folder / FOLDER / "orders.key~").write_text("old")
    (house.folder / FOLDER / "a copy of it").write_text("old")
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        names = opened.namelist()
    assert f"state/{FOLDER}/orders.key" in names
    assert not [name for name in names if "~" in name or "copy" in name]


@on_sqlite
def test_nothing_of_what_was_before_gets_into_what_is_restored(house: House) -> None:
    """A machine that lost its power leaves a log beside the database, and webhooks beside both."""
    house.back_up()

    async def answer_one_more(database: Database) -> None:
        await Stage(database).put(webhook(alert(host="late-1"), group="late-1"))

    asyncio.run(house.live(answer_one_more))
    logs = [house.place.with_name(f"{house.place.name}-{log}") for log in ("wal", "shm")]
    engine = create(house.url)
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM people")).close()
        connection.commit()
        kept = {path: path.read_bytes() for path in (house.place, *logs)}
    engine.dispose()
    for path, content in kept.items():
        path.write_bytes(content)
    house.say("restore", "--force", str(house.file))  # which does not look at whose it was
    for path in logs:
        assert not path.exists() or path.read_bytes() != kept[path]
    with closing(sqlite3.connect(house.place)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert opened.execute("SELECT count(*) FROM people").fetchone() == (2,)
    assert "late-1" not in asyncio.run(house.live(fold_and_list))
    # Put back under their own names, they are the state before, to the last of its changes.
    for path in house.place.parent.glob(f"{house.place.stem}*.before-restore"):
        path.replace(path.with_name(path.name.removesuffix(".before-restore")))
    assert count_rows(house.url)["people"] == 0
    assert "late-1" in asyncio.run(house.live(fold_and_list))


def test_a_backup_is_of_one_moment_whatever_is_written_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    lines = snapshot.Snapshot.lines

    def work(seen: snapshot.Snapshot, name: str) -> Iterator[bytes]:
        if not looked:
            assert house.call("people", "add", "1009", "admin")[0] == 0
            asyncio.run(house.live(fold_and_list))
        looked.append(name)
        return lines(seen, name)

    before = house.kept()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(snapshot.Snapshot, "lines", work)
        house.back_up()
    assert {"people", "audit", "episodes", "journal"} <= set(looked)
    house.wipe()
    house.restore()
    after = house.kept()
    kept, lost = after.pop("journal"), before.pop("journal")
    assert len(kept) == len(lost) + (1 if house.url.startswith("sqlite") else 0)
    assert after == before
    assert "1009" not in str(read_rows(house.url)["audit"])
    assert "sound" in house.say("audit", "verify")


@on_postgresql
def test_a_backup_without_the_keys_says_so(house: House, tmp_path: Path) -> None:
    """Somebody names the database and forgets the state folder."""
    there = House(tmp_path / "another" / "state", house.url, house.read)
    said = there.say("backup", str(house.file))
    assert f"none of the keys that hosts obey: there are none in {there.folder}." in said


@on_sqlite
@pytest.mark.parametrize("what", ["inventory", "place", "keys"])
def test_what_is_mounted_by_itself_is_found_out_before_anything_changes(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    house.back_up()
    house.inventory.write_text("other 192.0.2.5:9100\n")
    mounted = house.folder / FOLDER if what == "keys" else getattr(house, what)
    before = unchanged(house)
    with monkeypatch.context() as mounting:
        mounting.setattr("bridge.restoring._MOUNTS", mount(mounted, tmp_path))
        complaint = house.complain("restore", str(house.file))
        assert f"{mounted} is mounted by itself and cannot be replaced" in complaint
        assert ("--keep-inventory" in complaint) is (what == "inventory")
        assert unchanged(house) == before
        if what == "inventory":
            house.say("restore", "--keep-inventory", str(house.file))


def mount(place: Path, beside: Path) -> Path:
    """Write what the kernel tells of mounts while something is mounted at a place."""
    path = str(place).replace(" ", r"\040")
    told = beside / "mountinfo"
    told.write_text(f"36 35 98:0 /mnt1 {path} rw,noatime master:1 - ext3 /dev/root rw\n")
    return told


def test_what_is_mounted_is_asked_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_mounted(Path("/proc"))
    assert not is_mounted(Path("/proc/self"))
    place = tmp_path / "a folder" / "opswire.db"
    monkeypatch.setattr("bridge.restoring._MOUNTS", mount(place, tmp_path))
    assert is_mounted(place)
    assert not is_mounted(place.parent)
