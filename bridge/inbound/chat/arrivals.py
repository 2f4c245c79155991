"""Telegram's updates, as far as the gate has to know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiogram.types import CallbackQuery, Chat, InaccessibleMessage, Message, Update
from pydantic import ValidationError

from bridge.core.arrivals import Arrival, ArrivalKind
from bridge.core.audience import Destination

_PRIVATE = "private"


def read_arrival(body: Mapping[str, Any]) -> Arrival:
    """Read an update as Telegram sent it; what is not understood asks nothing."""
    try:
        update = Update.model_validate(body)
    except (ValidationError, RecursionError):
        return Arrival(kind=ArrivalKind.OTHER)
    if update.message is not None:
        return _read_message(ArrivalKind.MESSAGE, update.message)
    if update.edited_message is not None:
        return _read_message(ArrivalKind.EDIT, update.edited_message)
    if update.callback_query is not None:
        return _read_press(update.callback_query)
    return Arrival(kind=ArrivalKind.OTHER)


def is_for_us(arrival: Arrival) -> bool:
    """Say whether there is anything to do: most of what a group says is none of our business."""
    if arrival.kind is ArrivalKind.OTHER:
        return False
    is_said = arrival.is_private or arrival.text.startswith("/")
    return bool(arrival.press_id or arrival.moved_to is not None or is_said)


def _read_message(kind: ArrivalKind, message: Message) -> Arrival:
    sender = message.from_user
    return Arrival(
        kind=kind,
        user_id=sender.id if sender else 0,
        name=sender.full_name if sender else "",
        language=(sender.language_code or "") if sender else "",
        is_bot=sender.is_bot if sender else False,
        has_sender_chat=message.sender_chat is not None,
        is_forward=message.forward_origin is not None or bool(message.is_automatic_forward),
        # A program may also write for an account that it is connected to.
        is_via_bot=message.via_bot is not None or message.sender_business_bot is not None,
        chat=_read_place(message.chat, message),
        is_private=message.chat.type == _PRIVATE,
        title=message.chat.title or message.chat.full_name or "",
        message_id=message.message_id,
        at=message.date,
        text=message.text or "",
        moved_to=message.migrate_to_chat_id,
    )


def _read_press(query: CallbackQuery) -> Arrival:
    sender, below = query.from_user, query.message
    if below is None:
        return Arrival(kind=ArrivalKind.OTHER)
    seen = None if isinstance(below, InaccessibleMessage) else below
    return Arrival(
        kind=ArrivalKind.PRESS,
        user_id=sender.id,
        name=sender.full_name,
        language=sender.language_code or "",
        is_bot=sender.is_bot,
        chat=_read_place(below.chat, seen),
        is_private=below.chat.type == _PRIVATE,
        title=below.chat.title or below.chat.full_name or "",
        message_id=below.message_id,
        has_photo=seen is not None and bool(seen.photo),
        press=query.data or "",
        press_id=query.id,
        is_own_button=seen is not None and query.data in _list_buttons(seen),
    )


def _list_buttons(message: Message) -> set[str | None]:
    """List what the buttons below a message hold."""
    keyboard = message.reply_markup
    rows = keyboard.inline_keyboard if keyboard is not None else []
    return {each.callback_data for row in rows for each in row}


def _read_place(chat: Chat, message: Message | None) -> Destination:
    """Name the chat, or its topic: a reply's thread is none."""
    is_topic = message is not None and bool(message.is_topic_message)
    return Destination(chat.id, (message.message_thread_id or 0) if message and is_topic else 0)
