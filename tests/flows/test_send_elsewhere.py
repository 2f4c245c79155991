from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge import limits
from bridge.core.cards import CardFacts, Ending, Member
from bridge.core.outbox import Failed, Reason, Sent
from bridge.core.second_way import Digest, SecondWay, WaitingCard
from bridge.errors import Outage
from bridge.flows.send_elsewhere import Confirm, Confirmed, Pen, Render, send_elsewhere
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.notebook import Notebook

PATIENCE = timedelta(minutes=5)
OUTAGE = Failed(Reason.OUTAGE)


def card(number: int, revision: int = 1) -> WaitingCard:
    member = Member(
        labels={"alertname": "HighLoad", "host": f"web-{number}"},
        annotations={},
        started_at=NOON,
        ended_at=None,
        episode_id=number,
    )
    return number, revision, CardFacts(members=(member,), group_labels={"host": f"web-{number}"})


def render(facts: Sequence[CardFacts], now: datetime) -> Digest:
    del now
    body = "\n".join(each.members[0].host for each in facts)
    return Digest(f"{len(facts)} cards", body, tuple(range(len(facts))))


async def take_for_granted(members: Sequence[Member], now: datetime) -> Confirmed:
    del now
    return tuple(members), {}


async def find_unreachable(members: Sequence[Member], now: datetime) -> Confirmed:
    del now
    found = (
        each if each.is_firing else replace(each, ending=Ending.UNREACHABLE) for each in members
    )
    return tuple(found), {}


async def fail_to_confirm(members: Sequence[Member], now: datetime) -> Confirmed:
    del members, now
    raise ValueError("nobody foresaw this")


