from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.core.arrivals import (
    ANONYMOUS_ADMIN,
    CHANNEL_BOT,
    TELEGRAM,
    Arrival,
    Identity,
    Unheard,
    identify,
    is_stale,
)
from bridge.core.audience import Destination
from tests.fakes.clock import NOON

ADA, GROUP, CHANNEL = 1001, -2001, -1009
HERE = Destination(GROUP, 7)
MESSAGE = Arrival(
    kind="message", user_id=ADA, name="Ada", chat=HERE, date=NOON, text="/status web-1"
)
PRESS = Arrival(kind="callback_query", user_id=ADA, name="Ada", chat=HERE, press="status web-1")

SPEAKS_FOR_NOBODY: dict[str, tuple[Arrival, dict[str, Any], Unheard]] = {
    "an edited message": (MESSAGE, {"kind": "edited_message"}, Unheard.EDITED),
    "an edit told as a message": (MESSAGE, {"is_edit": True}, Unheard.EDITED),
    "a post of a channel": (
        MESSAGE,
        {"kind": "channel_post", "user_id": None, "sender_chat": CHANNEL},
        Unheard.CHANNEL_POST,
    ),
    "a signed post of a channel": (MESSAGE, {"kind": "channel_post"}, Unheard.CHANNEL_POST),
    "an edited post": (MESSAGE, {"kind": "edited_channel_post"}, Unheard.CHANNEL_POST),
    "an inline query": (MESSAGE, {"kind": "inline_query", "chat": None}, Unheard.INLINE),
    "a chosen inline result": (MESSAGE, {"kind": "chosen_inline_result"}, Unheard.INLINE),
    "a button under what was sent inline": (PRESS, {"chat": None}, Unheard.INLINE),
    "an anonymous admin": (
        MESSAGE,
        {"user_id": ANONYMOUS_ADMIN, "is_bot": True, "sender_chat": GROUP},
        Unheard.ANONYMOUS_ADMIN,
    ),
    "an anonymous admin without the sign of it": (
        MESSAGE,
        {"user_id": ANONYMOUS_ADMIN},
        Unheard.ANONYMOUS_ADMIN,
    ),
    "somebody who speaks as this very group": (
        MESSAGE,
        {"sender_chat": GROUP},
        Unheard.ANONYMOUS_ADMIN,
    ),
    "somebody who speaks as a channel": (
        MESSAGE,
        {"user_id": CHANNEL_BOT, "is_bot": True, "sender_chat": CHANNEL},
        Unheard.SENT_AS_CHAT,
    ),
    "the bot of channels alone": (MESSAGE, {"user_id": CHANNEL_BOT}, Unheard.SENT_AS_CHAT),
    "a channel in the place of the person": (
        MESSAGE,
        {"user_id": None, "sender_chat": CHANNEL},
        Unheard.SENT_AS_CHAT,
    ),
    "a channel under the name of a person": (
        MESSAGE,
        {"sender_chat": CHANNEL},
        Unheard.SENT_AS_CHAT,
    ),
    "Telegram itself": (MESSAGE, {"user_id": TELEGRAM}, Unheard.TELEGRAM),
    "a post carried from a channel into its group": (
        MESSAGE,
        {"user_id": TELEGRAM, "sender_chat": CHANNEL, "is_forward": True},
        Unheard.TELEGRAM,
    ),
    "another bot": (MESSAGE, {"user_id": 77, "is_bot": True}, Unheard.OTHER_BOT),
    "a button pressed by a bot": (PRESS, {"user_id": 77, "is_bot": True}, Unheard.OTHER_BOT),
    "a forward": (MESSAGE, {"is_forward": True}, Unheard.FORWARD),
    "words put together by a bot": (MESSAGE, {"via_bot": True}, Unheard.VIA_BOT),
    "nobody": (MESSAGE, {"user_id": None}, Unheard.NO_USER),
    "nobody's press": (PRESS, {"user_id": None}, Unheard.NO_USER),
    **{
        kind: (MESSAGE, {"kind": kind}, Unheard.UNKNOWN_KIND)
        for kind in (
            "message_reaction",
            "message_reaction_count",
            "poll",
            "poll_answer",
            "my_chat_member",
            "chat_member",
            "chat_join_request",
            "chat_boost",
            "removed_chat_boost",
            "shipping_query",
            "pre_checkout_query",
            "purchased_paid_media",
            "business_connection",
            "business_message",
            "deleted_business_messages",
            "something of next year",
            "",
        )
    },
    "an edited message of a business": (
        MESSAGE,
        {"kind": "edited_business_message"},
        Unheard.EDITED,
    ),
}


@pytest.mark.parametrize(
    ("arrival", "changes", "reason"), SPEAKS_FOR_NOBODY.values(), ids=SPEAKS_FOR_NOBODY
)
def test_what_somebody_did_not_say_in_their_own_name_speaks_for_nobody(
    arrival: Arrival, changes: dict[str, Any], reason: Unheard
) -> None:
    assert identify(replace(arrival, **changes)) is reason


def test_every_reason_is_met_by_some_update() -> None:
    assert {reason for _, _, reason in SPEAKS_FOR_NOBODY.values()} == set(Unheard)


@pytest.mark.parametrize("arrival", [MESSAGE, PRESS], ids=["message", "press"])
def test_a_person_speaks_for_themselves_in_every_kind_of_chat(arrival: Arrival) -> None:
    assert identify(arrival) == Identity(user_id=ADA, chat=HERE, is_private=False, name="Ada")
    private = replace(arrival, chat=Destination(ADA), is_private=True)
    assert identify(private) == Identity(
        user_id=ADA, chat=Destination(ADA), is_private=True, name="Ada"
    )


def test_whoever_presses_a_button_is_known_by_their_own_number() -> None:
    """The message under the button is the bot's, or an anonymous admin's: that says nothing."""
    assert identify(PRESS) == identify(replace(MESSAGE, date=None))


@pytest.mark.parametrize(
    ("age", "is_old"), [(0, False), (60, False), (61, True), (86_400, True), (-300, False)]
)
def test_a_message_that_waited_longer_than_a_minute_is_stale(age: int, *, is_old: bool) -> None:
    """Clocks differ: a message of the future is fresh."""
    assert is_stale(MESSAGE, NOON + timedelta(seconds=age)) is is_old


def test_a_pressed_button_has_no_age_of_its_own() -> None:
    assert not is_stale(PRESS, NOON + timedelta(days=3))
