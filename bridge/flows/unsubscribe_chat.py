"""A chat hears no more, from the moment that somebody is told so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from bridge import limits
from bridge.core.audience import Destination


class Chats(Protocol):
    """Remembers who is subscribed."""

    async def unsubscribe(self, here: Destination, *, now: datetime) -> None:
        """Take everything back that waits, or raise Mistake or Missing."""
        ...

    async def is_under_way(self, here: Destination, *, now: datetime) -> bool:
        """Say whether something is being sent there this moment."""
        ...


async def unsubscribe_chat(
    here: Destination,
    *,
    chats: Chats,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> bool:
    """Unsubscribe a chat and wait until nothing is under way there; answer whether that is so.

    Only a message that Telegram has been handed already, and does not answer, may come yet.

    Raises:
        Mistake: ALERT_CHAT_ID names it.
        Missing: it was not subscribed.
        Outage: nothing has changed.
    """
    await chats.unsubscribe(here, now=clock())
    end = clock() + limits.LEAVE_PATIENCE
    while await chats.is_under_way(here, now=clock()):
        if clock() >= end:
            return False
        await sleep(limits.LEAVE_LOOK.total_seconds())
    return True
