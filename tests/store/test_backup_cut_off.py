"""A restoration that is killed, or whose disk is full, leaves the old or the new, whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from bridge import archive, restoring
from bridge.clients.authority import FOLDER
from tests.store.full_state import read_rows
from tests.store.houses import INVENTORY, House, on_postgresql, on_sqlite, unchanged

RESTORED = '"what":"restore"'
"""What the entry says that states a restoration."""


class EndError(BaseException):
    """The process is killed here."""


@on_sqlite
def test_killed_at_any_step_the_old_or_the_new_is_there_whole(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house.back_up()
    house.say("people", "add", "1003", "admin")
    shutil.copytree(house.folder, tmp_path / "old")
    old_inventory = INVENTORY + "web-7 192.0.2.7:9100\n"
    files = {path.name: path.read_bytes() for path in house.place.parent.glob("bridge*")}
    seen: set[bool] = set()
    for step in range(200):
        reset(house, tmp_path / "old", files, old_inventory)
        with monkeypatch.context() as killing:
            kill_at(killing, step)
            try:
                house.call("restore", str(house.file))
                is_killed = False
            except EndError:
                is_killed = True
        house.read()
        people = house.say("people", "list")  # the next that opens the state
        is_new = "1003" not in people
        seen.add(is_new)
        assert house.inventory.read_text() == (INVENTORY if is_new else old_inventory)
        assert "sound" in house.say("audit", "verify")
        assert (RESTORED in str(read_rows(house.url)["audit"])) is is_new
        assert not restoring.is_pending(house.folder)
        if not is_killed:
            break
    assert not is_killed
    assert seen == {True, False}
    assert step > 20


def reset(house: House, old: Path, files: dict[str, bytes], inventory: str) -> None:
    shutil.rmtree(house.folder)
    shutil.copytree(old, house.folder)
    for path in house.place.parent.glob("*bridge*"):
        path.unlink()
    for name, content in files.items():
        (house.place.parent / name).write_bytes(content)
    house.inventory.write_text(inventory)


def kill_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Count what changes the disk, and end there."""
    steps = iter(range(10**6))

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def work(*words: Any, **named: Any) -> Any:
            if next(steps) == step:
                raise EndError
            return call(*words, **named)

        return work

    patch.setattr(Path, "rename", counted(Path.rename))
    patch.setattr(Path, "replace", counted(Path.replace))
    patch.setattr(restoring, "write_synced", counted(restoring.write_synced))
    patch.setattr(restoring, "sync_folder", counted(archive.sync_folder))
    # Whoever is killed tidies nothing up.
    patch.setattr(restoring.Restoration, "drop", lambda _: None)


@on_postgresql
@pytest.mark.parametrize("is_committed", [False, True])
def test_killed_around_the_commit_the_keys_go_with_the_database(
    house: House, monkeypatch: pytest.MonkeyPatch, *, is_committed: bool
) -> None:
    house.back_up()
    kept_key = (house.folder / FOLDER / "orders.key").read_bytes()
    (house.folder / FOLDER / "orders.key").write_text("another")
    house.say("people", "add", "1003", "admin")

    def end(*_: Any) -> None:
        raise EndError

    with monkeypatch.context() as killing:
        if is_committed:
            killing.setattr("bridge.console.restore.finish_pending", end)
        else:
            decide = restoring.Restoration.decide

            def decide_and_end(laid: Any, proof: Any = None) -> None:
                decide(laid, proof)
                raise EndError

            killing.setattr(restoring.Restoration, "decide", decide_and_end)
        with pytest.raises(EndError):
            house.call("restore", str(house.file))
    house.read()
    assert restoring.is_pending(house.folder)
    assert ("1003" in house.say("people", "list")) is not is_committed
    now = (house.folder / FOLDER / "orders.key").read_bytes()
    assert now == (kept_key if is_committed else b"another")
    assert "sound" in house.say("audit", "verify")
    assert not list(house.folder.rglob("*.restored"))


def test_a_full_disk_leaves_what_was_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.back_up()
    before = unchanged(house)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    for name in ("write_synced", "sync_folder"):
        with monkeypatch.context() as full:
            full.setattr(restoring, name, fail)
            complaint = house.complain("restore", str(house.file))
            assert "no space left" in complaint
            assert "nothing was changed" in complaint
        assert unchanged(house) == before
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        other = house.file.with_name("other.zip")
        assert "no space left" in house.complain("backup", str(other))
    assert not list(house.folder.parent.glob("*other*"))


@on_sqlite
def test_a_disk_that_fills_up_inside_the_database_leaves_what_was_there(house: House) -> None:
    house.back_up()
    before = unchanged(house)

    def shrink(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=40").close()

    event.listen(Engine, "connect", shrink)
    try:
        complaint = house.complain("restore", str(house.file))
    finally:
        event.remove(Engine, "connect", shrink)
    assert "full" in complaint
    assert unchanged(house) == before
    assert not list(house.place.parent.glob(".*"))
