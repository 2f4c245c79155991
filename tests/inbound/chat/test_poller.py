"""The ear: each update is acted on once, whatever Telegram repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bridge.core.arrivals import Arrival
from bridge.core.updates import Incoming
from bridge.errors import Outage
from bridge.inbound.chat.poller import Poller
from tests.fakes.chat import NOON
from tests.inbound.chat.identities import message, person


@dataclass(frozen=True)
class Left:
    incoming: Incoming
    was_begun: bool
    received_at: datetime = NOON


@dataclass
class FakeUpdates:
    known: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    failures: int = 0

    async def put(self, batch: Sequence[Incoming], *, now: datetime) -> Sequence[Incoming]:
        del now
        fresh = [each for each in batch if each.update_id not in self.known]
        self.known |= {each.update_id: each.body for each in fresh}
        return fresh

    async def offset(self, *, now: datetime) -> int | None:
        del now
        return max(self.known) + 1 if self.known else None

    async def begin(self, update_id: int, *, now: datetime) -> bool:
        del now
        if self.failures:
            self.failures -= 1
            raise Outage("database", "locked")
        is_first = update_id not in self.begun
        self.begun.append(update_id)
        return is_first

    async def unfinished(self, *, now: datetime) -> Sequence[Left]:
        del now
        return [
            Left(Incoming(number, body), number in self.begun)
            for number, body in self.known.items()
            if number not in self.done
        ]

    async def finish(self, update_id: int, *, now: datetime) -> None:
        del now
        self.done.append(update_id)


class Scene:
    def __init__(self, *batches: Sequence[Incoming]) -> None:
        self.batches = list(batches)
        self.offsets: list[int | None] = []
        self.slept = 0
        self.updates = FakeUpdates()
        self.taken: list[Arrival] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.poller = Poller(
            self, self.updates, self.take, start=self.start, now=lambda: NOON, sleep=self.sleep
        )

    async def sleep(self, seconds: float) -> None:
        self.slept += 1
        del seconds

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def fetch(self, offset: int | None) -> Sequence[Incoming]:
        self.offsets.append(offset)
        return self.batches.pop(0)

    async def take(self, arrival: Arrival) -> None:
        self.taken.append(arrival)
        await asyncio.sleep(0)
        if arrival.text == "/fail":
            raise Outage("Telegram", "away")
        if arrival.text == "/crash":
            raise ZeroDivisionError

    async def listen(self) -> None:
        await self.poller.listen()
        await asyncio.gather(*self.tasks)


def told(number: int, text: str, user_id: int = 13) -> Incoming:
    return Incoming(
        number, {"update_id": number, "message": message(text, {"from": person(user_id)})}
    )


async def test_an_update_is_written_down_before_it_is_confirmed() -> None:
    scene = Scene([told(7, "/a")], [])
    await scene.listen()
    await scene.listen()
    assert scene.offsets == [None, 8]
    assert [each.text for each in scene.taken] == ["/a"]


async def test_what_telegram_repeats_is_acted_on_once() -> None:
    scene = Scene([told(7, "/a")], [told(7, "/a"), told(8, "/b")])
    await scene.listen()
    await scene.listen()
    assert [each.text for each in scene.taken] == ["/a", "/b"]
    assert scene.updates.done == [7, 8]


async def test_what_one_person_sends_is_acted_on_in_order() -> None:
    scene = Scene([told(number, f"/{number}") for number in range(20)])
    await scene.listen()
    assert [each.text for each in scene.taken] == [f"/{number}" for number in range(20)]


async def test_a_failure_holds_up_nobody() -> None:
    scene = Scene([told(1, "/fail"), told(2, "/next"), told(3, "/other", 14)])
    await scene.listen()
    assert {each.text for each in scene.taken} == {"/fail", "/next", "/other"}


async def test_what_asks_nothing_is_confirmed_and_not_written_down() -> None:
    scene = Scene([told(7, "/a"), told(8, "talk"), Incoming(9, {"update_id": 9, "odd": {}})], [])
    await scene.listen()
    await scene.listen()
    assert list(scene.updates.known) == [7]
    assert scene.offsets == [None, 10]


async def test_a_store_that_stumbles_strands_nothing() -> None:
    scene = Scene([told(1, "/a")])
    scene.updates.failures = 3
    await scene.listen()
    assert [each.text for each in scene.taken] == ["/a"]
    assert scene.slept == 3


async def test_what_fails_unforeseen_is_finished_and_does_not_come_again() -> None:
    scene = Scene([told(1, "/crash")])
    await scene.listen()
    assert scene.updates.done == [1]


async def test_what_was_written_down_by_a_write_that_seemed_to_fail_is_taken_up() -> None:
    scene = Scene()
    scene.updates.known = {3: told(3, "/late").body}
    await scene.poller.sweep()
    await asyncio.gather(*scene.tasks)
    assert [(each.text, each.is_interrupted) for each in scene.taken] == [("/late", False)]


async def test_what_is_under_way_is_not_taken_up_a_second_time() -> None:
    scene = Scene([told(1, "/a")])
    await scene.poller.listen()
    await scene.poller.sweep()
    await asyncio.gather(*scene.tasks)
    assert len(scene.taken) == 1


async def test_after_a_restart_what_was_left_is_done_and_what_was_begun_is_marked() -> None:
    scene = Scene()
    scene.updates.known = {each.update_id: each.body for each in (told(1, "/a"), told(2, "/b"))}
    scene.updates.begun = [1]
    await scene.poller.sweep()
    await asyncio.gather(*scene.tasks)
    assert [(each.text, each.is_interrupted) for each in scene.taken] == [
        ("/a", True),
        ("/b", False),
    ]
    assert scene.updates.done == [1, 2]
