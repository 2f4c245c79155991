"""An answer is shown: within the chat's pace, in plainer form when it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.formatted import Content, Formatted
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.errors import Outage


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


class Pace(Protocol):
    """Counts the calls that a chat has met."""

    async def reserve(self, chat_id: int, *, now: datetime) -> bool:
        """Count one more call, where the chat has room for it."""
        ...

    async def note(self, chat_id: int, *, now: datetime) -> None:
        """Count one more call, room or not."""
        ...

    async def pause(self, chat_id: int, *, until: datetime) -> None:
        """Leave a chat alone for as long as Telegram has said."""
        ...


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Where an answer goes: a new message, or the place of one that stands there."""

    destination: Destination
    telegram_id: int | None = None
    """The message to edit."""
    reply_to: int | None = None
    is_loud: bool = False


async def show_answer(
    content: Content,
    spot: Spot,
    *,
    messenger: Messenger,
    pace: Pace,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> Outcome:
    """Show an answer in the place of a message, or as a new one; say what came of it.

    An answer is worth something for seconds: nothing keeps it on disk, and it waits only so long.
    """
    asked_at = spot.destination.chat_id
    until = clock() + limits.ANSWER_SHOWN_WITHIN
    await _wait_for_room(spot.destination.chat_id, pace, until, clock, sleep)
    while True:
        outcome = await messenger.show(
            spot.destination,
            spot.telegram_id,
            content,
            is_loud=spot.is_loud,
            reply_to=spot.reply_to,
        )
        if isinstance(outcome, Failed) and outcome.reason is Reason.RATE_LIMIT and outcome.wait:
            with suppress(Outage):
                await pace.pause(spot.destination.chat_id, until=clock() + outcome.wait)
        again = _try_again(outcome, content, spot)
        if again is None or clock() + again.wait > until:
            return _say_where(outcome, spot.destination.chat_id, asked_at)
        content, spot = again.content, again.spot
        await sleep(again.wait.total_seconds())
        with suppress(Outage):
            await pace.note(spot.destination.chat_id, now=clock())


def _say_where(outcome: Outcome, shown_at: int, asked_at: int) -> Outcome:
    if isinstance(outcome, Sent) and shown_at != asked_at:
        return replace(outcome, moved_to=shown_at)
    return outcome


@dataclass(frozen=True, kw_only=True)
class _Again:
    """How an answer is tried once more."""

    content: Content
    spot: Spot
    wait: timedelta = timedelta(0)


def _try_again(outcome: Outcome, content: Content, spot: Spot) -> _Again | None:
    """Say how a failed answer may still be shown; None where it is shown or cannot be."""
    if not isinstance(outcome, Failed):
        return None
    match outcome.reason:
        case Reason.RATE_LIMIT | Reason.OUTAGE:
            return _Again(content=content, spot=spot, wait=outcome.wait or limits.BACKOFF_FIRST)
        case Reason.MESSAGE_GONE if spot.telegram_id is not None:
            return _Again(content=content, spot=replace(spot, telegram_id=None))
        case Reason.MIGRATED if outcome.moved_to is not None:
            there = Destination(outcome.moved_to, spot.destination.thread_id)
            return _Again(content=content, spot=Spot(destination=there, is_loud=spot.is_loud))
        case Reason.BAD_MESSAGE if (plainer := _make_plainer(content)) is not None:
            return _Again(content=plainer, spot=spot)
    return None


def _make_plainer(content: Content) -> Content | None:
    """Leave out what may be refused, and never the words; None where nothing else is left."""
    has_file = content.photo is not None or content.attachment is not None
    if has_file and not content.text.is_blank:
        # Some groups take no pictures and no files; the text below says most of it.
        return replace(content, photo=None, attachment=None)
    if content.text.entities or content.keyboard is not None:
        return replace(content, text=Formatted(content.text.text), keyboard=None)
    return None


async def _wait_for_room(
    chat_id: int,
    pace: Pace,
    until: datetime,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Let the chat's pace come first, but not for long: somebody waits.

    A store that does not answer must not take the answer with it: Telegram keeps its own limits.
    """
    patience = min(until, clock() + limits.ANSWER_ROOM_WITHIN)
    with suppress(Outage):
        while not await pace.reserve(chat_id, now=clock()):
            if clock() >= patience:
                await pace.note(chat_id, now=clock())
                return
            await sleep(limits.ANSWER_ROOM_LOOK.total_seconds())
