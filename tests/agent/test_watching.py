"""The watch of logins: what is seen reaches the bridge, and how it stands is always true."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.errors import AgentError, Denied
from agent.following import LogFile
from agent.letters import Unposted, Unwanted
from agent.limits import FAILURES_SECONDS, LOG_MARK_SECONDS, WATCH_SILENT_SECONDS
from agent.logins import Told, read_line
from agent.sources import Batch, FileSource, HelperSource, Source, Unreadable
from agent.watching import LoginWatch

NOW = 1_800_000_000.0


def line(text: str, pid: int = 7, program: str = "sshd") -> str:
    return f"Nov 26 22:31:15 web-1 {program}[{pid}]: {text}"


def accepted(user: str = "bob", pid: int = 7) -> str:
    return line(f"Accepted password for {user} from 1.2.3.4 port {5000 + pid} ssh2", pid)


class FakeSource:
    """A source that gives what it is told to, or fails."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.lines: list[str] = []
        self.fault: Exception | None = None
        self.problem = ""
        self.marks: list[str] = []
        self.is_open = False

    async def read(self, mark: str, now: float) -> Batch:
        del now
        self.marks.append(mark)
        if self.fault is not None:
            raise self.fault
        self.is_open = True
        told: list[Told] = [each for each in map(read_line, self.lines) if each]
        self.lines = []
        return Batch(told=told, mark="here", problem=self.problem)

    async def close(self) -> None:
        self.is_open = False


class World:
    """A host with its clock, its sources and a bridge."""

    def __init__(self, folder: Path, *sources: Source) -> None:
        self.folder = folder / "logins"
        self.sources = list(sources)
        self.now = NOW
        self.letters: list[Mapping[str, Any]] = []
        self.fault: Exception | None = None
        self.ticks = asyncio.Event()
        self.asleep = 0
        self.watch = self.create()

    def create(self) -> LoginWatch:
        return LoginWatch(
            self.folder, self.sources, self.post, clock=lambda: self.now, sleep=self.sleep
        )

    async def post(self, kind: str, facts: Mapping[str, Any]) -> None:
        assert kind == "login"
        if self.fault is not None:
            raise self.fault
        self.letters.append(json.loads(json.dumps(facts)))

    async def sleep(self, seconds: float) -> None:
        """Let time pass only when a test does."""
        until = self.now + seconds
        self.asleep += 1
        try:
            while self.now < until:
                await self.ticks.wait()
        finally:
            self.asleep -= 1

    async def wait(self, seconds: float = 1.1) -> None:
        """Let time pass, and everybody do what they do then."""
        self.now += seconds
        self.ticks.set()
        self.ticks.clear()
        async with asyncio.timeout(10):
            quiet = 0
            while quiet < 5:
                await asyncio.sleep(0)
                # Whoever looks rests, and so does whoever posts what cannot be posted.
                is_quiet = self.asleep >= 1 + (self.watch.waiting > 0)
                quiet = quiet + 1 if is_quiet else 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LoginWatch]:
        task = asyncio.create_task(self.watch.run())
        try:
            await self.wait(0)
            yield self.watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def told(self) -> list[tuple[str, str, int]]:
        return [(each["kind"], each["user"], each["count"]) for each in self.letters]


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
async def world(tmp_path: Path, source: FakeSource) -> World:
    await asyncio.sleep(0)
    return World(tmp_path, source)


async def test_a_login_reaches_the_bridge_within_seconds(world: World, source: FakeSource) -> None:
    async with world.running() as watch:
        source.lines = [accepted()]
        begun = world.now
        while not world.letters:
            await world.wait()
        assert world.now - begun < 3
        (letter,) = world.letters
        expected = {"kind": "login", "user": "bob", "address": "1.2.3.4", "method": "password"}
        assert {name: letter[name] for name in expected} == expected
        assert set(letter) >= {"id", "count", "first", "last"}
        status = watch.status()
        assert (status["waiting"], status["seen"], status["problem"]) == (0, 1, "")


async def test_a_watch_says_what_it_watches_and_since_when(world: World) -> None:
    assert world.watch.status() == {
        "state": "blind",
        "source": "",
        "since": NOW,
        "problem": "the watch has not begun yet",
        "waiting": 0,
        "seen": 0,
    }
    async with world.running() as watch:
        await world.wait()
        assert watch.status()["state"] == "watching"
        assert watch.status()["source"] == "fake"
        assert watch.status()["since"] <= world.now


