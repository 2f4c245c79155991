"""One message is shown once, and what came of it is written down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.cards import CardFacts, UnreadableFacts
from bridge.core.formatted import Formatted
from bridge.core.outbox import Claimed, Failed, Form, Outcome, Reason, Verdict, judge
from bridge.errors import Outage
from bridge.logs import create_log

_log = create_log(__name__)

Render = Callable[[CardFacts | UnreadableFacts, Form, datetime], Formatted]


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
    render: Render,
    messenger: Messenger,
    outbox: Outbox,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
    chance: Callable[[], float],
) -> Verdict:
    """Write a message as things stand, show it, and settle it.

    A process that dies after Telegram's answer and before the settling shows a new message twice,
    never not at all: Telegram has no idempotency key.
    """
    outcome = await _attempt(message, render, messenger, clock())
    now = clock()
    verdict = judge(message, outcome, now=now, jitter=chance())
    while not await _is_settled(outbox, message, verdict, now):
        await sleep(limits.SETTLE_AGAIN.total_seconds())
    return verdict


async def _attempt(
    message: Claimed, render: Render, messenger: Messenger, now: datetime
) -> Outcome:
    try:
        text = render(message.facts, message.form, now)
        return await messenger.show(message.destination, message.telegram_id, text)
    except Exception as fault:  # noqa: BLE001 - unsettled, it would hold up its chat for ever
        _log.error("a message failed unforeseen", action="send_failed", exc_info=fault)
        return Failed(Reason.UNFORESEEN, detail=type(fault).__name__)


async def _is_settled(outbox: Outbox, message: Claimed, verdict: Verdict, now: datetime) -> bool:
    """Try to write the outcome: as long as we live, a store that fails shows nothing twice."""
    try:
        await outbox.settle(message, verdict, now=now)
    except Outage as fault:
        _log.warning(fault.sentence, action="settle", message=message.id)
        return False
    return True
