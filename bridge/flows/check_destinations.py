"""Every destination is asked whether it takes messages, so that a typing slip costs no alert."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bridge.core.audience import Destination
from bridge.core.outbox import Outcome, Reason, Sent
from bridge.logs import create_log

_log = create_log(__name__)
_BROKEN = frozenset({Reason.CHAT_REFUSES, Reason.TOPIC_GONE})


class Messenger(Protocol):
    """Can ask without anybody noticing."""

    async def check(self, destination: Destination) -> Outcome:
        """Say whether a destination takes messages."""
        ...


class Destinations(Protocol):
    """Remembers what is known of each."""

    async def in_use(self) -> Sequence[Destination]:
        """List every destination that something goes to."""
        ...

    async def break_off(
        self, destination: Destination, reason: str, detail: str, *, now: datetime
    ) -> bool:
        """Note that one takes nothing; answer whether that is news."""
        ...

    async def mend(self, destination: Destination, *, now: datetime) -> bool:
        """Note that nothing speaks against one; answer whether it is mended by that."""
        ...

    async def move(self, old: int, fresh: int, *, now: datetime) -> None:
        """Follow a group that has another id now."""
        ...


async def check_destinations(
    *, destinations: Destinations, messenger: Messenger, now: datetime
) -> None:
    """Ask about each; what neither takes nor refuses (Telegram away) stays as it was."""
    for destination in await destinations.in_use():
        outcome = await messenger.check(destination)
        await _note(destinations, destination, outcome, now)


async def _note(
    destinations: Destinations, destination: Destination, outcome: Outcome, now: datetime
) -> None:
    if isinstance(outcome, Sent):
        if await destinations.mend(destination, now=now):
            _log.info("a chat takes messages again", action="chat_mended", chat=str(destination))
    elif outcome.moved_to is not None:
        await destinations.move(destination.chat_id, outcome.moved_to, now=now)
        _log.warning(
            "a group has become a supergroup; its new id is used from now on",
            action="chat_moved",
            chat=str(destination),
            moved_to=outcome.moved_to,
        )
    elif outcome.reason in _BROKEN:
        reason, detail = outcome.reason.value, outcome.detail
        if await destinations.break_off(destination, reason, detail, now=now):
            _log.warning(
                "a chat takes no messages",
                action="chat_broken",
                chat=str(destination),
                reason=reason,
                detail=detail,
            )
