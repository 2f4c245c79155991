"""The watch of logins: what is seen reaches the bridge, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.letters import Unposted, Unwanted
from agent.limits import FAILURES_SECONDS
from agent.sources import FileSource
from tests.agent.watches import NOW, FakeSource, World, accepted, line


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
