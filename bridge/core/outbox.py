"""What an attempt to show a message means for that message.

    waiting ──claim──► leased ──Sent──► shown ──the truth changes──► waiting
                          │
                          ├── Failed(rate limit | outage)   wait, try again
                          ├── Failed(bad message | unforeseen)   try again in plain form
                          ├── Failed(message gone)          show it anew
                          └── Failed(chat)                  ask again later; never dropped

A message is waiting while the revision that was shown is older than the one that is wanted.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.cards import CardFacts, UnreadableFacts


class Reason(enum.Enum):
    """Why an attempt failed: metric label, log key and table column at once."""

    BAD_MESSAGE = "bad_message"
    """Telegram refuses this text; another form of it may pass."""
    MESSAGE_GONE = "message_gone"
    """The message to edit no longer exists."""
    CHAT_REFUSES = "chat_refuses"
    """Blocked, kicked, unknown or closed: nothing gets there for now."""
    RATE_LIMIT = "rate_limit"
    """Telegram said how long to wait."""
    NOT_AUTHORISED = "not_authorised"
    """The bot token is wrong or revoked."""
    OUTAGE = "outage"
    """No answer, a broken answer, or Telegram's own failure."""
    UNFORESEEN = "unforeseen"
    """A fault of our own; another form of the message may avoid it."""


_ABOUT_THE_FORM = frozenset({Reason.BAD_MESSAGE, Reason.UNFORESEEN})


@dataclass(frozen=True)
class Sent:
    """Telegram shows the message."""

    telegram_id: int


@dataclass(frozen=True)
class Failed:
    """Telegram does not show the message."""

    reason: Reason
    wait: timedelta | None = None
    """How long Telegram asks us to wait."""
    detail: str = ""


Outcome = Sent | Failed


class Form(enum.IntEnum):
    """How a message is written."""

    FORMATTED = 0
    PLAIN = 1


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A message that is not shown as it should be, as the chooser sees it."""

    id: int
    destination: Destination
    due_at: datetime
    leased_until: datetime | None
    chat_paused_until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A message that is ours to show until the lease ends."""

    id: int
    destination: Destination
    revision: int
    telegram_id: int | None
    """The message to edit; None when there is none yet."""
    form: Form
    attempts: int
    """How many attempts have failed since it was last shown."""
    waiting_since: datetime
    facts: CardFacts | UnreadableFacts


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the store shall write about an attempt."""

    shown: bool
    telegram_id: int | None
    form: Form
    due_at: datetime
    pause_chat_until: datetime | None = None
    reason: Reason | None = None
    detail: str = ""


def judge(message: Claimed, outcome: Outcome, *, now: datetime, jitter: float) -> Verdict:
    """Decide what an attempt means; `jitter` is between 0 and 1.

    A message is never given up: the longest wait is a limit, the number of attempts is not.
    """
    if isinstance(outcome, Sent):
        return Verdict(shown=True, telegram_id=outcome.telegram_id, form=Form.FORMATTED, due_at=now)
    asked = outcome.wait and min(outcome.wait, limits.RATE_LIMIT_LONGEST)
    wait = asked or _patience(outcome.reason, message, jitter)
    return Verdict(
        shown=False,
        telegram_id=None if outcome.reason is Reason.MESSAGE_GONE else message.telegram_id,
        form=Form.PLAIN if outcome.reason in _ABOUT_THE_FORM else message.form,
        due_at=now + wait,
        pause_chat_until=now + wait if outcome.reason is Reason.RATE_LIMIT else None,
        reason=outcome.reason,
        detail=outcome.detail,
    )


def _patience(reason: Reason, message: Claimed, jitter: float) -> timedelta:
    """Say how long to wait before trying again."""
    first_refusal = reason in _ABOUT_THE_FORM and message.form is Form.FORMATTED
    if reason is Reason.MESSAGE_GONE or first_refusal:
        return timedelta(0)
    if reason in _ABOUT_THE_FORM | {Reason.CHAT_REFUSES}:
        return limits.BACKOFF_REFUSED
    doubled: timedelta = limits.BACKOFF_FIRST * 2 ** min(message.attempts, 16)
    return min(doubled, limits.BACKOFF_LONGEST) * (0.5 + jitter / 2)
