"""After a restart every job that was begun gets one true end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from agent import wire
from bridge.core.audience import Destination
from bridge.core.inventory import parse_inventory
from bridge.core.jobs import State
from bridge.core.kept_jobs import KeptJob, Kind, write_jobs
from bridge.errors import Outage, Refused
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.live_jobs import LiveJobs
from bridge.inbound.chat.resuming import Resuming
from bridge.views.voice import Voice, Voices
from tests.fakes.chat import NOON, FakeSpeaker
from tests.fakes.hands import Asking, FakeHands, done, told
from tests.fakes.kept import FakeKept, Row

INVENTORY = parse_inventory("a 192.0.2.1:9100 192.0.2.1:8001\nb 192.0.2.2:9100 192.0.2.2:8001")
CHAT = Destination(-5)


def kept(*hosts: str, **changes: Any) -> KeptJob:
    told: dict[str, Any] = {"at": NOON, "telegram_id": 44, "out_at": NOON, **changes}
    return KeptJob(key=hosts[0] * 32, hosts=hosts, command="df", chat=CHAT, who=7, **told)


class Scene:
    def __init__(self, *jobs: KeptJob) -> None:
        self.now = NOON + timedelta(seconds=30)
        self.hands, self.speaker = FakeHands(), FakeSpeaker()
        self.kept = FakeKept({number: Row(job) for number, job in enumerate(jobs, 1)})
        self.voices = Voices(lambda _, fault: pytest.fail(str(fault)))
        self.errands: list[asyncio.Task[None]] = []
        desk = RunDesk(
            hands=self.hands,
            speaker=self.speaker,
            kept=self.kept,
            inventory=lambda: INVENTORY,
            find_voice=self.find_voice,
            start=self.start,
            clock=lambda: self.now,
            sleep=lambda _: asyncio.sleep(0),
        )
        self.live = LiveJobs(desk)
        self.resuming = Resuming(desk, self.live)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.errands.append(asyncio.ensure_future(work))

    async def find_voice(self, _: Destination) -> Voice:
        return self.voices.create("en", UTC, self.now)

    async def resume(self) -> list[str]:
        await self.resuming.resume()
        while left := [each for each in self.errands if not each.done()]:
            await asyncio.gather(*left)
        return [each.text for each in self.speaker.said]


def forgotten(asking: Asking) -> list[wire.Event]:
    return [wire.Refused(job=asking.job, at=0, rule="unknown", sentence="no such job")]


async def test_an_end_is_shown_in_the_jobs_own_message_and_written_down() -> None:
    scene = Scene(kept("a"))
    [said] = await scene.resume()
    assert "exit code 0" in said
    assert scene.speaker.said[0].telegram_id == 44
    assert "told after a restart" in scene.kept.entries[-1].detail
    assert scene.hands.asked[0].job == "a" * 32
    assert await scene.resume() == [said], "once"


async def test_a_job_that_somebody_follows_is_left_to_them() -> None:
    scene = Scene(kept("a"))
    async with scene.live.hold(1, kept("a")):
        assert await scene.resume() == []
    assert scene.hands.asked == []


async def test_an_end_that_somebody_else_has_written_is_not_told_again() -> None:
    scene = Scene(kept("a"))
    scene.kept.is_news = False
    assert await scene.resume() == []


async def test_a_host_that_is_away_may_come_back_and_is_not_waited_for_for_ever() -> None:
    scene = Scene(kept("a"))
    scene.hands.says = lambda _: Outage("a", "refused")
    assert await scene.resume() == []
    assert scene.kept.ended == []
    scene.now += timedelta(hours=1)
    [said] = await scene.resume()
    assert "not known" in said
    assert "nothing ran" not in said


async def test_a_host_that_knows_nothing_of_a_job_is_not_told_of_as_having_refused_it() -> None:
    scene = Scene(kept("a", out_at=NOON - timedelta(hours=1)))
    scene.hands.says = forgotten
    [said] = await scene.resume()
    assert "not known" in said
    assert "does not do that" not in said
    assert scene.kept.entries[-1].outcome.value == "failed"


@pytest.mark.parametrize(
    ("rule", "words"), [("start", "does not do that"), ("fault", "not known"), ("", "not known")]
)
async def test_only_a_host_that_could_not_start_a_job_has_refused_it(rule: str, words: str) -> None:
    scene = Scene(kept("a", out_at=NOON - timedelta(hours=1)))
    said = [wire.Refused(job="", at=0, rule=rule, sentence="no such program")]
    scene.hands.says = lambda _: said if rule else Refused("a refuses the order: it is late")
    [shown] = await scene.resume()
    assert words in shown


async def test_one_host_that_says_nonsense_keeps_no_others_end_away() -> None:
    scene = Scene(kept("a"), kept("b"))

    def says(asking: Asking) -> list[wire.Event]:
        if asking.host == "a":
            raise ZeroDivisionError
        return done()

    scene.hands.says = says
    [said] = await scene.resume()
    assert "b" in said
    assert scene.kept.ended == [2]


async def test_what_never_went_out_is_told_of_as_not_run_and_no_host_is_asked() -> None:
    scene = Scene(kept("a", out_at=None), kept("b", kind=Kind.CLOSE, port=80, out_at=None))
    run, closed = await scene.resume()
    assert "nothing ran" in run
    assert "Nothing was ended" in closed
    assert scene.hands.asked == []
    assert [each.outcome.value for each in scene.kept.entries] == ["failed", "failed"]


async def test_a_listener_is_not_ended_a_second_time() -> None:
    scene = Scene(kept("a", kind=Kind.CLOSE, port=8080))
    [said] = await scene.resume()
    assert "not known; /op_port a" in said
    assert scene.hands.asked == []
    assert scene.kept.entries[0].on == "a tcp:8080"
    assert "silent" in scene.kept.entries[0].detail


async def test_every_host_of_a_broadcast_is_asked_and_one_end_is_told_for_all() -> None:
    scene = Scene(kept("a", "b", kind=Kind.BROADCAST))
    scene.hands.says = lambda asking: Outage("b", "refused") if asking.host == "b" else done()
    assert await scene.resume() == [], "b may come back and tell"
    scene.now += timedelta(minutes=1)
    await scene.resume()
    assert [each.host for each in scene.hands.asked].count("a") == 1, "it has told already"
    scene.now += timedelta(hours=1)
    said = await scene.resume()
    [whole] = [each for each in said if "2 of 2 hosts" in each]
    assert "✅ 1" in whole
    assert "❔ 1 no answer" in whole
    assert [each.detail for each in scene.kept.entries] == [
        "1 of 2 ended well, 1 not known, told after a restart"
    ]
    names = {each.job for each in scene.hands.asked}
    assert names == {kept("a", "b", kind=Kind.BROADCAST).name_on(host) for host in ("a", "b")}


async def test_an_end_on_disk_that_nobody_was_told_of_is_told_once_and_no_host_is_asked() -> None:
    scene = Scene(kept("a"))
    row = scene.kept.rows[1]
    jobs = [
        replace(each, state=State.DONE, exit_status=3, head="x\n")
        for each in row.kept.create_jobs()
    ]
    row.ending, row.ended_at = write_jobs(jobs), NOON
    scene.speaker.is_away = True
    assert await scene.resume() == []
    scene.speaker.is_away = False
    assert await scene.resume() == [], "not at once"
    scene.now += timedelta(minutes=1)
    [said] = await scene.resume()
    assert "exit code 3" in said
    assert scene.kept.told == [1]
    scene.now += timedelta(hours=1)
    assert await scene.resume() == [said], "once"
    assert scene.hands.asked == []
    assert scene.kept.entries == [], "the audit has it already"


async def test_what_was_stopped_while_nobody_followed_it_is_stopped_before_it_is_followed() -> None:
    scene = Scene(kept("a", is_unwanted=True))
    gate = scene.hands.gates["a"] = asyncio.Event()

    def says(asking: Asking) -> list[wire.Event]:
        if asking.verb is wire.Verb.CANCEL:
            gate.set()
            return told(stopped=True)
        return done()

    scene.hands.says = says
    await scene.resume()
    [cancel] = scene.hands.of(wire.Verb.CANCEL)
    assert cancel.arguments == {"of": "a" * 32}
    assert scene.kept.told == [1]