async def test_a_thousand_failures_in_a_minute_are_two_letters(
    world: World, source: FakeSource
) -> None:
    async with world.running():
        for number in range(60):
            source.lines = [
                line("Failed password for root from 1.2.3.4 port 5 ssh2", 20 * number + each + 1)
                for each in range(17)
            ]
            await world.wait(1.0)
        await world.wait(FAILURES_SECONDS)
    assert [count for _, _, count in world.told] == [1, 60 * 17 - 1]


async def test_what_the_bridge_did_not_take_comes_again_in_its_order(
    world: World, source: FakeSource
) -> None:
    world.fault = Unposted("Connection refused")
    async with world.running() as watch:
        source.lines = [accepted("ada", 1), accepted("bob", 2)]
        await world.wait()
        status = watch.status()
        assert status["waiting"] == 2
        assert "the bridge does not take them: Connection refused" in status["problem"]
        assert status["state"] == "watching", "it sees all the same"
        world.fault = None
        await world.wait(120)
        assert [user for _, user, _ in world.told] == ["ada", "bob"]
        assert watch.status()["problem"] == ""


async def test_a_crash_between_the_disk_and_the_letter_loses_nothing(
    world: World, source: FakeSource
) -> None:
    world.fault = Unposted("no answer in time")
    async with world.running():
        source.lines = [accepted("ada", 1)]
        await world.wait()
    world.fault = None
    world.watch = world.create()
    async with world.running():
        await world.wait()
    assert [user for _, user, _ in world.told] == ["ada"]


async def test_a_crash_between_the_letter_and_the_disk_sends_the_same_event_again(
    world: World, source: FakeSource
) -> None:
    world.fault = Unposted("no answer in time")
    async with world.running():
        source.lines = [accepted("ada", 1)]
        await world.wait()
        (file,) = world.folder.glob("*.event")
        content = file.read_bytes()
        world.fault = None
        await world.wait(120)
        assert not file.exists()
    file.write_bytes(content)
    world.watch = world.create()
    async with world.running():
        await world.wait()
    first, second = world.letters
    assert first == second


async def test_failures_of_the_last_minute_are_kept_at_the_end(
    world: World, source: FakeSource
) -> None:
    failed = "Failed password for root from 1.2.3.4 port 5 ssh2"
    async with world.running():
        source.lines = [line(failed, 1), line(failed, 2), line(failed, 3)]
        await world.wait()
    world.watch = world.create()
    async with world.running():
        await world.wait()
    assert [count for _, _, count in world.told] == [1, 2]


async def test_an_event_that_the_bridge_cannot_read_holds_up_no_other(
    world: World, source: FakeSource
) -> None:
    world.fault = Unwanted("it has no user")
    async with world.running() as watch:
        source.lines = [accepted("ada", 1)]
        await world.wait()
        world.fault = None
        source.lines = [accepted("bob", 2)]
        await world.wait()
        assert [user for _, user, _ in world.told] == ["bob"]
        assert "events lost: 1" in watch.status()["problem"]


async def test_a_fault_of_our_own_while_posting_is_tried_again(
    world: World, source: FakeSource
) -> None:
    world.fault = RuntimeError("unforeseen")
    async with world.running() as watch:
        source.lines = [accepted()]
        await world.wait()
        assert "RuntimeError" in watch.status()["problem"]
        world.fault = None
        await world.wait(120)
        assert len(world.letters) == 1


# -- on and off ----------------------------------------------------------------------------------


async def test_it_is_on_until_somebody_switches_it_off_and_that_is_remembered(
    world: World, source: FakeSource
) -> None:
    async with world.running() as watch:
        await world.wait()
        watch.switch(False)
        assert watch.status()["state"] == "off"
        await world.wait()
        assert not source.is_open
    world.watch = world.create()
    async with world.running() as watch:
        source.lines = [accepted()]
        await world.wait()
        assert watch.status()["state"] == "off"
        assert world.letters == []
        watch.switch(True)
        assert watch.status()["state"] == "blind"
        await world.wait()
        assert watch.status()["state"] == "watching"
    world.watch = world.create()
    async with world.running() as watch:
        await world.wait()
        assert watch.status()["state"] == "watching"


