from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import CardFacts, Ending, Member, UnreadableFacts
from bridge.core.formatted import Content, Formatted
from bridge.core.outbox import Claimed, Form, Kind, Outcome, Reason, Verdict
from bridge.core.rings import RingFacts, RingKind
from bridge.errors import Outage
from bridge.flows.show_message import Confirm, Confirmed, Messenger, Render, show_message
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.telegram import FakeTelegram

MESSAGE = Claimed(
    id=1,
    kind=Kind.UNREADABLE,
    destination=Destination(5),
    revision=1,
    telegram_id=None,
    form=Form.FORMATTED,
    attempts=0,
    waiting_since=NOON,
    facts=UnreadableFacts(raw="", fault=""),
)
OVER = Member(
    labels={"host": "web-1"},
    annotations={},
    started_at=NOON,
    ended_at=NOON + timedelta(minutes=1),
    episode_id=7,
)
CARD = replace(MESSAGE, kind=Kind.CARD, facts=CardFacts(members=(OVER,), group_labels={}))


@dataclass
class FakeOutbox:
    """Remembers verdicts, after as many outages as it is told to have."""

    outages: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    endings: list[Mapping[int, Ending]] = field(default_factory=list)

    async def settle(
        self,
        message: Claimed,
        verdict: Verdict,
        *,
        endings: Mapping[int, Ending],
        now: datetime,
    ) -> None:
        """Fail or remember."""
        del message, now
        if self.outages:
            self.outages -= 1
            raise Outage("database", "the disk is full")
        self.verdicts.append(verdict)
        self.endings.append(endings)


class StrangeTelegram:
    """Raises what no library documents."""

    async def show(
        self,
        destination: Destination,
        telegram_id: int | None,
        content: Content,
        *,
        is_loud: bool,
        reply_to: int | None,
    ) -> Outcome:
        """Fail."""
        del destination, telegram_id, content, is_loud, reply_to
        raise RuntimeError("nobody foresaw this")


def render(message: Claimed, now: datetime) -> Content:
    del now
    facts = message.facts
    members = facts.members if isinstance(facts, CardFacts | BoardFacts | RingFacts) else ()
    endings = [each.ending.value for each in members if each.ending]
    return Content(text=Formatted(" ".join(["text", *endings])))


def fail_to_render(message: Claimed, now: datetime) -> Content:
    del message, now
    raise ValueError("nobody foresaw this")


async def take_for_granted(members: Sequence[Member], now: datetime) -> Confirmed:
    del now
    return tuple(members), {}


async def find_unreachable(members: Sequence[Member], now: datetime) -> Confirmed:
    del now
    found = tuple(replace(each, ending=Ending.UNREACHABLE) for each in members)
    return found, {each.episode_id: Ending.UNREACHABLE for each in members}


async def fail_to_confirm(members: Sequence[Member], now: datetime) -> Confirmed:
    del members, now
    raise ValueError("nobody foresaw this")


async def show(
    outbox: FakeOutbox,
    messenger: Messenger,
    render: Render = render,
    message: Claimed = MESSAGE,
    confirm: Confirm = take_for_granted,
) -> Verdict:
    clock = FakeClock()
    async with asyncio.timeout(2):
        return await show_message(
            message,
            confirm=confirm,
            render=render,
            messenger=messenger,
            outbox=outbox,
            clock=clock.now,
            sleep=clock.sleep,
            chance=lambda: 1,
        )


async def test_a_store_that_fails_after_telegram_has_answered_does_not_show_it_twice() -> None:
    outbox, telegram = FakeOutbox(outages=3), FakeTelegram()
    verdict = await show(outbox, telegram)
    assert len(telegram.calls) == 1
    assert outbox.verdicts == [verdict]
    assert verdict.shown


async def test_a_message_that_cannot_be_written_makes_room_for_the_next_one() -> None:
    outbox, telegram = FakeOutbox(), FakeTelegram()
    verdict = await show(outbox, telegram, fail_to_render)
    assert outbox.verdicts == [verdict]
    assert (verdict.shown, verdict.reason) == (False, Reason.UNFORESEEN)
    assert verdict.form is Form.PLAIN
    again = replace(MESSAGE, form=Form.PLAIN)
    second = await show(FakeOutbox(), telegram, fail_to_render, again)
    assert second.due_at == NOON + limits.BACKOFF_REFUSED


async def test_a_messenger_that_fails_unforeseen_is_settled_like_any_failure() -> None:
    outbox = FakeOutbox()
    verdict = await show(outbox, StrangeTelegram())
    assert outbox.verdicts == [verdict]
    assert verdict.reason is Reason.UNFORESEEN
    assert verdict.due_at - NOON <= timedelta(minutes=10)


async def test_a_message_that_is_shown_is_settled_as_shown() -> None:
    outbox, telegram = FakeOutbox(), FakeTelegram()
    verdict = await show(outbox, telegram)
    assert (verdict.shown, verdict.telegram_id, verdict.is_whole) == (True, 1, True)


async def test_what_was_left_out_is_settled_with_the_message() -> None:
    def cut(message: Claimed, now: datetime) -> Content:
        return replace(render(message, now), is_whole=False)

    assert not (await show(FakeOutbox(), FakeTelegram(), cut)).is_whole


async def test_a_message_goes_as_loud_and_to_the_place_it_was_claimed_for() -> None:
    telegram = FakeTelegram()
    loud = replace(MESSAGE, is_loud=True, reply_to=44)
    await show(FakeOutbox(), telegram, message=loud)
    [call] = telegram.calls
    assert (call.destination, call.is_loud, call.reply_to) == (Destination(5), True, 44)


async def test_an_end_is_asked_about_before_it_is_said_and_the_answer_is_kept() -> None:
    outbox, telegram = FakeOutbox(), FakeTelegram()
    await show(outbox, telegram, message=CARD, confirm=find_unreachable)
    assert telegram.calls[0].text == "text unreachable"
    assert outbox.endings == [{7: Ending.UNREACHABLE}]


async def test_the_ends_on_a_board_are_asked_about_too() -> None:
    facts = BoardFacts(
        state=BoardState.STORM, opened_at=NOON, over_at=None, arrived=1, members=(OVER,)
    )
    telegram = FakeTelegram()
    board = replace(MESSAGE, kind=Kind.BOARD, facts=facts)
    await show(FakeOutbox(), telegram, message=board, confirm=find_unreachable)
    assert telegram.calls[0].text == "text unreachable"


async def test_nor_does_a_ring_say_unasked_that_all_is_well() -> None:
    facts = RingFacts(kind=RingKind.RESOLVED, members=(OVER,), firing=0, at=NOON)
    outbox, telegram = FakeOutbox(), FakeTelegram()
    ring = replace(MESSAGE, kind=Kind.RING, facts=facts)
    await show(outbox, telegram, message=ring, confirm=find_unreachable)
    assert telegram.calls[0].text == "text unreachable"
    assert outbox.endings == [{7: Ending.UNREACHABLE}]


async def test_what_has_no_ends_asks_nobody() -> None:
    outbox, telegram = FakeOutbox(), FakeTelegram()
    await show(outbox, telegram, confirm=fail_to_confirm)
    assert (len(telegram.calls), outbox.endings) == (1, [{}])


async def test_a_fault_in_asking_does_not_hold_up_the_card() -> None:
    outbox, telegram = FakeOutbox(), FakeTelegram()
    verdict = await show(outbox, telegram, message=CARD, confirm=fail_to_confirm)
    assert verdict.shown
    assert telegram.calls[0].text == "text"
