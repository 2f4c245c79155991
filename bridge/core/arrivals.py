"""Whose word an update is: a person's own and fresh, or nobody's.

Telegram lets many speak who are no person: anonymous admins and linked channels arrive as accounts
of Telegram's own, forwards carry another's words, an edit changes what was read already, and
anybody in a group may press a button.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.core.audience import Destination

TELEGRAM: Final = 777000  # speaks in a group for the channel that is linked to it
ANONYMOUS_ADMIN: Final = 1_087_968_824
CHANNEL: Final = 136_817_688  # speaks for a channel as which somebody writes
_NOBODY: Final = frozenset({TELEGRAM, ANONYMOUS_ADMIN, CHANNEL})


class ArrivalKind(enum.Enum):
    """What an update tells of."""

    MESSAGE = "message"
    EDIT = "edited_message"
    PRESS = "callback_query"
    OTHER = "other"
    """Channel posts, inline queries, reactions, members, and whatever Telegram invents."""


class Disguise(enum.Enum):
    """Why an update is nobody's word."""

    NO_PERSON = "no_person"
    """It names no sender."""
    ANONYMOUS = "anonymous"
    """An admin who writes as the group, or somebody who writes as a channel."""
    BOT = "bot"
    """Another program."""
    FORWARD = "forward"
    """The words of another."""
    VIA_BOT = "via_bot"
    """Words that another program wrote."""
    EDIT = "edit"
    """A message that was read before it was changed."""
    OTHER = "other"
    """A kind of update that nobody asks anything by."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An update, as far as it matters who it is from and what it asks."""

    kind: ArrivalKind
    user_id: int = 0
    """0 where it names nobody."""
    name: str = ""
    language: str = ""
    """The language of the person's Telegram, such as `ru` or `zh-hant`; may be empty."""
    is_bot: bool = False
    has_sender_chat: bool = False
    is_forward: bool = False
    is_via_bot: bool = False
    chat: Destination | None = None
    is_private: bool = False
    title: str = ""
    """What the chat is called."""
    message_id: int = 0
    """The message, or the one that the pressed button hangs on."""
    is_own_button: bool = True
    """Whether that message really has the button: a changed client may press what is not there."""
    has_photo: bool = False
    """Whether that one is a picture."""
    at: datetime | None = None
    """When the message was sent; Telegram tells no date of a press."""
    text: str = ""
    press: str = ""
    """What the pressed button holds."""
    press_id: str = ""
    moved_to: int | None = None
    """The supergroup that the group has become: Telegram itself says so."""
    is_interrupted: bool = False
    """Whether it was taken up before and a restart came in between."""


def find_disguise(arrival: Arrival) -> Disguise | None:
    """Say why an update is nobody's word; None where a person speaks in their own name."""
    if arrival.kind is ArrivalKind.OTHER or arrival.chat is None:
        return Disguise.OTHER
    if arrival.kind is ArrivalKind.EDIT:
        return Disguise.EDIT
    if arrival.has_sender_chat or arrival.user_id in _NOBODY:
        return Disguise.ANONYMOUS
    if arrival.user_id <= 0:
        return Disguise.NO_PERSON
    for is_so, disguise in (
        (arrival.is_bot, Disguise.BOT),
        (arrival.is_forward, Disguise.FORWARD),
        (arrival.is_via_bot, Disguise.VIA_BOT),
    ):
        if is_so:
            return disguise
    return None