async def test_what_happens_while_it_is_off_is_not_told_afterwards(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.touch()
    world = World(tmp_path, FileSource(log))
    async with world.running() as watch:
        await world.wait()
        watch.switch(False)
        await world.wait()
        log.write_text(accepted("ada", 1) + "\n")
        watch.switch(True)
        await world.wait()
        with log.open("a") as file:
            file.write(accepted("bob", 2) + "\n")
        await world.wait()
    assert [user for _, user, _ in world.told] == ["bob"]


async def test_what_waits_is_still_sent_when_it_is_switched_off(
    world: World, source: FakeSource
) -> None:
    world.fault = Unposted("away")
    async with world.running() as watch:
        source.lines = [accepted()]
        await world.wait()
        watch.switch(False)
        world.fault = None
        await world.wait(120)
        assert len(world.letters) == 1


async def test_a_switch_that_cannot_be_remembered_is_not_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    async with world.running() as watch:
        await world.wait()
        monkeypatch.setattr("agent.watching.write_whole", fail)
        with pytest.raises(AgentError, match="Read-only"):
            watch.switch(False)
        assert watch.status()["state"] == "watching"


# -- truth ---------------------------------------------------------------------------------------


async def test_a_source_that_cannot_be_read_is_said_and_so_is_its_return(
    world: World, source: FakeSource
) -> None:
    source.fault = Unreadable("Permission denied")
    async with world.running() as watch:
        await world.wait()
        status = watch.status()
        assert (status["state"], status["problem"]) == ("blind", "fake: Permission denied")
        source.fault = None
        await world.wait()
        assert watch.status()["state"] == "watching"
        assert watch.status()["problem"] == ""


async def test_a_log_that_is_missing_then_there_then_gone_is_told_as_it_is(
    tmp_path: Path,
) -> None:
    log = tmp_path / "auth.log"
    world = World(tmp_path, FileSource(log))
    async with world.running() as watch:
        await world.wait()
        assert watch.status()["state"] == "blind"
        assert "No such file" in watch.status()["problem"]
        log.write_text(accepted("ada", 1) + "\n")
        await world.wait()
        assert watch.status()["state"] == "watching"
        log.rename(tmp_path / "elsewhere")
        await world.wait()
        await world.wait(60)
        assert watch.status()["state"] == "blind"
        log.write_text(accepted("bob", 2) + "\n")
        await world.wait()
        assert watch.status()["state"] == "watching"
    assert [user for _, user, _ in world.told] == ["ada", "bob"]


async def test_the_first_source_that_can_be_read_is_read_and_kept_to(tmp_path: Path) -> None:
    first, second, third = (FakeSource(name) for name in ("journald", "/log", "helper"))
    first.fault, second.fault = Unreadable("not installed"), None
    world = World(tmp_path, first, second, third)
    async with world.running() as watch:
        await world.wait()
        assert watch.status()["source"] == "/log"
        assert third.marks == []
        first.fault = None
        await world.wait()
        assert watch.status()["source"] == "/log"
        second.fault = Unreadable("gone")
        await world.wait()
        assert watch.status()["source"] == "journald"
        assert not second.is_open


async def test_what_a_failing_source_still_gave_is_told_and_it_is_not_called_well(
    world: World, source: FakeSource
) -> None:
    async with world.running() as watch:
        await world.wait()
        source.problem, source.lines = "No such file or directory", [accepted()]
        await world.wait()
        assert len(world.letters) == 1
        assert watch.status()["state"] == "blind"


async def test_a_fault_of_our_own_is_no_silence(world: World, source: FakeSource) -> None:
    source.fault = RuntimeError("unforeseen")
    async with world.running() as watch:
        await world.wait()
        assert watch.status()["state"] == "blind"
        assert "a fault of our own: RuntimeError" in watch.status()["problem"]
        source.fault = None
        await world.wait(10)
        assert watch.status()["state"] == "watching"


async def test_a_watch_that_hangs_does_not_say_that_it_watches(world: World) -> None:
    async with world.running() as watch:
        await world.wait()
    world.now += WATCH_SILENT_SECONDS + 1
    assert watch.status()["state"] == "blind"
    assert "has not looked" in watch.status()["problem"]


# -- a new life ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("away", "users"), [(5.0, ["ada"]), (2 * LOG_MARK_SECONDS, [])])
async def test_what_happened_during_a_restart_is_told_but_nothing_of_long_ago(
    tmp_path: Path, away: float, users: list[str]
) -> None:
    log = tmp_path / "auth.log"
    log.write_text("x\n")
    world = World(tmp_path, FileSource(log))
    async with world.running():
        await world.wait()
    with log.open("a") as file:
        file.write(accepted("ada", 1) + "\n")
    world.now += away
    world.sources = [FileSource(log)]
    world.watch = world.create()
    async with world.running():
        await world.wait()
    assert [user for _, user, _ in world.told] == users


async def test_a_mark_is_for_the_source_it_came_from(tmp_path: Path, source: FakeSource) -> None:
    world = World(tmp_path, source)
    async with world.running():
        await world.wait()
    other, again = FakeSource("other"), FakeSource("fake")
    other.fault = Unreadable("not installed")
    world.sources = [other, again]
    world.watch = world.create()
    async with world.running():
        await world.wait()
    assert set(other.marks) == {""}
    assert again.marks[0] == "here"


# -- lines that somebody else reads --------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    inode: int
    offset: int
    content: bytes


class Helper:
    """A root helper that reads one log after the other."""

    def __init__(self) -> None:
        self.files = {1: b""}
        self.inode = 1
        self.fault: Exception | None = None
        self.most = 40

    def write(self, *lines: str) -> None:
        self.files[self.inode] += "".join(f"{each}\n" for each in lines).encode()

    def rotate(self) -> None:
        self.inode += 1
        self.files[self.inode] = b""

    def __call__(self, inode: int, offset: int) -> Piece:
        if self.fault is not None:
            raise self.fault
        if not inode:
            return Piece(self.inode, len(self.files[self.inode]), b"")
        if inode != self.inode and offset >= len(self.files[inode]):
            inode, offset = self.inode, 0
        if offset > len(self.files[inode]):
            offset = 0
        content = self.files[inode][offset : offset + self.most]
        return Piece(inode, offset + len(content), content)


def users(batch: Batch) -> list[str]:
    return [each.user for each in batch.told]


async def test_what_the_root_helper_reads_is_told_over_a_rotation() -> None:
    helper = Helper()
    source = HelperSource(helper)
    helper.write(accepted("eve", 1))
    assert users(await source.read("", NOW)) == []
    helper.write(accepted("ada", 2), accepted("bob", 3))
    helper.rotate()
    helper.write(accepted("cyd", 4), accepted("dan", 5))
    assert users(await source.read("", NOW)) == ["ada", "bob", "cyd", "dan"]
    helper.files[helper.inode] = b""  # it was emptied
    helper.write(accepted("fay", 6))
    assert users(await source.read("", NOW)) == ["fay"]


async def test_the_helper_is_asked_on_from_a_mark_and_from_no_half_line() -> None:
    helper = Helper()
    helper.files[1] = b"Failed password for invalid user "
    source = HelperSource(helper)
    await source.read("", NOW)
    helper.write(accepted("eve", 1), accepted("ada", 2))
    batch = await source.read("", NOW)
    assert users(batch) == ["ada"]
    helper.write(accepted("bob", 3))
    assert users(await HelperSource(helper).read(batch.mark, NOW)) == ["bob"]
    await source.close()
    assert users(await source.read("", NOW)) == []


@pytest.mark.parametrize(
    "fault", [Denied("root", "the root helper is not installed"), OSError(5, "Input/output error")]
)
async def test_a_helper_that_is_absent_says_so(fault: Exception) -> None:
    helper = Helper()
    helper.fault = fault
    source = HelperSource(helper)
    with pytest.raises(Unreadable, match=r"not installed|Input/output"):
        await source.read("", NOW)
    helper.fault = None
    await source.read("", NOW)


def test_a_log_that_was_closed_begins_at_its_end_again(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    path.write_text("one\n")
    log = LogFile(path)
    log.read("", NOW)
    log.close()
    path.write_text("one\ntwo\n")
    assert log.read("", NOW) == []
