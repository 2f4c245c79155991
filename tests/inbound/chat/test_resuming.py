"""After a restart every job that was begun gets one true end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any

import pytest

from agent import wire
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.inventory import parse_inventory
from bridge.core.jobs import KeptJob
from bridge.errors import Outage
from bridge.inbound.chat.resuming import Resuming
from bridge.views.voice import Voice, Voices
from tests.fakes.chat import NOON, FakeSpeaker
from tests.fakes.hands import Asking, FakeHands, done

INVENTORY = parse_inventory("a 192.0.2.1:9100 192.0.2.1:8001\nb 192.0.2.2:9100 192.0.2.2:8001")
CHAT = Destination(-5)


def kept(host: str, **changes: Any) -> KeptJob:
    told: dict[str, Any] = {"at": NOON, "telegram_id": 44, **changes}
    return KeptJob(key=host * 32, host=host, command="df", chat=CHAT, who=7, **told)


@dataclass
class FakeKept:
    """Jobs that were begun; `is_news` is whether nobody else has written an end meanwhile."""

    left: dict[int, KeptJob]
    is_news: bool = True
    ended: dict[int, Entry] = field(default_factory=dict)

    async def unfinished(self) -> list[tuple[int, KeptJob]]:
        return [each for each in self.left.items() if each[0] not in self.ended]

    async def end(self, number: int, *, entry: Entry) -> bool:
        self.ended[number] = entry
        return self.is_news


class Scene:
    def __init__(self, *jobs: KeptJob) -> None:
        self.now = NOON + timedelta(seconds=30)
        self.hands, self.speaker = FakeHands(), FakeSpeaker()
        self.kept = FakeKept(dict(enumerate(jobs, 1)))
        self.voices = Voices(lambda _, fault: pytest.fail(str(fault)))
        self.resuming = Resuming(
            hands=self.hands,
            speaker=self.speaker,
            kept=self.kept,
            inventory=lambda: INVENTORY,
            find_voice=self.find_voice,
            clock=lambda: self.now,
        )

    async def find_voice(self, _: Destination) -> Voice:
        return self.voices.create("en", UTC, self.now)

    async def resume(self, *running: int) -> list[str]:
        await self.resuming.resume(lambda number, _: number in running)
        return [each.text for each in self.speaker.said]


def forgotten(asking: Asking) -> list[wire.Event]:
    return [wire.Refused(job=asking.job, at=0, rule="unknown", sentence="no such job")]


async def test_an_end_is_shown_in_the_jobs_own_message_and_written_down() -> None:
    scene = Scene(kept("a"))
    [said] = await scene.resume()
    assert "exit code 0" in said
    assert scene.speaker.said[0].telegram_id == 44
    assert "told after a restart" in scene.kept.ended[1].detail
    assert scene.hands.asked[0].job == "a" * 32
    assert await scene.resume() == [said], "once"


async def test_a_job_that_somebody_follows_is_left_to_them() -> None:
    scene = Scene(kept("a"))
    assert await scene.resume(1) == []
    assert scene.hands.asked == []


async def test_an_end_that_somebody_else_has_written_is_not_told_again() -> None:
    scene = Scene(kept("a"))
    scene.kept.is_news = False
    assert await scene.resume() == []


async def test_a_host_that_is_away_may_come_back_and_is_not_waited_for_for_ever() -> None:
    scene = Scene(kept("a"))
    scene.hands.says = lambda _: Outage("a", "refused")
    assert await scene.resume() == []
    assert scene.kept.ended == {}
    scene.now += timedelta(hours=1)
    [said] = await scene.resume()
    assert "not known" in said
    assert "nothing ran" not in said


async def test_a_host_that_knows_nothing_of_a_job_is_not_told_of_as_having_refused_it() -> None:
    scene = Scene(kept("a", at=NOON - timedelta(hours=1)))
    scene.hands.says = forgotten
    [said] = await scene.resume()
    assert "not known" in said
    assert "does not do that" not in said
    assert scene.kept.ended[1].outcome.value == "failed"


async def test_one_host_that_says_nonsense_keeps_no_others_end_away() -> None:
    scene = Scene(kept("a"), kept("b"))

    def says(asking: Asking) -> list[wire.Event]:
        if asking.host == "a":
            raise ZeroDivisionError
        return done()

    scene.hands.says = says
    [said] = await scene.resume()
    assert "b" in said
    assert list(scene.kept.ended) == [2]
