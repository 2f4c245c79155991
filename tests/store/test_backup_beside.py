"""A backup beside others: their tables, their looks, their writing, their mounts."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from bridge import archive, restoring
from bridge.clients.authority import FOLDER
from bridge.settings import SettingsError
from bridge.store.changing import read_revision
from tests.store.full_state import read_rows
from tests.store.houses import NEWEST, House, on_postgresql, on_sqlite, run, unchanged
from tests.store.test_backup_cut_off import RESTORED, EndError

# ---- beside others ----------------------------------------------------------------------------


@on_postgresql
def test_tables_of_others_are_neither_copied_nor_touched(house: House) -> None:
    run(house.url, text('CREATE TABLE "Theirs" (secret text)'))
    run(house.url, text("INSERT INTO \"Theirs\" VALUES ('theirs')"))
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        assert not [name for name in opened.namelist() if "heirs" in name]
    before = house.kept()
    house.restore()
    assert read_rows(house.url)["Theirs"] == [("theirs",)]
    assert {**house.kept(), "journal": []} == {**before, "journal": []}


@on_postgresql
def test_a_database_with_a_table_of_our_name_that_is_not_ours_is_refused(house: House) -> None:
    house.back_up()
    house.wipe()
    run(house.url, text("CREATE TABLE people (name text)"))
    run(house.url, text("INSERT INTO people VALUES ('theirs')"))
    assert "a table people that is not ours" in house.complain("restore", str(house.file))
    assert read_rows(house.url) == {"people": [("theirs",)]}


def test_a_state_of_a_later_version_is_set_aside_and_never_dropped(house: House) -> None:
    """Somebody went back with the program alone, and the sentence said: or restore a backup."""
    house.back_up()
    run(house.url, text("UPDATE alembic_version SET version_num = '9999'"))
    if house.url.startswith("sqlite"):
        house.restore()
        assert read_revision(house.url) == NEWEST
        aside = house.place.with_name(f"{house.place.name}.before-restore")
        assert read_revision(f"sqlite:///{aside}") == "9999"
        return
    before = unchanged(house)
    complaint = house.complain("restore", "--force", str(house.file))
    assert "schema 9999" in complaint
    assert "empty database" in complaint
    assert unchanged(house) == before


# ---- what it says and who may read it ---------------------------------------------------------


@on_sqlite
def test_what_may_count_already_is_not_said_to_have_changed_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.back_up()
    house.say("people", "add", "1003", "admin")

    def fail_late(folder: Path) -> None:
        if (house.folder / restoring.PLAN).exists():
            raise OSError(5, os.strerror(5))
        archive.sync_folder(folder)

    with monkeypatch.context() as failing:
        failing.setattr(restoring, "sync_folder", fail_late)
        complaint = house.complain("restore", str(house.file))
    assert "input/output error; it may count already: the next start" in complaint
    assert "1003" not in house.say("people", "list")


@on_postgresql
def test_a_commit_that_nobody_knows_of_is_told_as_such(house: House) -> None:
    house.back_up()
    house.say("people", "add", "1003", "admin")

    def fail(_: Any) -> None:
        if restoring.is_pending(house.folder):
            raise OperationalError("COMMIT", {}, Exception("the line is cut"))

    event.listen(Engine, "commit", fail)
    try:
        complaint = house.complain("restore", str(house.file))
    finally:
        event.remove(Engine, "commit", fail)
    assert "it may count already" in complaint
    assert "1003" in house.say("people", "list")
    assert not list(house.folder.rglob("*.restored"))


@pytest.mark.parametrize("plan", [b"{", b"{}", b"[]", b'{"moves": 1, "aside": [], "proof": null}'])
@on_sqlite
def test_a_plan_that_is_none_of_ours_is_named(house: House, plan: bytes) -> None:
    (house.folder / restoring.PLAN).write_bytes(plan)
    with pytest.raises(SettingsError, match=r"restore\.plan cannot be understood; take it away"):
        house.call("people", "list")


@on_sqlite
@pytest.mark.parametrize(
    "words", [("database", "revision"), ("restore", "--dry-run"), ("backup",), ("people", "list")]
)
def test_nothing_looks_into_a_state_that_is_half_in_its_place(
    house: House, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    house.back_up()

    def end(*_: Any) -> None:
        raise EndError

    with monkeypatch.context() as killing:
        killing.setattr(restoring, "_put_in_place", end)
        with pytest.raises(EndError):
            house.call("restore", str(house.file))
    house.read()
    assert restoring.is_pending(house.folder)
    file = {"restore": [str(house.file)], "backup": [str(house.file), "--force"]}
    house.say(*words, *file.get(words[0], []))
    assert not restoring.is_pending(house.folder)
    assert RESTORED in str(read_rows(house.url)["audit"])


@on_sqlite
def test_a_database_is_read_by_those_who_read_the_one_before(house: House) -> None:
    house.back_up()
    for mode in (0o600, 0o640):
        house.place.chmod(mode)
        house.restore()
        assert stat.S_IMODE(house.place.stat().st_mode) == mode
    house.wipe()
    house.restore()
    assert stat.S_IMODE(house.place.stat().st_mode) == 0o600
    for name in ("audit.key", "audit.head", "webhook_token", f"{FOLDER}/orders.key"):
        assert stat.S_IMODE((house.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((house.folder / FOLDER).stat().st_mode) == 0o700
