"""Who is logged in, and what uses most of the machine."""

from __future__ import annotations

import os
import struct
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import Denied
from agent.machine import Session, list_sessions, list_top, read_utmp, read_who, to_facts

NATIVE = struct.Struct("=hxxi32s4s32s256shhiii16s20x")
WIDE = struct.Struct("=hxxi32s4s32s256shhqqq16s20x4x")
BEGUN = 1_900_000_000


def entry(
    user: str = "alice",
    *,
    kind: int = 7,
    pid: int = 1,
    host: str = "203.0.113.9",
    since: int = BEGUN,
    record: struct.Struct = NATIVE,
) -> bytes:
    words = (b"pts/0", b"ts/0", user.encode(), host.encode())
    return record.pack(kind, pid, *words, 0, 0, 0, since, 0, b"")


@pytest.mark.parametrize("record", [NATIVE, WIDE], ids=["384", "400"])
def test_sessions_are_read_from_entries_of_either_size(record: struct.Struct) -> None:
    content = (
        entry(record=record, kind=2) + entry(record=record) + entry("bob", record=record, host="")
    )
    assert read_utmp(content) == [
        Session(user="alice", line="pts/0", host="203.0.113.9", since=BEGUN, pid=1),
        Session(user="bob", line="pts/0", host="", since=BEGUN, pid=1),
    ]


def test_where_both_sizes_would_fit_the_one_that_makes_sense_is_taken() -> None:
    # 25 entries of one size are as long as 24 of the other.
    for record, count in ((NATIVE, 25), (WIDE, 24)):
        read = read_utmp(entry(record=record) * count)
        assert [each.user for each in read] == ["alice"] * count


@given(st.binary(max_size=1600))
def test_no_content_of_the_record_is_a_fault(content: bytes) -> None:
    assert all(each.user.isprintable() for each in read_utmp(content))


def test_a_name_or_host_that_somebody_made_up_hides_nothing() -> None:
    (read,) = read_utmp(entry("a\nb\u202e", host="\x1b[2J"))
    assert read.user == "a?b?"
    assert read.host == "?[2J"


def test_the_longest_session_is_first_and_one_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    utmp = tmp_path / "utmp"
    gone = 4_194_304
    utmp.write_bytes(
        entry("late", since=BEGUN + 60, pid=os.getpid()) + entry("gone", pid=gone) + entry("early")
    )
    assert [each.user for each in list_sessions(utmp)] == ["early", "late"]


def test_without_that_record_who_is_asked(tmp_path: Path) -> None:
    # Nobody is logged in where tests run, or somebody is: both are lists.
    assert isinstance(list_sessions(tmp_path / "not-there"), list)


def test_without_the_record_and_without_who_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.machine.find_program", lambda _: None)
    with pytest.raises(Denied, match="keeps no record"):
        list_sessions(tmp_path / "not-there")


def test_what_who_writes_is_understood() -> None:
    text = (
        "alice    pts/0        2030-01-31 09:30 (203.0.113.9)\n"
        "bob      tty1         2030-01-31 10:00\n"
        "carol    pts/1        2030-02-01 00:00 (:0)\n"
        "LOGIN    tty2\n\nnonsense\n"
    )
    begun = datetime(2030, 1, 31, 9, 30, tzinfo=UTC).timestamp()
    assert [(each.user, each.line, each.host, each.since) for each in read_who(text)] == [
        ("alice", "pts/0", "203.0.113.9", begun),
        ("bob", "tty1", "", begun + 1800),
        ("carol", "pts/1", ":0", begun + 14.5 * 3600),
    ]


TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Machine:
    """A folder that looks as the kernel's does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "meminfo").write_text("MemTotal:      400000 kB\nMemFree: 1 kB\n")
        (folder / "self").mkdir()

    def put(self, pid: int, name: str, ticks: int, pages: int, start: int = 5) -> None:
        own = self.folder / str(pid)
        own.mkdir(exist_ok=True)
        (own / "comm").write_text(f"{name}\n")
        fields = ["S", *"0123456789", str(ticks), "0", *"000000", str(start), "0", str(pages), "0"]
        (own / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")

    def remove(self, pid: int) -> None:
        for name in ("comm", "stat"):
            (self.folder / str(pid) / name).unlink()
        (self.folder / str(pid)).rmdir()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_greediest_of_memory_is_first(machine: Machine) -> None:
    for pid, pages in ((1, 10), (2, 30), (3, 20)):
        machine.put(pid, f"p{pid}", 0, pages)
    top = list_top("mem", 2, proc=machine.folder, pause=lambda _: None)
    assert [(each.pid, each.name, each.memory) for each in top] == [
        (2, "p2", 30 * PAGE),
        (3, "p3", 20 * PAGE),
    ]
    assert top[0].share == round(100 * 30 * PAGE / (400_000 * 1024), 1)


def test_the_greediest_of_processors_is_first_by_what_it_used_just_now(machine: Machine) -> None:
    machine.put(1, "once busy", 1_000_000, 10)
    machine.put(2, "busy) now (", 100, 10)
    machine.put(3, "idle", 0, 99)

    def work(_: float) -> None:
        machine.put(2, "busy) now (", 100 + TICKS, 10)

    top = list_top("cpu", 3, proc=machine.folder, pause=work)
    assert [each.pid for each in top] == [2, 3, 1]
    assert top[0].cpu > 100
    assert top[0].name == "busy) now ("
    assert top[1].cpu == 0


def test_processes_that_come_and_go_in_between_are_no_fault(machine: Machine) -> None:
    machine.put(1, "ends", 0, 10)
    machine.put(2, "number given anew", 0, 10)

    def change(_: float) -> None:
        machine.remove(1)
        machine.put(2, "another", 500, 10, start=77)
        machine.put(3, "begins", 500, 10)

    top = list_top("cpu", 9, proc=machine.folder, pause=change)
    assert [(each.pid, each.cpu) for each in top] == [(2, 0.0), (3, 0.0)]


@pytest.mark.parametrize(
    ("by", "count"), [("disk", 5), ("", 5), ("cpu", 0), ("cpu", -1), ("mem", 51)]
)
def test_anything_else_is_refused(by: str, count: int, machine: Machine) -> None:
    with pytest.raises(Denied) as refused:
        list_top(by, count, proc=machine.folder, pause=lambda _: None)
    assert refused.value.rule == "argument"


def test_this_very_process_is_among_the_real_ones() -> None:
    def work(seconds: float) -> None:
        until = time.process_time() + seconds / 5
        while time.process_time() < until:
            pass

    top = list_top("cpu", 50, pause=work)
    assert os.getpid() in {each.pid for each in top if each.cpu > 0}
    facts = to_facts(top)
    assert set(facts[0]) == {"pid", "name", "user", "cpu", "memory", "share"}
