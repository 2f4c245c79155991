"""What waits is shown, chat by chat, the most urgent first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from typing import Any, Protocol

from bridge.core.outbox import Claimed


class Outbox(Protocol):
    """Knows what may go now, and leases it."""

    async def claim(self, *, under_way: Collection[int], now: datetime) -> list[Claimed]:
        """Lease what may go, one message a chat."""
        ...


async def deliver_messages(
    *,
    outbox: Outbox,
    start: Callable[[Coroutine[Any, Any, None]], object],
    show: Callable[[Claimed], Coroutine[Any, Any, None]],
    under_way: Collection[int],
    now: datetime,
) -> int:
    """Start showing what may go now and answer how many; nobody waits for a slow chat.

    `under_way` are the chats in which an earlier message is still being shown.
    """
    claimed = await outbox.claim(under_way=under_way, now=now)
    for message in claimed:
        start(show(message))
    return len(claimed)
