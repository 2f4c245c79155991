from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.cards import UnreadableFacts
from bridge.core.outbox import Claimed, Failed, Form, Reason, Sent, Waiting, judge
from bridge.core.pacing import choose
from tests.fakes.clock import NOON

SECOND = timedelta(seconds=1)
MESSAGE = Claimed(
    id=1,
    destination=Destination(5),
    revision=2,
    telegram_id=77,
    form=Form.FORMATTED,
    attempts=0,
    waiting_since=NOON,
    facts=UnreadableFacts(raw="", fault=""),
)
WAITING = Waiting(
    id=1, destination=Destination(5), due_at=NOON, leased_until=None, chat_paused_until=None
)


def test_a_shown_message_keeps_its_number_and_is_formatted_next_time() -> None:
    verdict = judge(replace(MESSAGE, form=Form.PLAIN), Sent(78), now=NOON, jitter=0)
    assert (verdict.shown, verdict.telegram_id, verdict.form) == (True, 78, Form.FORMATTED)


def test_a_rate_limit_is_waited_out_exactly_and_holds_the_whole_chat() -> None:
    verdict = judge(MESSAGE, Failed(Reason.RATE_LIMIT, wait=5 * SECOND), now=NOON, jitter=1)
    assert verdict.due_at == verdict.pause_chat_until == NOON + 5 * SECOND


def test_a_refused_text_is_tried_at_once_in_plain_form_and_then_rarely() -> None:
    first = judge(MESSAGE, Failed(Reason.BAD_MESSAGE), now=NOON, jitter=0)
    assert (first.form, first.due_at) == (Form.PLAIN, NOON)
    plain = replace(MESSAGE, form=Form.PLAIN)
    second = judge(plain, Failed(Reason.BAD_MESSAGE), now=NOON, jitter=0)
    assert second.due_at == NOON + limits.BACKOFF_REFUSED


def test_a_card_that_is_gone_from_the_chat_is_shown_anew_at_once() -> None:
    verdict = judge(MESSAGE, Failed(Reason.MESSAGE_GONE), now=NOON, jitter=0)
    assert (verdict.telegram_id, verdict.due_at) == (None, NOON)


@pytest.mark.parametrize("reason", [Reason.OUTAGE, Reason.NOT_AUTHORISED])
def test_waits_grow_to_a_minute_and_no_message_is_ever_given_up(reason: Reason) -> None:
    waits = [
        judge(replace(MESSAGE, attempts=tries), Failed(reason), now=NOON, jitter=1).due_at - NOON
        for tries in (0, 1, 5, 500)
    ]
    assert waits == [SECOND, 2 * SECOND, 32 * SECOND, limits.BACKOFF_LONGEST]
    verdict = judge(replace(MESSAGE, attempts=500), Failed(reason), now=NOON, jitter=0)
    assert not verdict.shown
    assert verdict.telegram_id == 77


def test_one_message_a_chat_goes_at_a_time_the_oldest_first() -> None:
    other = replace(WAITING, id=3, destination=Destination(6))
    assert choose([WAITING, replace(WAITING, id=2), other], now=NOON) == [1, 3]


def test_nothing_goes_to_a_chat_while_a_message_is_under_way_there() -> None:
    under_way = replace(WAITING, id=2, leased_until=NOON + SECOND)
    assert choose([WAITING, under_way], now=NOON) == []
    assert choose([WAITING, under_way], now=NOON + 2 * SECOND) == [1]


def test_a_message_that_must_wait_lets_the_next_one_of_its_chat_pass() -> None:
    later = replace(WAITING, due_at=NOON + SECOND)
    assert choose([later, replace(WAITING, id=2)], now=NOON) == [2]


def test_a_paused_chat_gets_nothing_and_holds_up_nobody() -> None:
    paused = replace(WAITING, chat_paused_until=NOON + SECOND)
    other = replace(WAITING, id=3, destination=Destination(6))
    assert choose([paused, other], now=NOON) == [3]
    assert choose([paused, other], now=NOON + SECOND) == [1, 3]


def test_a_chat_whose_message_is_still_under_way_gets_no_other_whatever_the_clock_says() -> None:
    lapsed = replace(WAITING, leased_until=NOON - SECOND)
    other = replace(WAITING, id=3, destination=Destination(6))
    assert choose([lapsed, other], now=NOON, under_way={5}) == [3]


def test_an_absurd_wait_is_bounded() -> None:
    absurd = Failed(Reason.RATE_LIMIT, wait=timedelta(days=999_999_999))
    verdict = judge(MESSAGE, absurd, now=NOON, jitter=0)
    assert verdict.due_at == NOON + limits.RATE_LIMIT_LONGEST
