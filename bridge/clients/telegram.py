"""Telegram, as far as we send to it: every answer and every failure becomes an outcome."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Final

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
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
from aiogram.types import LinkPreviewOptions, MessageEntity
from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.formatted import Formatted
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.errors import Outage

PARTY = "Telegram"

# What Telegram's "Bad Request" says (telegram-bot-api, Client.cpp), by what it means for us. Any
# other wording is about the text.
_UNCHANGED: Final = ("message is not modified",)
_GONE: Final = ("message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID")
_CHAT_REFUSES: Final = (
    "chat not found",
    "message thread not found",
    "TOPIC_CLOSED",
    "TOPIC_DELETED",
    "not enough rights",
    "have no rights",
    "CHAT_WRITE_FORBIDDEN",
    "CHAT_RESTRICTED",
    "PEER_ID_INVALID",
    "group chat was upgraded",
    "group is deactivated",
)
# All that a call can end in; the proxy's are not among aiohttp's.
_FAULTS: Final = (
    AiogramError,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
    ProxyError,
    ProxyConnectionError,
    ProxyTimeoutError,
)
_TOKEN: Final = re.compile(r"/bot[^/\s'\"]*")  # in the address of a call, which aiohttp may quote
_LONGEST_WORDS: Final = 200  # characters: they go into a sentence
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


class Telegram:
    """One bot's way out."""

    def __init__(
        self, token: str, *, api_base: str | None = None, proxy: str | None = None
    ) -> None:
        server = TelegramAPIServer.from_base(api_base) if api_base else PRODUCTION
        self._bot = Bot(
            token,
            session=AiohttpSession(proxy=proxy, api=server, timeout=limits.SEND_TIMEOUT_SECONDS),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._bot.session.close()

    async def show(
        self, destination: Destination, telegram_id: int | None, text: Formatted
    ) -> Outcome:
        """Send a message, or edit the one that stands there."""
        try:
            return Sent(await self._show(destination, telegram_id, text))
        except _FAULTS as fault:
            return judge_fault(fault, telegram_id)

    async def probe(self) -> str | None:
        """Ask who we are: None when Telegram knows the bot, else what is wrong.

        Raises:
            Outage: Telegram cannot be asked.
        """
        try:
            await self._bot.get_me(request_timeout=limits.HEALTH_TIMEOUT_SECONDS)
        except (TelegramUnauthorizedError, TelegramNotFound):
            return (
                "Telegram does not know this bot token; take a fresh one from @BotFather and put "
                "it into BOT_TOKEN"
            )
        except _FAULTS as fault:
            raise Outage(PARTY, _words(fault)) from fault
        return None

    async def _show(
        self, destination: Destination, telegram_id: int | None, text: Formatted
    ) -> int:
        entities = [
            MessageEntity(
                type=each.kind,
                offset=each.offset,
                length=each.length,
                url=each.url,
                language=each.language,
            )
            for each in text.entities
        ]
        if telegram_id is None:
            sent = await self._bot.send_message(
                destination.chat_id,
                text.text,
                message_thread_id=destination.thread_id or None,
                entities=entities,
                parse_mode=None,
                link_preview_options=_NO_PREVIEW,
            )
            return sent.message_id
        await self._bot.edit_message_text(
            text.text,
            chat_id=destination.chat_id,
            message_id=telegram_id,
            entities=entities,
            parse_mode=None,
            link_preview_options=_NO_PREVIEW,
        )
        return telegram_id


def judge_fault(fault: Exception, telegram_id: int | None) -> Outcome:
    """Say what a failed call means for the message, in the closed words of `Reason`."""
    words = _words(fault)
    match fault:
        case TelegramRetryAfter():
            wait = timedelta(seconds=max(fault.retry_after, 1))
            return Failed(Reason.RATE_LIMIT, wait=wait, detail=words)
        case TelegramUnauthorizedError() | TelegramNotFound():
            return Failed(Reason.NOT_AUTHORISED, detail=words)
        case TelegramForbiddenError() | TelegramMigrateToChat():
            return Failed(Reason.CHAT_REFUSES, detail=words)
        case TelegramEntityTooLarge():  # aiogram counts it among the network errors; it is not
            return Failed(Reason.BAD_MESSAGE, detail=words)
        case TelegramBadRequest():
            return _judge_bad_request(words, telegram_id)
        case _:
            return Failed(Reason.OUTAGE, detail=words)


def _judge_bad_request(words: str, telegram_id: int | None) -> Outcome:
    if telegram_id is not None and any(phrase in words for phrase in _UNCHANGED):
        return Sent(telegram_id)
    if telegram_id is not None and any(phrase in words for phrase in _GONE):
        return Failed(Reason.MESSAGE_GONE, detail=words)
    if any(phrase in words for phrase in _CHAT_REFUSES):
        return Failed(Reason.CHAT_REFUSES, detail=words)
    return Failed(Reason.BAD_MESSAGE, detail=words)


def _words(fault: Exception) -> str:
    """Say what happened without the token, which stands in the address of every call."""
    if isinstance(fault, ClientDecodeError):
        return "the answer is not the Bot API's (a proxy's page?)"
    if isinstance(fault, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(fault, TelegramAPIError):
        return _TOKEN.sub("/bot…", fault.message)[:_LONGEST_WORDS]
    return type(fault).__name__
