"""Answers count against the same pace as alerts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge import limits
from bridge.store.calls import Calls
from tests.store.stage import Stage

GROUP, OTHER, PERSON = -2001, -2002, 1001


@pytest.fixture
def calls(stage: Stage) -> Calls:
    return Calls(stage.database)


async def test_a_group_has_room_for_twenty_calls_a_minute(stage: Stage, calls: Calls) -> None:
    now = stage.now
    let_out = 0
    for second in range(60):
        let_out += await calls.reserve(GROUP, now=now + timedelta(seconds=second))
    assert let_out == limits.GROUP_CALLS.calls
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
