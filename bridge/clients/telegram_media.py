"""Our messages as Telegram's library takes them: entities, files, pictures and keyboards."""

from __future__ import annotations

from typing import Final

from aiogram.types import (
    BufferedInputFile,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    KeyboardButton,
    LinkPreviewOptions,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyParameters,
)

from bridge.core.audience import Destination
from bridge.core.formatted import Attachment, Content, Formatted
from bridge.core.keyboards import Button, Keyboard, Offer

NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)
_GENERAL_TOPIC: Final = 1  # Telegram wants the general topic of a forum unnamed
_PHOTO: Final = "chart.png"


def thread_of(destination: Destination) -> int | None:
    """Name a topic as Telegram does; None for the chat itself."""
    return destination.thread_id if destination.thread_id > _GENERAL_TOPIC else None


def reply_to(message_id: int | None) -> ReplyParameters | None:
    """Answer a message, also one that may be gone; None answers none."""
    if message_id is None:
        return None
    return ReplyParameters(message_id=message_id, allow_sending_without_reply=True)


def entities_of(text: Formatted) -> list[MessageEntity]:
    """Write a text's entities."""
    return [
        MessageEntity(
            type=each.kind,
            offset=each.offset,
            length=each.length,
            url=each.url,
            language=each.language,
        )
        for each in text.entities
    ]


def file_of(attachment: Attachment) -> BufferedInputFile:
    """Give a file to upload."""
    return BufferedInputFile(attachment.content, filename=attachment.name)


def photo_of(png: bytes) -> BufferedInputFile:
    """Give a picture to upload."""
    return BufferedInputFile(png, filename=_PHOTO)


def media_of(content: Content) -> InputMediaPhoto | InputMediaDocument | None:
    """Write what an edit puts in a message's place; None where that is a text."""
    caption, entities = content.text.text, entities_of(content.text)
    if content.photo is not None:
        return InputMediaPhoto(
            media=photo_of(content.photo),
            caption=caption,
            caption_entities=entities,
            parse_mode=None,
        )
    if content.attachment is not None:
        return InputMediaDocument(
            media=file_of(content.attachment),
            caption=caption,
            caption_entities=entities,
            parse_mode=None,
            disable_content_type_detection=True,
        )
    return None


def inline_markup(keyboard: Keyboard | Offer | None) -> InlineKeyboardMarkup | None:
    """Write the buttons under a message; None takes those away that stand there.

    An offer has none: it takes the place of the phone's keyboard, which an edit cannot change.
    """
    if not isinstance(keyboard, Keyboard) or not any(keyboard.rows):
        return None
    rows = [[_button(each) for each in row] for row in keyboard.rows if row]
    return InlineKeyboardMarkup(inline_keyboard=rows)


def markup_of(
    keyboard: Keyboard | Offer | None,
) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | None:
    """Write the buttons of a message that is sent; None for none."""
    if isinstance(keyboard, Offer) and any(keyboard.rows):
        rows = [[KeyboardButton(text=word) for word in row] for row in keyboard.rows if row]
        return ReplyKeyboardMarkup(keyboard=rows, resize_keyboard=True)
    return inline_markup(keyboard)


def _button(button: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(
        text=button.label,
        callback_data=button.press or None,
        url=button.url or None,
        copy_text=CopyTextButton(text=button.copy) if button.copy else None,
    )
