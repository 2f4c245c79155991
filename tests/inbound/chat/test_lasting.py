"""Commands that last: stopped at any time, told late, moved with their group, bounded."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agent import wire
from agent.wire import Verb
from bridge import limits
from bridge.core.access import EVERYWHERE, parse_scope
from bridge.core.audience import Destination
from bridge.errors import Outage
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.live_jobs import LiveJobs
from bridge.inbound.chat.resuming import Resuming
from tests.fakes.chat import GROUP, OPERATOR
from tests.fakes.hands import Asking, FakeHands, done, told
from tests.inbound.chat.world import World


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - an errand's doing
            await asyncio.sleep(0.002)


def ends_when_cancelled(world: World, *, deaf: int = 0) -> Callable[[Asking], Any]:
    """Let commands run until they are cancelled; the first few times nothing is there yet."""
    heard: list[Asking] = []

    def says(asking: Asking) -> list[wire.Event]:
        gate = world.hands.gates.setdefault(asking.host, asyncio.Event())
        if asking.verb is not Verb.CANCEL:
            started, output, ended = done(job=asking.job)
            assert isinstance(ended, wire.Ended)
            return [started, output, wire.Ended(**{**vars(ended), "why": wire.Why.STOPPED})]
        heard.append(asking)
        if len(heard) > deaf:
            gate.set()
        return told(stopped=len(heard) > deaf)

    return says


async def test_a_command_that_is_stopped_before_its_host_was_asked_never_runs(
    world: World,
) -> None:
    gate = world.chat.speaker.gate = asyncio.Event()
    await world.chat.say("/op_exec web-1 df", OPERATOR)
    await world.chat.press("stop 1", OPERATOR)
    gate.set()
    said = await world.rest()
    assert "nothing ran" in said[-1].text
    assert said[-1].buttons == {}
    assert world.hands.of(Verb.RUN) == []
    assert world.kept.entries[-1].detail == "withdrawn"


async def test_a_stop_that_overtakes_its_command_is_said_again(world: World) -> None:
    world.hands.says = ends_when_cancelled(world, deaf=1)
    await world.chat.say("/op_exec web-1 tail -f x", OPERATOR)
    await until(lambda: world.hands.of(Verb.RUN))
    await world.chat.press("stop 1", OPERATOR)
    said = await world.rest()
    assert len(world.hands.of(Verb.CANCEL)) == 2
    assert "stopped after" in said[-1].text
    [late] = await world.press("stop 1")
    assert "over already" in late.text


async def test_a_stop_that_comes_while_its_command_goes_out_is_heeded(world: World) -> None:
    gate = world.kept.gates["launch"] = asyncio.Event()
    await world.chat.say("/op_exec web-1 df", OPERATOR)
    await until(lambda: world.kept.rows[1].kept.is_out)
    await world.chat.press("stop 1", OPERATOR)
    gate.set()
    said = await world.rest()
    assert world.hands.of(Verb.RUN) == []
    assert "nothing ran" in said[-1].text


async def test_a_stop_is_said_again_whatever_went_wrong_with_it(world: World) -> None:
    usual = ends_when_cancelled(world, deaf=1)

    def says(asking: Asking) -> Any:
        if asking.verb is Verb.CANCEL and len(world.hands.of(Verb.CANCEL)) == 2:
            raise ZeroDivisionError
        return usual(asking)

    world.hands.says = says
    await world.chat.say("/op_exec web-1 tail -f x", OPERATOR)
    await until(lambda: world.hands.of(Verb.RUN))
    await world.chat.press("stop 1", OPERATOR)
    await until(lambda: len(world.hands.of(Verb.CANCEL)) == 3)
    said = await world.rest()
    assert "stopped after" in said[-1].text


async def test_stop_ends_a_broadcast_on_every_host(world: World) -> None:
    world.hands.says = ends_when_cancelled(world)
    await world.chat.say("/broadcast tail -f x", OPERATOR)
    await until(lambda: world.chat.speaker.said and len(world.hands.of(Verb.RUN)) == 4)
    stop = world.chat.speaker.said[0].buttons["⏹ Stop"]
    await world.chat.press(stop, OPERATOR)
    said = await world.rest()
    ended = next(each for each in reversed(said) if not each.content.attachment)
    assert "⏹ 4 stopped" in ended.text
    assert ended.buttons == {}
    runs = {(each.host, each.job) for each in world.hands.of(Verb.RUN)}
    assert {(each.host, each.arguments["of"]) for each in world.hands.of(Verb.CANCEL)} == runs


async def test_hosts_that_wait_their_turn_are_never_asked_once_a_broadcast_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BROADCAST_AT_ONCE", 1)
    world.hands.says = ends_when_cancelled(world)
    await world.chat.say("/broadcast tail -f x", OPERATOR)
    await until(lambda: world.chat.speaker.said and world.hands.of(Verb.RUN))
    await world.chat.press("stop 1", OPERATOR)
    said = await world.rest()
    ended = next(each for each in reversed(said) if not each.content.attachment)
    assert len(world.hands.of(Verb.RUN)) == 1
    assert "⏹ 1 stopped · ⏹ 3 not begun" in ended.text
    assert world.kept.entries[-1].detail == "0 of 4 ended well, 3 not begun"


async def test_who_may_not_see_a_host_does_not_stop_what_runs_there(world: World) -> None:
    world.hands.says = ends_when_cancelled(world)
    await world.chat.say("/broadcast tail -f x", OPERATOR)
    await until(lambda: len(world.hands.of(Verb.RUN)) == 4)
    world.chat.places.scopes[Destination(GROUP)] = parse_scope(["group=db"])
    before = len(world.chat.speaker.said)
    await world.chat.press("stop 1", OPERATOR, chat=Destination(GROUP), is_private=False)
    assert "over already" in world.chat.speaker.said[before].text
    assert world.hands.of(Verb.CANCEL) == []
    await world.press("stop 1")


async def test_a_stop_that_another_bridge_hears_reaches_the_one_that_follows(world: World) -> None:
    world.hands.says = ends_when_cancelled(world)
    await world.chat.say("/op_exec web-1 tail -f x", OPERATOR)
    await until(lambda: world.hands.of(Verb.RUN))
    await LiveJobs(world.desk).stop(1, EVERYWHERE)
    assert world.hands.of(Verb.CANCEL) == []
    await world.control.live.renew()
    said = await world.rest()
    assert "stopped after" in said[-1].text


async def test_who_has_lost_a_command_to_another_bridge_shows_nothing_more_of_it(
    world: World,
) -> None:
    gate = world.hands.gates["web-1"] = asyncio.Event()
    speaker = world.chat.speaker
    await world.chat.say("/op_exec web-1 tail -f x", OPERATOR)
    await until(lambda: speaker.said and "fine" in speaker.said[-1].text)
    world.chat.now += limits.JOB_LEASE
    other = RunDesk(**{**vars(world.desk), "hands": FakeHands()})
    await Resuming(other, LiveJobs(other)).resume()
    await until(lambda: world.kept.told == [1])
    assert "exit code 0" in speaker.said[-1].text
    before = len(speaker.said)
    gate.set()
    assert await world.rest(before) == []
    assert len(world.kept.entries) == 2


async def test_who_has_lost_a_broadcast_begins_it_on_no_further_host(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BROADCAST_AT_ONCE", 1)
    gates = {host: asyncio.Event() for host in ("web-1", "web-2", "web-3", "db-1")}
    world.hands.gates = gates
    await world.chat.say("/broadcast uptime", OPERATOR)
    await until(lambda: world.hands.of(Verb.RUN))
    world.chat.now += limits.JOB_LEASE
    for gate in gates.values():
        gate.set()
    await world.rest()
    assert len(world.hands.of(Verb.RUN)) == 1


async def test_who_has_lost_a_command_asks_nothing_about_it(world: World) -> None:
    def says(asking: Asking) -> list[wire.Event]:
        world.kept.is_news = False
        return [wire.Refused(job=asking.job, at=0, rule="careful", sentence="it changes …")]

    world.hands.says = says
    said = await world.say("/broadcast restart nginx")
    assert all("✅ Yes, do it" not in each.buttons for each in said)


async def test_an_end_is_told_though_the_store_was_out_for_a_moment(world: World) -> None:
    world.kept.outages["end"] = 3
    said = await world.say("/op_exec web-1 df")
    assert "exit code 0" in said[-1].text
    assert world.kept.told == [1]
    assert len(world.kept.entries) == 2


async def test_an_end_that_the_store_took_without_saying_so_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = world.kept.end
    tries: list[int] = []

    async def end_unheard(number: int, *told: Any, **entry: Any) -> bool:
        is_news = await end(number, *told, **entry)
        tries.append(number)
        if len(tries) == 1:
            raise Outage("the database", "gone")
        return is_news

    monkeypatch.setattr(world.kept, "end", end_unheard)
    said = await world.say("/op_exec web-1 df")
    assert tries == [1, 1]
    assert "exit code 0" in said[-1].text
    assert world.kept.told == [1]
    assert len(world.kept.entries) == 2


async def test_an_end_that_cannot_be_written_is_left_once_the_command_is_lost(
    world: World,
) -> None:
    world.kept.outages["end"] = many = 10_000
    await world.chat.say("/op_exec web-1 df", OPERATOR)
    await until(lambda: world.kept.outages["end"] < many - 2)
    assert list(world.control.live.numbers) == [1]
    world.chat.now += limits.JOB_LEASE
    await world.rest()
    assert list(world.control.live.numbers) == []
    assert world.kept.ended == []


async def test_what_is_told_later_is_not_held_until_then(world: World) -> None:
    def says(asking: Asking) -> list[wire.Event]:
        world.chat.speaker.is_away = True
        return done(job=asking.job)

    world.hands.says = says
    gate = world.kept.gates["postpone"] = asyncio.Event()
    later = world.chat.now + limits.TOLD_AGAIN
    await world.chat.say("/op_exec web-1 df", OPERATOR)
    await until(lambda: world.kept.rows[1].leased_until == later)
    await world.control.live.renew()
    gate.set()
    await world.rest()
    assert world.kept.rows[1].leased_until == later


async def test_broadcasts_count_among_what_runs_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JOBS_AT_ONCE", 1)
    world.hands.says = ends_when_cancelled(world)
    await world.chat.say("/broadcast tail -f x", OPERATOR)
    [said] = await world.chat.say("/op_exec web-1 df", OPERATOR, message_id=501)
    assert "run already" in said.text
    monkeypatch.setattr(limits, "JOBS_AT_ONCE", 50)
    monkeypatch.setattr(limits, "BROADCASTS_AT_ONCE", 1)
    [said] = await world.chat.say("/broadcast df", OPERATOR, message_id=502)
    assert "run already" in said.text
    await world.press("stop 1")


async def test_an_end_that_telegram_did_not_take_is_told_later_and_once(world: World) -> None:
    def says(asking: Asking) -> list[wire.Event]:
        world.chat.speaker.is_away = True
        return done(job=asking.job)

    world.hands.says = says
    await world.say("/op_exec web-1 df")
    assert world.kept.ended == [1]
    assert world.kept.told == []
    world.chat.speaker.is_away = False
    before = len(world.chat.speaker.said)
    for _ in range(5):
        world.chat.now += timedelta(minutes=10)
        await world.resume()
    [told_late] = world.chat.speaker.said[before:]
    assert "exit code 0" in told_late.text
    assert "fine" in told_late.text
    assert told_late.telegram_id == 1, "in its own message"
    assert len(world.hands.asked) == 1, "the end is on disk"


async def test_a_message_follows_its_group_and_stays_one(world: World) -> None:
    gate = world.hands.gates["web-1"] = asyncio.Event()
    await world.chat.say("/op_exec web-1 tail -f x", OPERATOR, GROUP)
    await until(lambda: world.hands.of(Verb.RUN))
    world.chat.speaker.moved_to = -3001
    await until(lambda: world.chat.speaker.said[-1].where.chat_id == -3001)
    gate.set()
    said = await world.rest()
    there = [each for each in said if each.where == Destination(-3001)]
    assert [each.telegram_id is None for each in there].count(True) == 1
    assert "exit code 0" in there[-1].text
    kept = world.kept.rows[1].kept
    assert (kept.chat, kept.telegram_id) == (Destination(-3001), there[-1].telegram_id)


async def test_a_message_goes_on_and_is_found_again_though_its_place_was_not_noted_at_once(
    world: World,
) -> None:
    gate = world.hands.gates["web-1"] = asyncio.Event()
    await world.chat.say("/op_exec web-1 tail -f x", OPERATOR, GROUP)
    await until(lambda: world.hands.of(Verb.RUN))
    world.kept.outages["note_message"] = 1
    world.chat.speaker.moved_to = -3001
    await until(lambda: world.chat.speaker.said[-1].where.chat_id == -3001)
    gate.set()
    said = await world.rest()
    assert "exit code 0" in said[-1].text
    kept = world.kept.rows[1].kept
    assert world.kept.outages["note_message"] == 0
    assert (kept.chat, kept.telegram_id) == (Destination(-3001), said[-1].telegram_id)


async def test_many_long_outputs_are_cut_counted_and_can_be_fetched_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BROADCAST_KEPT_CHARACTERS", 4 * 2 * 100)
    monkeypatch.setattr(limits, "BROADCAST_HOST_CHARACTERS", 100)

    def text_of(host: str) -> str:
        return "".join(f"{number} {host}\n" for number in range(100))

    def says(asking: Asking) -> list[wire.Event]:
        text = text_of(asking.host)
        if asking.verb is Verb.FETCH:
            digest = hashlib.sha256(text.encode()).hexdigest()
            return [wire.Output(at=0, is_error=False, text=text), *told(digest=digest)]
        *events, ended = done(text, job=asking.job)
        assert isinstance(ended, wire.Ended)
        return [*events, wire.Ended(**{**vars(ended), "kept": len(text)})]

    world.hands.says = says
    shown, file = (await world.say("/broadcast cat x"))[-2:]
    assert "a part between was left out" in shown.text
    assert file.content.attachment is not None
    assert "a part between was left out" in file.text
    content = file.content.attachment.content.decode()
    assert f"web-2 · done 0 · -{len(text_of('web-2')) - 200} B" in content
    assert "99 web-2" in content, "the end of it is kept as well as the beginning"
    assert len(content) < 4 * 300
    [whole] = await world.press(shown.buttons["📎 web-2"])
    assert whole.content.attachment is not None
    assert whole.content.attachment.content.decode() == text_of("web-2")
    [order] = world.hands.of(Verb.FETCH)
    assert (order.host, order.arguments["of"]) in {
        (each.host, each.job) for each in world.hands.of(Verb.RUN)
    }
    [none] = await world.press("output 1")
    assert "Nothing is kept" in none.text
