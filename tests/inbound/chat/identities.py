"""Updates as Telegram sends them: everybody who may seem to be an admin, and is not."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tests.fakes.chat import ADMIN, GROUP

WHEN = 1_749_463_200  # 2025-06-09 10:00 UTC


def person(user_id: int, **changes: Any) -> dict[str, Any]:
    return {"id": user_id, "is_bot": False, "first_name": "Ada", **changes}


def group(**changes: Any) -> dict[str, Any]:
    return {"id": GROUP, "type": "supergroup", "title": "On call", **changes}


def message(text: str, changes: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Write a message of the admin in a group; a field that becomes None is left out."""
    sent = {
        "message_id": 5,
        "date": WHEN,
        "chat": group(),
        "from": person(ADMIN),
        "text": text,
        **changes,
    }
    return {name: value for name, value in sent.items() if value is not None}


def press(held: str, changes: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Press a button as the admin; a field that becomes None is left out."""
    query = {
        "id": "77",
        "from": person(ADMIN),
        "chat_instance": "1",
        "message": message("a card", {"from": person(7_000_000_001, is_bot=True)}),
        "data": held,
        **changes,
    }
    return {name: value for name, value in query.items() if value is not None}


NEWS = {"id": -1_001_555, "type": "channel", "title": "News"}
OF_AN_ADMIN = {"type": "user", "date": WHEN, "sender_user": person(ADMIN)}
OF_SOMEBODY = {"type": "hidden_user", "date": WHEN, "sender_user_name": "X"}
ANONYMOUS = person(1_087_968_824, is_bot=True, first_name="Group", username="GroupAnonymousBot")


def disguised(text: str) -> dict[str, dict[str, Any]]:
    """Give every update in which an admin's command is nobody's word, by what it is."""
    held = text.removeprefix("/")
    bot = person(42, is_bot=True)
    return {
        "an edited message": {"edited_message": message(text, {"edit_date": WHEN + 1})},
        "an anonymous admin": {
            "message": message(text, {"sender_chat": group(), "from": ANONYMOUS})
        },
        "the group itself": {"message": message(text, {"sender_chat": group()})},
        "somebody as a channel": {
            "message": message(text, {"sender_chat": NEWS, "from": person(136_817_688)})
        },
        "the linked channel": {
            "message": message(
                text,
                {"sender_chat": NEWS, "is_automatic_forward": True, "from": person(777_000)},
            )
        },
        "Telegram itself": {"message": message(text, {"from": person(777_000)})},
        "a channel post": {
            "channel_post": message(text, {"chat": NEWS, "sender_chat": NEWS, "from": None})
        },
        "an edited channel post": {
            "edited_channel_post": message(text, {"chat": NEWS, "edit_date": WHEN, "from": None})
        },
        "a forward of an admin": {"message": message(text, {"forward_origin": OF_AN_ADMIN})},
        "a forward by an admin": {"message": message(text, {"forward_origin": OF_SOMEBODY})},
        "another bot's words": {"message": message(text, {"via_bot": bot})},
        "a bot for an admin's account": {"message": message(text, {"sender_business_bot": bot})},
        "another bot": {"message": message(text, {"from": bot})},
        "a message of nobody": {"message": message(text, {"from": None})},
        "an inline query": {
            "inline_query": {"id": "1", "from": person(ADMIN), "query": text, "offset": ""}
        },
        "a chosen inline result": {
            "chosen_inline_result": {"result_id": "1", "from": person(ADMIN), "query": text}
        },
        "a press below an inline message": {
            "callback_query": press(held, {"message": None, "inline_message_id": "x"})
        },
        "a press by another bot": {"callback_query": press(held, {"from": bot})},
        "a press as the group": {"callback_query": press(held, {"from": ANONYMOUS})},
        "a caption": {"message": message(text, {"text": None, "caption": text})},
        "a business message": {"business_message": message(text)},
        "a poll": {"poll_answer": {"poll_id": "1", "user": person(ADMIN), "option_ids": [0]}},
        "a kind nobody knows": {"telepathy": {"thought": text}},
        "nothing": {},
        "nonsense": {"message": {"text": text}},
    }
