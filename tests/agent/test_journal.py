"""The journal is followed by a child that is started again when it ends, from where it was."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent import journal
from agent.journal import Journal, read_entry
from agent.limits import JOURNAL_AGAIN_SECONDS, JOURNAL_LINE_BYTES, JOURNAL_LINES
from agent.logins import Deed, Told
from agent.sources import Batch, Unreadable
from tests.agent.processes import wait_until

NOW = 1_800_000_000.0
ACCEPTED = "Accepted password for bob from 1.2.3.4 port 5022 ssh2"


def entry(number: int = 1, **more: object) -> dict[str, Any]:
    return {
        "__CURSOR": f"c{number}",
        "__REALTIME_TIMESTAMP": "1800000000000000",
        "SYSLOG_IDENTIFIER": "sshd",
        "_PID": str(number),
        "_UID": "0",
        "_EXE": "/usr/sbin/sshd",
        "MESSAGE": ACCEPTED,
        **more,
    }


class FakeJournal:
    """A program in the place of journalctl, that says what a test has written down for it."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "journalctl"
        self.entries = folder / "entries"
        self.starts = folder / "starts"
        self.complaint = folder / "complaint"
        self.ends = folder / "ends"
        self.place = folder / "place"
        self.entries.touch()
        self.complaint.touch()
        self.program.write_text(
            "#!/bin/sh\n"
            f'echo "$$ $*" >> {self.starts}\n'
            f"cat {self.complaint} >&2\n"
            f"test -e {self.ends} && exit 1\n"
            f"exec tail -c +$(cat {self.place}) -f -s 0.02 {self.entries} 2>/dev/null\n"
        )
        self.program.chmod(0o700)
        self.journal = Journal(str(self.program))

    def write(self, *entries: object) -> None:
        with self.entries.open("a") as file:
            file.writelines(f"{json.dumps(each)}\n" for each in entries)

    @property
    def started(self) -> list[str]:
        return self.starts.read_text().splitlines() if self.starts.exists() else []

    async def start(self, number: int) -> str:
        """Wait until a child has said as what it was started."""
        await wait_until(lambda: len(self.started) > number)
        return self.started[number]

    async def look(self, mark: str = "", now: float = NOW) -> Batch:
        """Look once; a child that is started for it begins at this moment's end, however slow."""
        if self.journal._child is None:
            self.place.write_text(str(self.entries.stat().st_size + 1))
        return await self.journal.read(mark, now)

    async def fault(self) -> Unreadable:
        """Look until it cannot be read."""
        async with asyncio.timeout(60):
            while True:
                try:
                    await self.look()
                except Unreadable as fault:
                    return fault
                await asyncio.sleep(0.01)

    async def read(self, count: int = 1, *, mark: str = "", now: float = NOW) -> list[Told]:
        """Read until so much was told."""
        told: list[Told] = []
        async with asyncio.timeout(60):
            while len(told) < count:
                told += (await self.look(mark, now)).told
                await asyncio.sleep(0.01)
        return told


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeJournal]:
    fake = FakeJournal(tmp_path)
    yield fake
    await fake.journal.close()


async def test_entries_are_read_from_now_on(fake: FakeJournal) -> None:
    assert (await fake.look("", NOW)).told == []
    fake.write(entry(5), {"MESSAGE": "x"}, "no entry", entry(6, SYSLOG_IDENTIFIER="cron"))
    (told,) = await fake.read()
    assert (told.deed, told.user, told.pid) == (Deed.ACCEPTED, "bob", 5)
    assert told.stamp == "1800000000000000"
    assert (await fake.look("", NOW)).mark == "c6"
    start = await fake.start(0)
    assert "--follow" in start
    assert "--since=now" in start
    assert "SYSLOG_IDENTIFIER=sshd-session" in start


async def test_a_child_that_dies_is_started_again_behind_the_last_entry(
    fake: FakeJournal,
) -> None:
    await fake.look("", NOW)
    fake.write(entry(5))
    await fake.read()
    os.kill(int((await fake.start(0)).split()[0]), signal.SIGKILL)
    await fake.fault()
    with pytest.raises(Unreadable):
        await fake.look("", NOW)
    await fake.look("", NOW + JOURNAL_AGAIN_SECONDS[0] + 0.1)
    assert "--after-cursor=c5" in await fake.start(1)
    fake.write(entry(6))
    assert [told.pid for told in await fake.read()] == [6]


