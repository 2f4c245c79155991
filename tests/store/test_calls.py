"""Answers count against the same pace as alerts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge import limits
from bridge.core.pacing import Budget
from bridge.store.calls import Calls
from bridge.store.queue import find_calls
from tests.store.stage import Stage

GROUP, OTHER, PERSON = -2001, -2002, 1001


@pytest.fixture
def calls(stage: Stage) -> Calls:
    return Calls(stage.database)


async def test_answers_in_a_group_leave_the_cards_their_share(stage: Stage, calls: Calls) -> None:
    now = stage.now
    let_out = 0
    for second in range(60):
        let_out += await calls.reserve(GROUP, now=now + timedelta(seconds=second))
    assert let_out == limits.GROUP_CALLS.calls - limits.GROUP_CARD_CALLS.calls
    assert await calls.reserve(OTHER, now=now + timedelta(seconds=60))


async def test_a_burst_in_one_chat_is_bounded(stage: Stage, calls: Calls) -> None:
    let_out = [await calls.reserve(PERSON, now=stage.now) for _ in range(10)]
    assert sum(let_out) == limits.CHAT_CALLS.calls


async def test_a_call_that_was_made_anyway_counts(stage: Stage, calls: Calls) -> None:
    for _ in range(limits.CHAT_CALLS.calls):
        await calls.note(PERSON, now=stage.now)
    assert not await calls.reserve(PERSON, now=stage.now)
    later = stage.now + limits.CHAT_CALLS.span + timedelta(seconds=1)
    assert await calls.reserve(PERSON, now=later)


async def test_answers_never_hold_back_an_alert_for_long(stage: Stage, calls: Calls) -> None:
    for second in range(60):
        await calls.reserve(GROUP, now=stage.now + timedelta(seconds=second))
    later = stage.now + timedelta(seconds=65)
    budget = await stage.database.read(
        lambda connection: Budget(find_calls(connection, later), later)
    )
    assert budget.admits(GROUP, is_board=False)
    assert budget.room_soon(GROUP) > 0


async def test_a_chat_that_telegram_wants_quiet_is_left_alone(stage: Stage, calls: Calls) -> None:
    await calls.pause(GROUP, until=stage.now + timedelta(seconds=30))
    assert not await calls.reserve(GROUP, now=stage.now)
    assert await calls.reserve(GROUP, now=stage.now + timedelta(seconds=31))
