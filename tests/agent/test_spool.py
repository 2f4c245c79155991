"""What waits for the bridge is on disk, whole and in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.spool import Spool, write_whole


def event(number: int) -> dict[str, Any]:
    return {"id": f"event-{number}", "kind": "login", "user": f"user-{number} \u202e\ud800"}


def reopen(folder: Path, **more: int) -> Spool:
    spool = Spool(folder, **more)
    spool.open()
    return spool


def drain(spool: Spool) -> list[str]:
    ids = []
    while (first := spool.first()) is not None:
        ids.append(first[1]["id"])
        spool.drop(first[0])
    return ids


def names(*numbers: int) -> list[str]:
    return [f"event-{number}" for number in numbers]


def test_what_was_put_is_there_after_a_crash_in_its_order(tmp_path: Path) -> None:
    folder = tmp_path / "logins"
    spool = reopen(folder)
    spool.put([event(1), event(2)])
    spool.put([event(3)])
    again = reopen(folder)
    assert again.first() == (1, event(1))
    assert drain(again) == names(1, 2, 3)
    assert len(reopen(folder)) == 0


def test_what_the_bridge_has_does_not_come_again(tmp_path: Path) -> None:
    spool = reopen(tmp_path)
    spool.put([event(1), event(2)])
    spool.drop(1)
    spool.drop(1)
    again = reopen(tmp_path)
    again.put([event(3)])
    assert drain(again) == names(2, 3)


def test_what_waits_is_not_kept_twice(tmp_path: Path) -> None:
    spool = reopen(tmp_path)
    spool.put([event(1), event(1)])
    again = reopen(tmp_path)
    again.put([event(1)])
    assert drain(again) == names(1)


def test_a_file_that_was_never_whole_is_none(tmp_path: Path) -> None:
    spool = reopen(tmp_path)
    spool.put([event(1)])
    (tmp_path / f"{2:020}.part").write_text('{"id": "ha')
    (tmp_path / f"{3:020}.event").write_text('{"id": "ha')
    (tmp_path / f"{4:020}.event").write_text("[]")
    (tmp_path / "off").write_text("off\n")
    again = reopen(tmp_path)
    assert again.lost == 2
    assert drain(again) == names(1)
    assert [path.name for path in tmp_path.iterdir()] == ["off"]


def test_without_room_the_beginning_is_kept_and_the_rest_counted(tmp_path: Path) -> None:
    spool = reopen(tmp_path, most=3)
    spool.put([event(number) for number in range(1, 6)])
    assert spool.lost == 2
    assert drain(spool) == names(1, 2, 3)


def test_what_no_disk_takes_waits_in_memory_and_is_written_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, content: bytes) -> None:
        del path, content
        raise OSError(28, "No space left on device")

    spool = reopen(tmp_path)
    with monkeypatch.context() as full:
        full.setattr("agent.spool.write_whole", fail)
        spool.put([event(1), event(2)])
        assert spool.problem == "No space left on device"
        assert spool.first() == (1, event(1))
        spool.drop(1)
    spool.put([])
    assert spool.problem == ""
    assert drain(reopen(tmp_path)) == names(2)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "logins"
    reopen(folder).put([event(1)])
    (path,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == event(1)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in tmp_path.iterdir()] == ["mark"]