async def test_a_mark_of_a_former_life_is_where_it_begins(fake: FakeJournal) -> None:
    await fake.look("c9", NOW)
    assert "--after-cursor=c9" in await fake.start(0)


@pytest.mark.parametrize(
    "complaint",
    [
        "Hint: You are currently not seeing messages from other users and the system.",
        "No journal files were opened due to insufficient permissions.",
        "No journal files were found.",
    ],
)
async def test_a_journal_that_may_not_be_read_is_not_watched_as_if_it_were(
    fake: FakeJournal, complaint: str
) -> None:
    fake.complaint.write_text(complaint)
    assert "may not read the system's journal" in str(await fake.fault())


async def test_a_child_that_fails_says_why_and_is_tried_more_and_more_rarely(
    fake: FakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.journal.JOURNAL_WAIT_SECONDS", 60.0)  # it ends by itself
    fake.complaint.write_text("Failed to open the journal\n")
    fake.ends.touch()
    now = NOW
    for _ in range(100):
        with pytest.raises(Unreadable, match="Failed to open the journal"):
            await fake.look("", now)
        now += 1
    assert len(fake.started) <= 8


async def test_where_there_is_no_journalctl_that_is_said(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "nowhere"))
    for _ in range(2):
        with pytest.raises(Unreadable, match="not installed"):
            await journal.read("", NOW)


async def test_a_flood_waits_in_the_pipe_and_all_of_it_is_told(fake: FakeJournal) -> None:
    await fake.look("", NOW)
    count = 3 * JOURNAL_LINES
    fake.write(*[entry(number) for number in range(count)])
    told = await fake.read(count)
    assert [each.pid for each in told] == list(range(count))


async def test_what_no_daemon_writes_so_long_is_passed_over_unread(
    fake: FakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may write in the name of sshd; that it is not sshd is seen when it is in memory."""
    parsed: list[int] = []
    parse = journal._parse

    def note(line: bytes) -> dict[str, Any] | None:
        parsed.append(len(line))
        return parse(line)

    monkeypatch.setattr(journal, "_parse", note)
    await fake.look("", NOW)
    longest = list(b"\xff" * 1024)  # what is no text is told as numbers
    forged = entry(8, _UID="1000", MESSAGE="x" * 60_000)
    fake.write(entry(7, MESSAGE=longest), *[forged] * 20, entry(9))
    [told] = await fake.read(1)
    assert told.pid == 9
    assert len(parsed) == 2
    assert sum(parsed) < 2 * JOURNAL_LINE_BYTES


async def test_nothing_is_left_of_a_child_once_it_is_closed(fake: FakeJournal) -> None:
    await fake.look("", NOW)
    pid = int((await fake.start(0)).split()[0])
    await fake.journal.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    batch = await fake.look("", NOW)
    assert batch == Batch(told=[])
    assert "--since=now" in await fake.start(1)


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({}, True),
        ({"_UID": "1000"}, False),
        ({"_UID": None}, False),
        ({"_UID": "1000", "SYSLOG_IDENTIFIER": "sshd", "_EXE": "/usr/sbin/sshd"}, False),
        ({"SYSLOG_IDENTIFIER": "logger"}, False),
        ({"SYSLOG_IDENTIFIER": None}, False),
        ({"MESSAGE": None}, False),
        ({"MESSAGE": list(ACCEPTED.encode())}, True),
        ({"MESSAGE": [999]}, False),
        ({"MESSAGE": {}}, False),
        ({"_PID": "x"}, True),
    ],
)
def test_only_the_daemon_itself_speaks_for_it(changes: dict[str, Any], is_told: object) -> None:
    assert (read_entry(entry() | changes) is not None) is is_told


@pytest.mark.parametrize(
    ("place", "is_told"),
    [("/usr/bin/sudo", True), ("/srv/bob/sudo", False), ("/usr/bin/python3", False), ("", False)],
)
def test_sudo_writes_as_its_caller_and_is_known_by_its_place(place: str, is_told: object) -> None:
    written = entry(
        SYSLOG_IDENTIFIER="sudo",
        _UID="1000",
        _EXE=place,
        MESSAGE="bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
    )
    assert (read_entry(written) is not None) is is_told
