from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.cards import UnreadableFacts
from bridge.core.outbox import Claimed, Failed, Form, Kind, Reason, Sent, Verdict, judge
from tests.fakes.clock import NOON

SECOND = timedelta(seconds=1)
MESSAGE = Claimed(
    id=1,
    kind=Kind.CARD,
    destination=Destination(-5),
    revision=2,
    telegram_id=77,
    form=Form.FORMATTED,
    attempts=0,
    waiting_since=NOON,
    facts=UnreadableFacts(raw="", fault=""),
)


def judged(failed: Failed, message: Claimed = MESSAGE, *, jitter: float = 0) -> Verdict:
    return judge(message, failed, now=NOON, jitter=jitter)


def test_a_shown_message_keeps_its_number_and_is_formatted_next_time() -> None:
    verdict = judge(replace(MESSAGE, form=Form.PLAIN), Sent(78), now=NOON, jitter=0)
    assert (verdict.shown, verdict.telegram_id, verdict.form) == (True, 78, Form.FORMATTED)
    assert (verdict.pause_chat_until, verdict.is_broken, verdict.reason) == (None, False, None)


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_was_left_out_of_a_shown_message_is_remembered(is_whole: bool) -> None:  # noqa: FBT001
    verdict = judge(MESSAGE, Sent(77), now=NOON, jitter=0, is_whole=is_whole)
    assert verdict.is_whole is is_whole


def test_a_rate_limit_is_waited_out_exactly_and_holds_the_whole_chat() -> None:
    verdict = judged(Failed(Reason.RATE_LIMIT, wait=5 * SECOND), jitter=1)
    assert verdict.due_at == verdict.pause_chat_until == NOON + 5 * SECOND


def test_an_absurd_wait_is_bounded() -> None:
    verdict = judged(Failed(Reason.RATE_LIMIT, wait=timedelta(days=999_999_999)))
    assert verdict.due_at == verdict.pause_chat_until == NOON + limits.RATE_LIMIT_LONGEST


@pytest.mark.parametrize("reason", [Reason.BAD_MESSAGE, Reason.UNFORESEEN])
def test_a_refused_text_is_tried_at_once_in_plain_form_and_then_rarely(reason: Reason) -> None:
    first = judged(Failed(reason))
    assert (first.form, first.due_at) == (Form.PLAIN, NOON)
    second = judged(Failed(reason), replace(MESSAGE, form=Form.PLAIN, attempts=500))
    assert (second.form, second.due_at) == (Form.PLAIN, NOON + limits.BACKOFF_REFUSED)
    for verdict in (first, second):
        assert (verdict.pause_chat_until, verdict.telegram_id) == (None, 77)
        assert (verdict.shown, verdict.is_broken) == (False, False)


def test_a_card_that_is_gone_from_the_chat_is_shown_anew_at_once() -> None:
    verdict = judged(Failed(Reason.MESSAGE_GONE))
    assert (verdict.telegram_id, verdict.due_at, verdict.is_broken) == (None, NOON, False)


@pytest.mark.parametrize("reason", [Reason.CHAT_REFUSES, Reason.TOPIC_GONE])
def test_a_destination_that_takes_nothing_is_broken_and_its_message_keeps_waiting(
    reason: Reason,
) -> None:
    verdict = judged(Failed(reason, detail="Forbidden: bot was blocked by the user"))
    assert verdict.is_broken
    assert (verdict.shown, verdict.due_at, verdict.pause_chat_until) == (False, NOON, None)
    assert (verdict.telegram_id, verdict.form) == (77, Form.FORMATTED)
    assert (verdict.reason, verdict.detail) == (reason, "Forbidden: bot was blocked by the user")


def test_a_group_that_has_moved_is_followed_at_once_and_its_messages_are_shown_anew() -> None:
    verdict = judged(Failed(Reason.MIGRATED, moved_to=-1005))
    assert (verdict.moved_to, verdict.telegram_id, verdict.due_at) == (-1005, None, NOON)
    assert (verdict.shown, verdict.is_broken) == (False, False)


def test_a_group_that_has_moved_nobody_says_where_is_broken() -> None:
    verdict = judged(Failed(Reason.MIGRATED))
    assert (verdict.moved_to, verdict.is_broken, verdict.due_at) == (None, True, NOON)


@pytest.mark.parametrize("reason", [Reason.OUTAGE, Reason.NOT_AUTHORISED, Reason.RATE_LIMIT])
def test_waits_grow_to_a_minute_and_no_message_is_ever_given_up(reason: Reason) -> None:
    verdicts = [
        judged(Failed(reason), replace(MESSAGE, attempts=tries), jitter=1)
        for tries in (0, 1, 4, 500)
    ]
    waits = [verdict.due_at - NOON for verdict in verdicts]
    assert waits == [2 * SECOND, 4 * SECOND, 32 * SECOND, limits.BACKOFF_LONGEST]
    assert not any(verdict.shown or verdict.is_broken for verdict in verdicts)
    assert {verdict.telegram_id for verdict in verdicts} == {77}


@pytest.mark.parametrize("reason", [Reason.OUTAGE, Reason.NOT_AUTHORISED])
@pytest.mark.parametrize("jitter", [0, 0.5, 1])
@pytest.mark.parametrize("attempts", [0, 3, 500])
def test_a_message_that_alone_breaks_the_connection_lets_its_chat_go_on_before_it(
    reason: Reason, jitter: float, attempts: int
) -> None:
    verdict = judged(Failed(reason), replace(MESSAGE, attempts=attempts), jitter=jitter)
    assert verdict.pause_chat_until is not None
    assert NOON < verdict.pause_chat_until < verdict.due_at
    assert verdict.due_at - NOON == 2 * (verdict.pause_chat_until - NOON)


def test_messages_that_failed_together_do_not_come_back_together() -> None:
    dues = [judged(Failed(Reason.OUTAGE), jitter=jitter).due_at for jitter in (0, 0.5, 1)]
    assert len(set(dues)) == 3


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("moved_to", [None, -1005])
def test_whatever_goes_wrong_a_message_waits_and_comes_again(
    reason: Reason, form: Form, moved_to: int | None
) -> None:
    failed = Failed(reason, moved_to=moved_to if reason is Reason.MIGRATED else None)
    verdict = judged(failed, replace(MESSAGE, form=form, attempts=10_000), jitter=1)
    assert not verdict.shown
    assert NOON <= verdict.due_at <= NOON + limits.BACKOFF_REFUSED
    assert verdict.reason is reason
