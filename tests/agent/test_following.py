"""A log is followed from its end, whatever becomes of its file."""

from __future__ import annotations

import gc
import gzip
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.following import LogFile, Splitter, open_regular
from agent.limits import (
    LOG_LEFT_SECONDS,
    LOG_LINE_BYTES,
    LOG_MISSING_SECONDS,
    LOG_READ_BYTES,
)

NOW = 1_800_000_000.0


def count_open() -> int:
    gc.collect()  # what other tests have left is not counted
    return len(list(Path("/proc/self/fd").iterdir()))


class Scene:
    """A log in a folder, who writes it and who follows it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "auth.log"
        self.log = LogFile(self.path)
        self.now = NOW
        self.seen: list[bytes] = []
        self.written = 0

    def write(self, count: int = 1, *, to: Path | None = None) -> None:
        """Write numbered lines."""
        with (to or self.path).open("ab") as file:
            for _ in range(count):
                self.written += 1
                file.write(b"line %d\n" % self.written)

    def add(self, raw: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(raw)

    def look(self, mark: str = "", seconds: float = 1.0) -> list[bytes]:
        self.now += seconds
        lines = self.log.read(mark, self.now)
        self.seen += lines
        return lines

    def restart(self) -> str:
        """End, and begin anew; answer the mark that was left."""
        mark = self.log.mark
        self.log.close()
        self.log = LogFile(self.path)
        return mark

    @property
    def numbers(self) -> list[int]:
        return [int(line.split()[1]) for line in self.seen]

    def rename(self) -> Path:
        """Rotate as logrotate does by default."""
        moved = self.path.with_name("auth.log.1")
        self.path.rename(moved)
        return moved

    def copy_and_empty(self) -> None:
        """Rotate as logrotate does with copytruncate."""
        copy = self.path.with_name("auth.log.1")
        copy.unlink(missing_ok=True)  # logrotate has given it another name by then
        shutil.copy(self.path, copy)
        os.truncate(self.path, 0)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def followed(scene: Scene) -> Scene:
    """A log with a past, which is followed."""
    scene.write(3)
    assert scene.look() == []
    return scene


def test_a_log_is_followed_from_its_end(followed: Scene) -> None:
    followed.write(2)
    assert followed.look() == [b"line 4", b"line 5"]
    assert followed.look() == []


def test_a_rename_loses_no_line(followed: Scene) -> None:
    followed.write(2)
    moved = followed.rename()
    followed.write(2, to=moved)  # the writer has not heard of it yet
    followed.write(2)
    followed.look()
    followed.write(1, to=moved)
    followed.write(1)
    followed.look()
    assert sorted(followed.numbers) == list(range(4, followed.written + 1))
    assert followed.log.problem == ""


def test_between_a_rename_and_the_next_line_nothing_is_wrong_or_lost(followed: Scene) -> None:
    moved = followed.rename()
    followed.write(1, to=moved)
    followed.look()
    assert followed.log.problem == ""
    followed.write(1)
    followed.look()
    assert followed.numbers == [4, 5]


def test_a_renamed_file_is_let_go_of_once_nobody_writes_to_it(followed: Scene) -> None:
    followed.rename()
    followed.write()
    followed.look()
    open_before = count_open()
    followed.look(seconds=LOG_LEFT_SECONDS + 1)
    assert count_open() == open_before - 1


def test_many_rotations_leave_few_files_open(followed: Scene) -> None:
    before = count_open()
    for _ in range(20):
        followed.rename()
        followed.write()
        followed.look(seconds=0.01)
    assert count_open() <= before + 3
    assert followed.numbers == list(range(4, 24))


@pytest.mark.parametrize("unread", [0, 1, 100])
@pytest.mark.parametrize("after", [0, 1, 3, 500])
def test_copying_and_emptying_loses_no_line(followed: Scene, unread: int, after: int) -> None:
    followed.write(5)
    followed.look()
    followed.write(unread)
    followed.copy_and_empty()
    followed.write(after)  # also where it has become longer again than it was
    followed.look()
    followed.write(2)
    followed.look()
    assert followed.numbers == list(range(4, followed.written + 1))


def test_the_rest_of_a_copy_is_found_among_others(followed: Scene) -> None:
    followed.write(5)
    followed.look()
    followed.write(2)
    for name in ("auth.log.2", "auth.log.3", "auth.log-20261125"):
        followed.path.with_name(name).write_bytes(b"other line 9\n" * 1000)
    followed.path.with_name("auth.log.4.gz").write_bytes(gzip.compress(b"x" * 9000))
    followed.path.with_name("auth.log.d").mkdir()
    shutil.copy(followed.path, followed.path.with_name("auth.log-20261126"))
    os.truncate(followed.path, 0)
    followed.look()
    assert followed.numbers == list(range(4, followed.written + 1))


def test_a_log_that_is_simply_emptied_is_read_from_its_start(followed: Scene) -> None:
    os.truncate(followed.path, 0)
    followed.look()
    followed.write()
    assert followed.look() == [b"line 4"]


def test_a_line_in_pieces_is_one_line(followed: Scene) -> None:
    for piece in (b"one ", b"li", b"ne\nano"):
        followed.add(piece)
        followed.look()
    followed.add(b"ther\n")
    followed.look()
    assert followed.seen == [b"one line", b"another"]


def test_a_line_whose_beginning_was_not_seen_is_passed_over(scene: Scene) -> None:
    scene.add(b"Failed password for invalid user ")
    scene.look()
    scene.add(b"Nov 26 22:31:15 web-1 sshd[7]: Accepted password for root\nnext\n")
    assert scene.look() == [b"next"]


def test_a_line_in_pieces_over_a_copy_is_one_line(followed: Scene) -> None:
    followed.add(b"one ")
    followed.look()
    followed.add(b"line\n")
    followed.copy_and_empty()
    followed.add(b"next\n")
    assert followed.look() == [b"one line", b"next"]


def test_nuls_of_a_crash_hide_nothing(followed: Scene) -> None:
    followed.add(b"\0" * 100_000)
    followed.look()
    followed.add(b"\0\0line 4\n\0\0\0\n")
    assert followed.look() == [b"line 4"]


def test_an_endless_line_is_passed_over_and_costs_no_memory(followed: Scene) -> None:
    for _ in range(5):
        followed.add(b"x" * LOG_READ_BYTES)
        assert followed.look() == []
        assert followed.log._current is not None
        assert (followed.log._current.lines.pending or 0) <= LOG_LINE_BYTES
    assert followed.log.mark == "", "nobody may begin in the midst of it"
    followed.add(b"\nline 4\n")
    assert followed.look() == [b"line 4"]


def test_a_line_too_long_is_passed_over_whole(followed: Scene) -> None:
    followed.add(b"x" * (LOG_LINE_BYTES + 1) + b"\n" + b"y" * LOG_LINE_BYTES + b"\n")
    assert followed.look() == [b"y" * LOG_LINE_BYTES]


def test_a_look_reads_no_more_than_its_share(followed: Scene) -> None:
    line = b"z" * 99 + b"\n"
    count = 3 * LOG_READ_BYTES // len(line)
    followed.add(line * count)
    looks = [len(followed.look()) for _ in range(5)]
    assert sum(looks) == count
    assert max(looks) <= LOG_READ_BYTES // len(line) + 1


def test_a_log_that_appears_later_is_read_from_its_start(scene: Scene) -> None:
    assert scene.look() == []
    assert "No such file" in scene.log.problem
    scene.write(2)
    assert scene.look() == [b"line 1", b"line 2"]
    assert scene.log.problem == ""


def test_a_log_that_stays_away_is_said_to_be_missing_and_then_is_not(followed: Scene) -> None:
    moved = followed.rename()
    followed.look()
    followed.write(1, to=moved)
    followed.look(seconds=LOG_MISSING_SECONDS + 1)
    assert followed.seen == [b"line 4"]
    assert "No such file" in followed.log.problem
    followed.write()
    followed.look()
    assert followed.log.problem == ""
    assert followed.numbers == [4, 5]


def test_a_log_that_may_not_be_read_says_so_until_it_may(scene: Scene) -> None:
    is_allowed = False

    def open_file(path: Path) -> int:
        if not is_allowed:
            raise PermissionError(13, "Permission denied")
        return open_regular(path)

    scene.log = LogFile(scene.path, open_file=open_file)
    scene.write(3)
    assert scene.look() == []
    assert scene.log.problem == "Permission denied"
    is_allowed = True
    assert scene.look() == []
    assert scene.log.problem == ""
    scene.write()
    assert scene.look() == [b"line 4"]


def test_what_is_no_file_is_not_waited_for(scene: Scene) -> None:
    os.mkfifo(scene.path)
    assert scene.look() == []
    assert scene.log.problem == "it is no regular file"
    scene.path.unlink()
    scene.path.mkdir()
    assert scene.look() == []
    assert scene.log.problem


# -- a new life ----------------------------------------------------------------------------------


def test_after_a_restart_reading_goes_on_where_it_had_stopped(followed: Scene) -> None:
    followed.write()
    followed.look()
    mark = followed.restart()
    followed.write(2)
    followed.look(mark)
    assert followed.numbers == [4, 5, 6]


def test_a_line_under_way_at_a_restart_is_read_whole(followed: Scene) -> None:
    followed.add(b"line 4\nline ")
    followed.look()
    mark = followed.restart()
    followed.add(b"5\n")
    followed.look(mark)
    assert followed.numbers == [4, 5]


@pytest.mark.parametrize("rotate", [Scene.rename, Scene.copy_and_empty])
def test_a_rotation_meanwhile_loses_no_line(followed: Scene, rotate: object) -> None:
    followed.write()
    followed.look()
    mark = followed.restart()
    followed.write(2)
    rotate(followed)  # type: ignore[operator]
    followed.write(2)
    followed.look(mark)
    assert followed.numbers == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("mark", ["", "x", "1:2:3", "1:2:999999:4:abc", "1:2:-5:-5:x", "::::"])
def test_a_mark_that_leads_nowhere_is_the_end(scene: Scene, mark: str) -> None:
    scene.write(3)
    assert scene.look(mark) == []
    scene.write()
    assert scene.look() == [b"line 4"]


def test_a_mark_before_the_first_line_fits_no_other_file(scene: Scene) -> None:
    scene.path.touch()
    scene.look()
    mark = scene.restart()
    scene.path.rename(scene.path.with_name("elsewhere"))
    scene.write(3, to=scene.path.with_name("auth.log.1"))
    scene.write(2)
    assert scene.look(mark) == []


# -- any order of things -------------------------------------------------------------------------

steps = st.sampled_from(["write", "write", "look", "look", "rename", "copy", "restart"])


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=40))
def test_no_order_of_writing_rotating_and_restarting_loses_a_line(
    tmp_path_factory: pytest.TempPathFactory, taken: list[str]
) -> None:
    scene = Scene(tmp_path_factory.mktemp("log"))
    scene.write(3)
    scene.look()
    mark, is_unseen = "", False
    for step in taken:
        if step == "write":
            scene.write()
        elif step == "look":
            scene.look(mark)
            is_unseen = False
        elif is_unseen:
            continue  # two rotations within a second are none of logrotate's
        elif step == "rename":
            scene.rename()
            scene.write()
            is_unseen = True
        elif step == "copy" and scene.path.stat().st_size:
            scene.copy_and_empty()
            is_unseen = True
        elif step == "restart":
            mark = scene.restart()
            is_unseen = True
    scene.look(mark)
    scene.look()
    assert scene.numbers == list(range(4, scene.written + 1))
    scene.log.close()


@given(st.lists(st.binary(max_size=20), max_size=30))
def test_pieces_make_the_same_lines_as_the_whole(pieces: list[bytes]) -> None:
    splitter, whole = Splitter(), Splitter()
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    assert lines == whole.feed(b"".join(pieces))
