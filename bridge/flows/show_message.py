"""One message is shown once, and what came of it is written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bridge.core.audience import Destination
from bridge.core.cards import CardFacts, UnreadableFacts
from bridge.core.formatted import Formatted
from bridge.core.outbox import Claimed, Form, Outcome, Verdict, judge


class Messenger(Protocol):
    """Carries messages to the chat."""

    async def show(
        self, destination: Destination, telegram_id: int | None, text: Formatted
    ) -> Outcome:
        """Send, or edit where there is something to edit."""
        ...


class Outbox(Protocol):
    """Remembers outcomes."""

    async def settle(self, message: Claimed, verdict: Verdict, *, now: datetime) -> None:
        """Write what an attempt has come to."""
        ...


async def show_message(
    message: Claimed,
    *,
    render: Callable[[CardFacts | UnreadableFacts, Form, datetime], Formatted],
    messenger: Messenger,
    outbox: Outbox,
    clock: Callable[[], datetime],
    chance: Callable[[], float],
) -> Verdict:
    """Write a message as things stand, show it, and settle it.

    A process that dies after Telegram's answer and before the settling shows a new message twice,
    never not at all: Telegram has no idempotency key.
    """
    text = render(message.facts, message.form, clock())
    outcome = await messenger.show(message.destination, message.telegram_id, text)
    now = clock()
    verdict = judge(message, outcome, now=now, jitter=chance())
    await outbox.settle(message, verdict, now=now)
    return verdict
