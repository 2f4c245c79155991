"""Whom an update of Telegram speaks for: the question before every other.

Only a person who wrote a message of their own, or pressed a button themselves, speaks for
themselves. Whoever speaks as a group or a channel, what was forwarded, edited afterwards or sent
through another bot, speaks for nobody.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge import limits
from bridge.core.audience import Destination

ANONYMOUS_ADMIN: Final = 1087968824  # Telegram: "GroupAnonymousBot"
TELEGRAM: Final = 777000  # Telegram itself, also for what a channel sends into its group
CHANNEL_BOT: Final = 136817688  # Telegram: who writes as a channel
_EDITS: Final = frozenset({"edited_message", "edited_business_message"})
_CHANNELS: Final = frozenset({"channel_post", "edited_channel_post"})
_INLINE: Final = frozenset({"inline_query", "chosen_inline_result"})


class Unheard(enum.Enum):
    """Why an update speaks for nobody."""

    UNKNOWN_KIND = "unknown kind"
    """Neither a message nor a pressed button."""
    EDITED = "edited"
    """A message that was changed afterwards: it was answered as it was first."""
    CHANNEL_POST = "channel post"
    """A channel has no person."""
    INLINE = "inline"
    """Asked for in the middle of another chat, or pressed under what came of that."""
    NO_USER = "no user"
    ANONYMOUS_ADMIN = "anonymous admin"
    """An admin who hides behind the group: any of them."""
    SENT_AS_CHAT = "sent as a chat"
    """Somebody who speaks as a channel or a group."""
    TELEGRAM = "telegram"
    """A notice of Telegram's, or a post that it carried from a channel into its group."""
    OTHER_BOT = "other bot"
    FORWARD = "forward"
    """Somebody else's words."""
    VIA_BOT = "via bot"
    """Words that another bot has put together."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An update, as far as it says who speaks."""

    kind: str
    """Telegram's name of the kind: `message`, `callback_query` and so on."""
    user_id: int | None = None
    """Who wrote or pressed; never the author of the message under a pressed button."""
    name: str = ""
    is_bot: bool = False
    sender_chat: int | None = None
    """As which chat it was written; of a pressed button: none."""
    is_forward: bool = False
    is_edit: bool = False
    via_bot: bool = False
    chat: Destination | None = None
    """None: a button under a message that was sent inline."""
    is_private: bool = False
    date: datetime | None = None
    """When it was written; a pressed button has no time of its own."""
    text: str = ""
    press: str | None = None
    """What a pressed button carries."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who speaks, and where."""

    user_id: int
    chat: Destination
    is_private: bool
    name: str = ""


def identify(arrival: Arrival) -> Identity | Unheard:
    """Say for whom an update speaks, or why for nobody."""
    unheard = _look_at_kind(arrival)
    if unheard is not None:
        return unheard
    if arrival.user_id is None:
        return Unheard.SENT_AS_CHAT if arrival.sender_chat is not None else Unheard.NO_USER
    unheard = _look_at_author(arrival) or _look_at_words(arrival)
    if unheard is not None:
        return unheard
    if arrival.chat is None:
        return Unheard.INLINE
    return Identity(
        user_id=arrival.user_id,
        chat=arrival.chat,
        is_private=arrival.is_private,
        name=arrival.name,
    )


def is_stale(arrival: Arrival, now: datetime) -> bool:
    """Say whether a message has waited so long that nothing may be changed on its word.

    Telegram keeps messages for a day and pressed buttons for minutes: what was written while the
    bridge was away comes when nobody expects it any more.
    """
    return arrival.date is not None and now - arrival.date > limits.COMMAND_FRESH


def _look_at_kind(arrival: Arrival) -> Unheard | None:
    if arrival.kind in _EDITS:
        return Unheard.EDITED
    if arrival.kind in _CHANNELS:
        return Unheard.CHANNEL_POST
    if arrival.kind in _INLINE:
        return Unheard.INLINE
    return None if arrival.kind in {"message", "callback_query"} else Unheard.UNKNOWN_KIND


def _look_at_author(arrival: Arrival) -> Unheard | None:
    if arrival.user_id == ANONYMOUS_ADMIN:
        return Unheard.ANONYMOUS_ADMIN
    if arrival.user_id == TELEGRAM:
        return Unheard.TELEGRAM
    if arrival.sender_chat is not None or arrival.user_id == CHANNEL_BOT:
        in_the_name_of_this_group = arrival.chat and arrival.sender_chat == arrival.chat.chat_id
        return Unheard.ANONYMOUS_ADMIN if in_the_name_of_this_group else Unheard.SENT_AS_CHAT
    return Unheard.OTHER_BOT if arrival.is_bot else None


def _look_at_words(arrival: Arrival) -> Unheard | None:
    if arrival.is_forward:
        return Unheard.FORWARD
    if arrival.is_edit:
        return Unheard.EDITED
    return Unheard.VIA_BOT if arrival.via_bot else None
