from __future__ import annotations

from pathlib import Path

from deploy.stack.journal import Follower, measure, read_tail


def test_the_tail_gives_the_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "bridge.log"
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    assert read_tail(path, 2) == ["line 98", "line 99"]
    assert read_tail(path, 0) == []
    assert read_tail(tmp_path / "none.log", 5) == []


def test_the_tail_leaves_out_what_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "bridge.log"
    assert measure(path) == 0
    path.write_text("old\n")
    before = measure(path)
    assert read_tail(path, 5, since=before) == []
    path.write_text("old\nfresh\n")
    assert read_tail(path, 5, since=before) == ["fresh"]
    path.write_text("new\n"[:2])
    assert read_tail(path, 5, since=before) == ["ne"]


def test_a_follower_gives_whole_lines_once_and_survives_rotation(tmp_path: Path) -> None:
    path = tmp_path / "bridge.log"
    path.write_text("before\n")
    follower = Follower(path)
    with path.open("a") as file:
        file.write("one\ntw")
    assert follower.read() == ["one"]
    with path.open("a") as file:
        file.write("o\n")
    assert follower.read() == ["two"]
    assert follower.read() == []
    path.write_text("new\n")
    assert follower.read() == ["new"]


def test_a_follower_waits_for_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "late.log")
    assert follower.read() == []
    (tmp_path / "late.log").write_text("first\n")
    assert follower.read() == ["first"]
