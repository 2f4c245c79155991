"""What a failed call to Telegram means: every failure becomes an outcome, or an error of ours."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import aiohttp
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.errors import Outage

PARTY = "Telegram"

# What Telegram's "Bad Request" says (telegram-bot-api Client.cpp and td), in small letters, by what
# it means for us. Any other wording is about the message itself.
_UNCHANGED: Final = ("message is not modified",)
_GONE: Final = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    # A text cannot take a file's place nor a file a text's: the message is shown anew.
    "there is no text in the message to edit",
    "there is no caption in the message to edit",
    "there is no media in the message to edit",
    "message media can't be edited",
)
NO_TEXT: Final = "there is no text in the message to edit"
_TOPIC_GONE: Final = (
    "message thread not found",
    "top forum topic message not found",
    "topic_closed",
    "topic_deleted",
    "topic_id_invalid",
)
_MIGRATED: Final = ("group chat was upgraded",)
# A group that forbids files or pictures still takes texts: the plain form has none.
_NO_FILES: Final = (
    "not enough rights to send documents",
    "chat_send_docs_forbidden",
    "not enough rights to send photos",
    "chat_send_photos_forbidden",
)
_CHAT_REFUSES: Final = (
    "chat not found",
    "not enough rights",
    "have no rights",
    "have no write access",
    "need administrator rights",
    "chat_admin_required",
    "chat_write_forbidden",
    "chat_send_",  # CHAT_SEND_PLAIN_FORBIDDEN, CHAT_SEND_DOCS_FORBIDDEN and their kin
    "chat_guest_send_forbidden",
    "chat_restricted",
    "chat_id_invalid",
    "channel_private",
    "channel_invalid",
    "peer_id_invalid",
    "user_banned_in_channel",
    "user is deactivated",
    "user_deactivated",
    "input_user_deactivated",
    "user_is_blocked",
    "bot was kicked",
    "bot was blocked",
    "is not a member of",
    "can't initiate conversation",
    "chat was deleted",
    "group is deactivated",
    "chat is deactivated",
)
PLACE_IS_FINE: Final = "message to be replied not found"
_TOO_LARGE_PAGE: Final = "413 Request Entity Too Large"  # the page of the proxy before Telegram
_STRANGE: Final = "the answer is not the Bot API's (a proxy's page?)"
# All that a call can end in; the proxy's are not among aiohttp's.
FAULTS: Final = (
    AiogramError,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
    ProxyError,
    ProxyConnectionError,
    ProxyTimeoutError,
)
_REASONS: Final = (
    (TelegramUnauthorizedError, Reason.NOT_AUTHORISED),
    (TelegramNotFound, Reason.NOT_AUTHORISED),
    (TelegramForbiddenError, Reason.CHAT_REFUSES),
    # aiogram counts it among the network errors; it is not
    (TelegramEntityTooLarge, Reason.BAD_MESSAGE),
)
_TOKEN: Final = re.compile(r"/bot[^/\s'\"]*")  # in the address of a call, which aiohttp may quote
_LONGEST_WORDS: Final = 200  # characters: they go into a sentence


@contextmanager
def translated() -> Iterator[None]:
    """Let whatever a call can end in leave as an error of ours.

    Raises:
        Outage: Telegram did not do what it was asked, and says why.
    """
    try:
        yield
    except FAULTS as fault:
        raise Outage(PARTY, describe(fault)) from fault


def judge_fault(fault: Exception, telegram_id: int | None) -> Outcome:
    """Say what a failed call means for the message, in the closed words of `Reason`."""
    words = describe(fault)
    match fault:
        case TelegramBadRequest():
            return _judge_bad_request(words, telegram_id)
        case TelegramRetryAfter():
            wait = timedelta(seconds=max(fault.retry_after, 1))
            return Failed(Reason.RATE_LIMIT, wait=wait, detail=words)
        case TelegramMigrateToChat():
            return Failed(Reason.MIGRATED, moved_to=fault.migrate_to_chat_id, detail=words)
        case ClientDecodeError():
            return _judge_strange_answer(fault.data)
    reason = next((each for kind, each in _REASONS if isinstance(fault, kind)), Reason.OUTAGE)
    return Failed(reason, detail=words)


def _judge_bad_request(words: str, telegram_id: int | None) -> Outcome:
    said = words.casefold()

    def says(phrases: tuple[str, ...]) -> bool:
        return any(phrase in said for phrase in phrases)

    if telegram_id is not None and says(_UNCHANGED):
        return Sent(telegram_id)
    if telegram_id is not None and says(_GONE):
        return Failed(Reason.MESSAGE_GONE, detail=words)
    for reason, phrases in (
        (Reason.BAD_MESSAGE, _NO_FILES),
        (Reason.TOPIC_GONE, _TOPIC_GONE),
        (Reason.MIGRATED, _MIGRATED),
        (Reason.CHAT_REFUSES, _CHAT_REFUSES),
    ):
        if says(phrases):
            return Failed(reason, detail=words)
    return Failed(Reason.BAD_MESSAGE, detail=words)


def _judge_strange_answer(answer: object) -> Outcome:
    """Read an answer that the library does not know; a message it shows is not to come again."""
    match answer:
        case {"ok": True, "result": {"message_id": int(telegram_id)}}:
            return Sent(telegram_id)
        case str() if _TOO_LARGE_PAGE in answer:
            return Failed(Reason.BAD_MESSAGE, detail=_TOO_LARGE_PAGE)
    return Failed(Reason.OUTAGE, detail=_STRANGE)


def describe(fault: Exception) -> str:
    """Say what happened without the token, which stands in the address of every call."""
    if isinstance(fault, ClientDecodeError):
        return _STRANGE
    if isinstance(fault, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(fault, TelegramAPIError):
        return _TOKEN.sub("/bot…", fault.message)[:_LONGEST_WORDS]
    return type(fault).__name__
