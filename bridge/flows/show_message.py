"""One message is shown once, and what came of it is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.boards import BoardFacts
from bridge.core.cards import CardFacts, Ending, ListFacts, Member
from bridge.core.formatted import Content
from bridge.core.outbox import Claimed, Failed, Outcome, Reason, Verdict, judge
from bridge.core.rings import RingFacts
from bridge.errors import Outage
from bridge.logs import create_log

_log = create_log(__name__)

Render = Callable[[Claimed, datetime], Content]
Confirmed = tuple[tuple[Member, ...], Mapping[int, Ending]]
Confirm = Callable[[Sequence[Member], datetime], Awaitable[Confirmed]]
"""Asks what the ends of alerts really were: the members, and what is news, by episode."""


class Messenger(Protocol):
    """Carries messages to the chat."""

    async def show(
        self,
        destination: Destination,
        telegram_id: int | None,
        content: Content,
        *,
        is_loud: bool,
        reply_to: int | None,
    ) -> Outcome:
        """Send, or edit where there is something to edit."""
        ...


class Outbox(Protocol):
    """Remembers outcomes."""

    async def settle(
        self,
        message: Claimed,
        verdict: Verdict,
        *,
        endings: Mapping[int, Ending],
        now: datetime,
    ) -> None:
        """Write what an attempt has come to."""
        ...


async def show_message(
    message: Claimed,
    *,
    confirm: Confirm,
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
    message, endings = await _confirm(message, confirm, clock())
    outcome, is_whole = await _attempt(message, render, messenger, clock())
    now = clock()
    verdict = judge(message, outcome, now=now, jitter=chance(), is_whole=is_whole)
    while not await _is_settled(outbox, message, verdict, endings, now):
        await sleep(limits.SETTLE_AGAIN.total_seconds())
    return verdict


async def _confirm(
    message: Claimed, confirm: Confirm, now: datetime
) -> tuple[Claimed, Mapping[int, Ending]]:
    """Ask whether what is over has recovered, before anything says so."""
    facts = message.facts
    if not isinstance(facts, CardFacts | BoardFacts | RingFacts):
        return message, {}
    try:
        members, endings = await confirm(facts.members, now)
    except Exception as fault:  # noqa: BLE001 - unsettled, it would hold up its chat for ever
        _log.error("the ends of alerts could not be confirmed", action="confirm", exc_info=fault)
        return message, {}
    return replace(message, facts=replace(facts, members=members)), endings


async def _attempt(
    message: Claimed, render: Render, messenger: Messenger, now: datetime
) -> tuple[Outcome, bool]:
    """Show a message; answer what came of it and whether it left nothing out."""
    try:
        content = await _write(message, render, now)
        outcome = await messenger.show(
            message.destination,
            message.telegram_id,
            content,
            is_loud=message.is_loud,
            reply_to=message.reply_to,
        )
    except Exception as fault:  # noqa: BLE001 - unsettled, it would hold up its chat for ever
        _log.error("a message failed unforeseen", action="send_failed", exc_info=fault)
        return Failed(Reason.UNFORESEEN, detail=type(fault).__name__), True
    return outcome, content.is_whole


async def _write(message: Claimed, render: Render, now: datetime) -> Content:
    """Render a message; files of thousands of alerts are written beside the loop."""
    if isinstance(message.facts, BoardFacts | ListFacts):
        return await asyncio.to_thread(render, message, now)
    return render(message, now)


async def _is_settled(
    outbox: Outbox,
    message: Claimed,
    verdict: Verdict,
    endings: Mapping[int, Ending],
    now: datetime,
) -> bool:
    """Try to write the outcome: as long as we live, a store that fails shows nothing twice."""
    try:
        await outbox.settle(message, verdict, endings=endings, now=now)
    except Outage as fault:
        _log.warning(fault.sentence, action="settle", message=message.id)
        return False
    return True
