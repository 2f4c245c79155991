"""Telegram's limits as figures, each with its unit and where it is written down."""

from __future__ import annotations

from typing import Final

RAW_TEXT_BYTES: Final = 32_768  # Client.cpp get_formatted_text: 1 << 15, before parsing
TEXT_CODE_POINTS: Final = 4096  # OptionManager.cpp message_text_length_max
CAPTION_CODE_POINTS: Final = 1024  # OptionManager.cpp message_caption_length_max
CALLBACK_ANSWER_CODE_POINTS: Final = 200  # Bot API answerCallbackQuery.text
ENTITIES: Final = 100  # MessageEntity.cpp MAX_USER_ENTITY_COUNT: the rest is dropped
ENTITY_OFFSET: Final = 1_000_000  # MessageEntity.cpp fix_formatted_text, UTF-16 units

CALLBACK_DATA_BYTES: Final = 64  # Bot API InlineKeyboardButton.callback_data
COPY_TEXT_CODE_POINTS: Final = 256  # Bot API CopyTextButton.text
PLACEHOLDER_CODE_POINTS: Final = 64  # Bot API input_field_placeholder
KEYBOARD_BUTTONS: Final = 100  # the server's limit on buttons of an inline keyboard
REPLY_KEYBOARD_BUTTONS: Final = 300  # ReplyMarkup.cpp: a reply keyboard may be larger

COMMANDS: Final = 100  # Bot API setMyCommands
COMMAND_CODE_POINTS: Final = 32  # Bot API BotCommand.command
COMMAND_DESCRIPTION_CODE_POINTS: Final = 256  # Bot API BotCommand.description
ALBUM_ITEMS: Final = (2, 10)  # Bot API sendMediaGroup
DELETE_IDS: Final = 100  # Bot API deleteMessages

PHOTO_BYTES: Final = 10 * 1024 * 1024  # Bot API sendPhoto
PHOTO_SIDES_PIXELS: Final = 10_000  # Bot API sendPhoto: width + height
PHOTO_RATIO: Final = 20  # Bot API sendPhoto: longer side to shorter
UPLOAD_BYTES: Final = 50 * 1024 * 1024  # Bot API sendDocument
DOWNLOAD_BYTES: Final = 20 * 1024 * 1024  # Bot API getFile

CALLBACK_QUERY_SECONDS: Final = 150  # Client.cpp: retention of a callback query
MESSAGE_UPDATE_SECONDS: Final = 24 * 3600  # Client.cpp: retention of a message
DELETE_SECONDS: Final = 48 * 3600  # Bot API deleteMessage
POLL_SECONDS: Final = 50  # Client.h LONG_POLL_MAX_TIMEOUT
