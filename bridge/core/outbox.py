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
from bridge.core.alerts import Severity
from bridge.core.audience import TOPIC_GONE, Destination
from bridge.core.boards import BoardFacts
from bridge.core.cards import CardFacts, ListFacts, UnreadableFacts
from bridge.core.logins import LoginFacts
from bridge.core.notices import NoticeFacts
from bridge.core.preferences import NO_PREFERENCES, Preferences
from bridge.core.rings import RingFacts

Facts = CardFacts | ListFacts | RingFacts | BoardFacts | NoticeFacts | LoginFacts | UnreadableFacts


class Kind(enum.Enum):
    """What a message is."""

    CARD = "card"
    RING = "ring"
    LIST = "list"
    BOARD = "board"
    NOTICE = "notice"
    LOGIN = "login"
    UNREADABLE = "unreadable"


class Priority(enum.IntEnum):
    """Who goes first in a chat."""

    BOARD = 0
    NEW_CRITICAL = 1
    NEW = 2
    RESOLVE = 3
    REPEAT = 4
    EDIT = 5
    LIST = 6
    RETURN_CRITICAL = 7
    """A card that comes back after a storm and has a critical alert."""
    RETURN = 8
    """Any other card that comes back after a storm."""


class Reason(enum.Enum):
    """Why an attempt failed: metric label, log key and table column at once."""

    BAD_MESSAGE = "bad_message"
    """Telegram refuses this text; another form of it may pass."""
    MESSAGE_GONE = "message_gone"
    """The message to edit no longer exists."""
    CHAT_REFUSES = "chat_refuses"
    """Blocked, kicked, unknown or closed: nothing gets there for now."""
    TOPIC_GONE = TOPIC_GONE
    """The topic was deleted or closed; the chat around it may be well."""
    MIGRATED = "migrated"
    """The group has become a supergroup with another id."""
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
    moved_to: int | None = None
    """The supergroup that the chat has become, where it is shown there."""


@dataclass(frozen=True)
class Failed:
    """Telegram does not show the message."""

    reason: Reason
    wait: timedelta | None = None
    """How long Telegram asks us to wait."""
    detail: str = ""
    moved_to: int | None = None
    """The chat's new id, when it has migrated."""


Outcome = Sent | Failed


class Form(enum.IntEnum):
    """How a message is written."""

    FORMATTED = 0
    PLAIN = 1


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A message that is not shown as it should be, as the chooser sees it."""

    id: int
    kind: Kind
    priority: Priority
    destination: Destination
    is_first: bool
    """Whether it has never been shown in any form."""
    due_at: datetime
    waiting_since: datetime
    leased_until: datetime | None
    chat_paused_until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A message that is ours to show until the lease ends."""

    id: int
    kind: Kind
    destination: Destination
    revision: int
    telegram_id: int | None
    """The message to edit; None when there is none yet."""
    form: Form
    attempts: int
    """How many attempts have failed since it was last shown."""
    waiting_since: datetime
    facts: Facts
    is_loud: bool = False
    """Whether a phone shall sound; an edit never does."""
    reply_to: int | None = None
    """The Telegram message it answers; None where it stands alone."""
    claimed_at: datetime | None = None
    """When it was leased; what happened later is not in its facts."""
    preferences: Preferences = NO_PREFERENCES
    """What the destination has chosen."""
    is_subscribed: bool = False
    """Whether the destination hears every alert."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the store shall write about an attempt."""

    shown: bool
    telegram_id: int | None
    form: Form
    due_at: datetime
    is_whole: bool = True
    """Whether what was shown leaves nothing out."""
    pause_chat_until: datetime | None = None
    is_broken: bool = False
    """Whether the destination takes nothing at all for now."""
    moved_to: int | None = None
    """The chat's new id, when it has migrated."""
    reason: Reason | None = None
    detail: str = ""


def is_over(facts: Facts) -> bool:
    """Say whether nothing of a card or board fires any more: it comes without a sound then."""
    return isinstance(facts, CardFacts | BoardFacts) and not facts.firing


def is_pressing(facts: Facts) -> bool:
    """Say whether a phone may sound in quiet hours: something critical fires.

    What cannot be read may be critical, and a notice tells that alerts may not arrive.
    """
    if isinstance(facts, ListFacts | LoginFacts):
        return False
    if isinstance(facts, NoticeFacts | UnreadableFacts):
        return True
    return any(each.is_firing and each.severity is Severity.CRITICAL for each in facts.members)


def judge(
    message: Claimed, outcome: Outcome, *, now: datetime, jitter: float, is_whole: bool = True
) -> Verdict:
    """Decide what an attempt means; `jitter` is between 0 and 1, `is_whole` of what was shown.

    A message is never given up: the longest wait is a limit, the number of attempts is not. What
    a broken destination shall hear is due at once: the store holds it until a check mends it.
    """
    if isinstance(outcome, Sent):
        return Verdict(
            shown=True,
            telegram_id=outcome.telegram_id,
            form=Form.FORMATTED,
            due_at=now,
            is_whole=is_whole,
        )
    reason = outcome.reason
    pause, wait = _patience(outcome, message, jitter)
    is_lost = reason is Reason.MESSAGE_GONE or outcome.moved_to is not None
    is_nowhere = reason is Reason.MIGRATED and outcome.moved_to is None
    return Verdict(
        shown=False,
        telegram_id=None if is_lost else message.telegram_id,
        form=Form.PLAIN if reason in _ABOUT_THE_FORM else message.form,
        due_at=now + wait,
        pause_chat_until=None if pause is None else now + pause,
        is_broken=is_nowhere or reason in {Reason.CHAT_REFUSES, Reason.TOPIC_GONE},
        moved_to=outcome.moved_to,
        reason=reason,
        detail=outcome.detail,
    )


def _patience(
    outcome: Failed, message: Claimed, jitter: float
) -> tuple[timedelta | None, timedelta]:
    """Say how long to leave the chat alone, if at all, and how long this message waits.

    After an outage the chat's next message is tried before this one: one that alone breaks the
    connection holds up nobody.
    """
    if outcome.reason in _ABOUT_THE_FORM:
        is_first = message.form is Form.FORMATTED
        return None, timedelta(0) if is_first else limits.BACKOFF_REFUSED
    if outcome.reason is Reason.RATE_LIMIT and outcome.wait is not None:
        asked = min(outcome.wait, limits.RATE_LIMIT_LONGEST)
        return asked, asked
    if outcome.reason in {Reason.OUTAGE, Reason.NOT_AUTHORISED, Reason.RATE_LIMIT}:
        doubled: timedelta = limits.BACKOFF_FIRST * 2 ** min(message.attempts, 16)
        pause = min(doubled, limits.BACKOFF_LONGEST / 2) * (0.5 + jitter / 2)
        return pause, pause * 2
    return None, timedelta(0)
