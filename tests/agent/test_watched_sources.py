"""Which source of logins is read, and how it stands: what the watch says is always true."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.errors import Denied
from agent.following import LogFile
from agent.limits import LOG_MARK_SECONDS, WATCH_SILENT_SECONDS
from agent.sources import Batch, FileSource, HelperSource, Unreadable
from tests.agent.watches import NOW, FakeSource, World, accepted


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
async def world(tmp_path: Path, source: FakeSource) -> World:
    await asyncio.sleep(0)
    return World(tmp_path, source)


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
