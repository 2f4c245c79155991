"""What waits is shown, chat by chat, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol

from bridge import limits
from bridge.core.outbox import Claimed, Waiting
from bridge.core.pacing import choose


class Outbox(Protocol):
    """Knows what waits and leases it."""

    async def waiting(self, *, now: datetime) -> list[Waiting]:
        """Look, oldest first."""
        ...

    async def claim(self, ids: Sequence[int], *, now: datetime, until: datetime) -> list[Claimed]:
        """Lease these, as far as they are still free."""
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
    chosen = choose(await outbox.waiting(now=now), now=now, under_way=under_way)
    claimed = await outbox.claim(chosen, now=now, until=now + limits.CLAIM_LEASE)
    for message in claimed:
        start(show(message))
    return len(claimed)
