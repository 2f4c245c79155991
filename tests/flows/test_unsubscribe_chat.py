from __future__ import annotations

from datetime import datetime

import pytest

from bridge import limits
from bridge.core.audience import Destination
from bridge.errors import Missing
from bridge.flows.unsubscribe_chat import unsubscribe_chat
from tests.fakes.clock import NOON, FakeClock

ADA = Destination(1001)


class FakeChats:
    """Has somebody who is being sent something until a moment."""

    def __init__(self, until: datetime = NOON) -> None:
        self.until = until
        self.subscribed = {ADA}

    async def unsubscribe(self, here: Destination, *, now: datetime) -> None:
        """Forget one."""
        del now
        if here not in self.subscribed:
            raise Missing("the chat %(chat)s is not subscribed", chat=here)
        self.subscribed.discard(here)

    async def is_under_way(self, here: Destination, *, now: datetime) -> bool:
        """Say whether it still is."""
        assert here not in self.subscribed, "what comes later must not be waited for"
        return now < self.until


async def leave(chats: FakeChats) -> tuple[bool, datetime]:
    clock = FakeClock()
    is_quiet = await unsubscribe_chat(ADA, chats=chats, clock=clock.now, sleep=clock.sleep)
    return is_quiet, clock.now()


async def test_nobody_waits_where_nothing_is_under_way() -> None:
    assert await leave(FakeChats()) == (True, NOON)


async def test_the_answer_waits_for_what_is_being_sent() -> None:
    until = NOON + 5 * limits.LEAVE_LOOK
    assert await leave(FakeChats(until)) == (True, until)


async def test_the_answer_does_not_wait_for_a_telegram_that_hangs() -> None:
    is_quiet, at = await leave(FakeChats(NOON + limits.CLAIM_LEASE))
    assert not is_quiet
    assert at - NOON <= limits.LEAVE_PATIENCE + limits.LEAVE_LOOK


async def test_who_is_not_subscribed_cannot_leave() -> None:
    chats = FakeChats()
    await leave(chats)
    with pytest.raises(Missing):
        await leave(chats)