class Ways:
    """Destinations that take what they get, but for those that are told to refuse."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.refusing: set[str] = set()
        self.taken: list[tuple[str, str]] = []
        self.before = asyncio.Event()
        self.before.set()
        self.late: list[Callable[[], None]] = []
        self.called = asyncio.Event()

    async def send(
        self, name: str, title: str, body: str, *, taken_late: Callable[[], None]
    ) -> None:
        assert title or "log" in body
        self.late.append(taken_late)
        self.called.set()
        await self.before.wait()
        if name in self.refusing:
            raise Outage("the second way out", f"{name} did not take it")
        self.taken.append((name, body))


class Scene:
    """A bridge and its second way out."""

    def __init__(self) -> None:
        self.clock, self.book, self.ways = FakeClock(), Notebook(), Ways("ntfy")
        self.waiting: list[WaitingCard] = []
        self.second_way = SecondWay(PATIENCE)
        self.confirm: Confirm = take_for_granted
        self.render: Render = render

    def restart(self) -> None:
        self.second_way = SecondWay(PATIENCE)

    async def waiting_cards(self, *, now: datetime) -> list[WaitingCard]:
        del now
        return self.waiting

    async def step(self, after: timedelta = timedelta(0)) -> None:
        self.clock.advance(after)
        await send_elsewhere(
            self.second_way,
            queue=self,
            ways=self.ways,
            pen=Pen(self.confirm, self.render),
            notices=self.book,
            memory=self.book,
            clock=self.clock.now,
            chance=lambda: 1.0,
        )

    async def lose_telegram(self) -> None:
        self.second_way.note_outcome(OUTAGE, self.clock.now())
        await self.step()


async def test_what_waits_goes_elsewhere_as_one_digest_once_the_patience_is_over() -> None:
    scene = Scene()
    scene.waiting = [card(1), card(2)]
    await scene.lose_telegram()
    await scene.step(PATIENCE - limits.SECOND_WAY_PASS)
    assert scene.ways.taken == []
    await scene.step(limits.SECOND_WAY_PASS)
    assert scene.ways.taken == [("ntfy", "web-1\nweb-2")]
    await scene.step(limits.DIGEST_EVERY)
    assert len(scene.ways.taken) == 1


async def test_hours_of_changes_make_one_digest_a_minute() -> None:
    scene = Scene()
    await scene.lose_telegram()
    for step in range(1, 720):
        scene.waiting = [card(1, step)]
        await scene.step(limits.SECOND_WAY_PASS)
    assert len(scene.ways.taken) == 55


async def test_telegram_back_is_told_to_the_chats_with_the_count_and_once() -> None:
    scene = Scene()
    scene.waiting = [card(1), card(2)]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    scene.second_way.note_outcome(Sent(1), scene.clock.now())
    await scene.step(limits.SECOND_WAY_PASS)
    await scene.step(limits.SECOND_WAY_PASS)
    [notice] = scene.book.notices
    assert (notice.since, notice.until, notice.count) == (NOON, NOON + PATIENCE, 2)


async def test_a_restart_in_the_outage_repeats_nothing_and_still_tells_its_end() -> None:
    scene = Scene()
    scene.waiting = [card(1)]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    scene.restart()
    scene.waiting = [card(1), card(2)]
    await scene.step(limits.DIGEST_EVERY)
    assert [body for _, body in scene.ways.taken] == ["web-1", "web-2"]
    scene.restart()
    await scene.step(limits.SECOND_WAY_PASS)
    scene.second_way.note_probe(scene.clock.now(), is_well=True)
    await scene.step()
    assert [notice.count for notice in scene.book.notices] == [2]


async def test_a_restart_within_the_patience_does_not_start_it_anew() -> None:
    scene = Scene()
    scene.waiting = [card(1)]
    await scene.lose_telegram()
    scene.clock.advance(PATIENCE)
    scene.restart()
    await scene.step()
    assert len(scene.ways.taken) == 1


async def test_a_process_that_dies_before_it_remembers_repeats_a_digest_and_loses_none() -> None:
    scene = Scene()
    scene.waiting = [card(1)]
    await scene.lose_telegram()
    scene.book.is_full = True
    with pytest.raises(Outage):
        await scene.step(PATIENCE)
    scene.book.is_full = False
    scene.restart()
    await scene.step(limits.DIGEST_EVERY)
    assert scene.ways.taken == [("ntfy", "web-1"), ("ntfy", "web-1")]


async def test_a_store_that_cannot_be_written_neither_repeats_nor_holds_up_what_it_has() -> None:
    scene = Scene()
    await scene.lose_telegram()
    scene.book.is_full = True
    for number in (1, 2, 3):
        scene.waiting.append(card(number))
        with pytest.raises(Outage):
            await scene.step(PATIENCE)
    assert [body for _, body in scene.ways.taken] == ["web-1", "web-2", "web-3"]


async def test_a_way_that_fails_holds_up_no_other_and_gets_its_digest_later() -> None:
    scene = Scene()
    scene.ways = Ways("mail", "ntfy")
    scene.ways.refusing = {"mail"}
    scene.waiting = [card(1)]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    assert scene.ways.taken == [("ntfy", "web-1")]
    scene.ways.refusing = set()
    scene.waiting = [card(1), card(2)]
    await scene.step(limits.DIGEST_EVERY)
    assert sorted(scene.ways.taken[1:]) == [("mail", "web-1\nweb-2"), ("ntfy", "web-2")]


async def test_an_outage_with_nothing_to_tell_is_silent() -> None:
    scene = Scene()
    await scene.lose_telegram()
    await scene.step(2 * PATIENCE)
    scene.second_way.note_outcome(Sent(1), scene.clock.now())
    await scene.step(limits.SECOND_WAY_PASS)
    assert (scene.ways.taken, scene.book.notices) == ([], [])


async def test_what_a_digest_has_no_room_for_goes_into_the_next() -> None:
    scene = Scene()
    scene.render = lambda facts, now: render(facts[:2], now)
    scene.waiting = [card(number) for number in range(1, 6)]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    for _ in range(5):
        await scene.step(limits.DIGEST_EVERY)
    bodies = [body for _, body in scene.ways.taken]
    assert bodies == ["web-1\nweb-2", "web-3\nweb-4", "web-5"]


async def test_what_several_chats_show_alike_is_taken_for_all_of_them() -> None:
    scene = Scene()
    here, there = card(1), (2, 7, card(1)[2])
    scene.waiting = [here, there]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    await scene.step(limits.DIGEST_EVERY)
    assert scene.ways.taken == [("ntfy", "web-1")]


async def test_what_cannot_be_written_is_never_taken_and_is_said_ever_more_rarely() -> None:
    scene = Scene()
    scene.render = lambda facts, now: Digest("", f"see the log, {len(facts)} {now}", ())
    scene.waiting = [card(1)]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    for _ in range(60):
        await scene.step(limits.DIGEST_EVERY)
    assert 4 <= len(scene.ways.taken) <= 8
    scene.render = render
    await scene.step(limits.DIGEST_BACKOFF_LONGEST)
    assert scene.ways.taken[-1] == ("ntfy", "web-1")


async def test_telegram_back_while_a_digest_is_sent_is_told_as_that_absence() -> None:
    scene = Scene()
    scene.waiting = [card(1)]
    await scene.lose_telegram()
    scene.ways.before.clear()
    sending = asyncio.create_task(scene.step(PATIENCE))
    async with asyncio.timeout(60):
        await scene.ways.called.wait()
    scene.second_way.note_outcome(Sent(1), scene.clock.now())
    scene.ways.before.set()
    await sending
    [notice] = scene.book.notices
    assert (notice.since, notice.until, notice.count) == (NOON, NOON + PATIENCE, 1)


async def test_a_way_that_takes_a_digest_late_does_not_get_it_again() -> None:
    scene = Scene()
    scene.ways.refusing = {"ntfy"}
    scene.waiting = [card(1)]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    scene.ways.late[0]()
    scene.ways.refusing = set()
    scene.waiting = [card(1), card(2)]
    await scene.step(limits.DIGEST_EVERY)
    assert scene.ways.taken == [("ntfy", "web-2")]


def over(number: int) -> WaitingCard:
    card_id, revision, facts = card(number)
    members = tuple(replace(each, ended_at=NOON + PATIENCE) for each in facts.members)
    return card_id, revision, replace(facts, members=members)


def render_endings(facts: Sequence[CardFacts], now: datetime) -> Digest:
    del now
    told = (
        f"{m.host} {m.ending.value if m.ending else ''}" for each in facts for m in each.members
    )
    return Digest("endings", ", ".join(told), tuple(range(len(facts))))


async def test_an_end_is_asked_about_before_it_goes_elsewhere() -> None:
    scene = Scene()
    scene.confirm, scene.render = find_unreachable, render_endings
    scene.waiting = [over(1), card(2), over(3)]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    assert scene.ways.taken == [("ntfy", "web-2 , web-1 unreachable, web-3 unreachable")]


async def test_a_fault_in_asking_keeps_nothing_from_going_elsewhere() -> None:
    scene = Scene()
    scene.confirm, scene.render = fail_to_confirm, render_endings
    scene.waiting = [over(1)]
    await scene.lose_telegram()
    await scene.step(PATIENCE)
    assert scene.ways.taken == [("ntfy", "web-1 ")]


def beside(scene: Scene) -> Scene:
    """Another bridge that shares the store, the clock and the ways."""
    other = Scene()
    other.clock, other.book, other.ways, other.waiting = (
        *(scene.clock, scene.book, scene.ways),
        scene.waiting,
    )
    return other


async def test_of_two_bridges_that_share_a_store_one_sends_a_digest() -> None:
    scene = Scene()
    other = beside(scene)
    await scene.lose_telegram()
    scene.clock.advance(limits.SECOND_WAY_PASS)
    await other.lose_telegram()
    scene.clock.advance(PATIENCE)
    for number in range(1, 4):
        scene.waiting.append(card(number))
        await asyncio.gather(scene.step(), other.step())
        await asyncio.gather(scene.step(limits.SECOND_WAY_PASS), other.step())
        scene.clock.advance(limits.DIGEST_EVERY)
    assert [body for _, body in scene.ways.taken] == ["web-1", "web-2", "web-3"]
    for each in (scene, other):
        each.second_way.note_outcome(Sent(1), scene.clock.now())
        await each.step(limits.SECOND_WAY_PASS)
    assert [notice.count for notice in scene.book.notices] == [3], "and the chats are told once"


async def test_what_one_bridge_cannot_send_another_does_when_it_is_due() -> None:
    scene = Scene()
    other = beside(scene)
    scene.waiting.append(card(1))
    for each in (scene, other):
        await each.lose_telegram()
    scene.ways.refusing = {"ntfy"}
    await scene.step(PATIENCE)
    scene.ways.refusing = set()
    await other.step()
    assert scene.ways.taken == [], "the way has just failed"
    await other.step(limits.DIGEST_EVERY)
    assert scene.ways.taken == [("ntfy", "web-1")]
