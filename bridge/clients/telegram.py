"""Telegram, as far as we send to it: every answer and every failure becomes an outcome."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
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
from aiogram.types import (
    BufferedInputFile,
    ChatMemberAdministrator,
    ChatMemberMember,
    ChatMemberRestricted,
    ChatPermissions,
    InputMediaDocument,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)
from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.formatted import Attachment, Content, Formatted
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
_NO_TEXT: Final = "there is no text in the message to edit"
_TOPIC_GONE: Final = (
    "message thread not found",
    "top forum topic message not found",
    "topic_closed",
    "topic_deleted",
    "topic_id_invalid",
)
_MIGRATED: Final = ("group chat was upgraded",)
# A group that forbids files still takes texts: the plain form has none.
_NO_FILES: Final = ("not enough rights to send documents", "chat_send_docs_forbidden")
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
_PLACE_IS_FINE: Final = "message to be replied not found"
_TOO_LARGE_PAGE: Final = "413 Request Entity Too Large"  # the page of the proxy before Telegram
_STRANGE: Final = "the answer is not the Bot API's (a proxy's page?)"
_GENERAL_TOPIC: Final = 1  # Telegram wants the general topic of a forum unnamed
_NO_SUCH_MESSAGE: Final = 2**31 - 1
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
        self,
        destination: Destination,
        telegram_id: int | None,
        content: Content,
        *,
        is_loud: bool,
        reply_to: int | None,
    ) -> Outcome:
        """Send a message, or edit the one that stands there; an edit is never loud nor a reply."""
        try:
            if telegram_id is not None:
                await self._edit(destination.chat_id, telegram_id, content)
                return Sent(telegram_id)
            return Sent(await self._send(destination, content, is_loud=is_loud, reply_to=reply_to))
        except FAULTS as fault:
            if telegram_id is not None and _NO_TEXT in words_of(fault).casefold():
                await self._take_away(destination.chat_id, telegram_id)
            return judge_fault(fault, telegram_id)

    async def _take_away(self, chat_id: int, telegram_id: int) -> None:
        """Delete a file in whose place a text comes, or it would stand there and grow old."""
        with suppress(*FAULTS):
            await self._bot.delete_message(chat_id, telegram_id)

    async def check(self, destination: Destination) -> Outcome:
        """Ask whether messages get there, without showing one: `Sent(0)` when they do.

        What only the sending itself brings to light, such as a topic that is closed, stays hidden.
        """
        try:
            await self._bot.send_chat_action(
                destination.chat_id, "typing", message_thread_id=_thread_of(destination)
            )
            if _thread_of(destination) is not None:
                await self._try_topic(destination)
            if destination.chat_id < 0:
                return await self._check_rights(destination.chat_id)
        except FAULTS as fault:
            return judge_fault(fault, None)
        return Sent(0)

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
        except FAULTS as fault:
            raise Outage(PARTY, words_of(fault)) from fault
        return None

    async def _send(
        self, destination: Destination, content: Content, *, is_loud: bool, reply_to: int | None
    ) -> int:
        entities = _entities_of(content.text)
        reply = None
        if reply_to is not None:
            reply = ReplyParameters(message_id=reply_to, allow_sending_without_reply=True)
        if content.attachment is None:
            sent = await self._bot.send_message(
                destination.chat_id,
                content.text.text,
                message_thread_id=_thread_of(destination),
                entities=entities,
                parse_mode=None,
                link_preview_options=_NO_PREVIEW,
                disable_notification=not is_loud,
                reply_parameters=reply,
            )
        else:
            sent = await self._bot.send_document(
                destination.chat_id,
                _file_of(content.attachment),
                message_thread_id=_thread_of(destination),
                caption=content.text.text,
                caption_entities=entities,
                parse_mode=None,
                disable_content_type_detection=True,
                disable_notification=not is_loud,
                reply_parameters=reply,
            )
        return sent.message_id

    async def _edit(self, chat_id: int, telegram_id: int, content: Content) -> None:
        entities = _entities_of(content.text)
        if content.attachment is None:
            await self._bot.edit_message_text(
                content.text.text,
                chat_id=chat_id,
                message_id=telegram_id,
                entities=entities,
                parse_mode=None,
                link_preview_options=_NO_PREVIEW,
            )
            return
        document = InputMediaDocument(
            media=_file_of(content.attachment),
            caption=content.text.text,
            caption_entities=entities,
            parse_mode=None,
            disable_content_type_detection=True,
        )
        await self._bot.edit_message_media(document, chat_id=chat_id, message_id=telegram_id)

    async def _try_topic(self, destination: Destination) -> None:
        """Require that a topic is there, by an answer to a message that cannot be.

        Telegram shows a chat action in any topic. Of a message it looks at the topic first, then at
        what it answers, and refuses: nothing is shown.
        """
        try:
            await self._bot.send_message(
                destination.chat_id,
                "…",
                message_thread_id=_thread_of(destination),
                parse_mode=None,
                disable_notification=True,
                reply_parameters=ReplyParameters(
                    message_id=_NO_SUCH_MESSAGE, allow_sending_without_reply=False
                ),
            )
        except TelegramBadRequest as fault:
            if _PLACE_IS_FINE not in fault.message.casefold():
                raise

    async def _check_rights(self, chat_id: int) -> Outcome:
        """Ask whether a group lets us send texts and files."""
        permissions = None
        try:
            member = await self._bot.get_chat_member(chat_id, self._bot.id)
            if isinstance(member, ChatMemberMember):
                permissions = (await self._bot.get_chat(chat_id)).permissions
        except ClientDecodeError as fault:
            if isinstance(fault.data, str):
                raise
            return Sent(0)  # an answer of another version of Telegram: sending will tell
        return judge_rights(member, permissions)


def judge_fault(fault: Exception, telegram_id: int | None) -> Outcome:
    """Say what a failed call means for the message, in the closed words of `Reason`."""
    words = words_of(fault)
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


def judge_rights(member: object, permissions: ChatPermissions | None) -> Outcome:
    """Say whether a member with the chat's permissions may send texts; files need not pass."""
    granted: ChatMemberRestricted | ChatPermissions | None = None
    match member:
        case ChatMemberAdministrator(can_post_messages=False):  # told of channels only
            return Failed(Reason.CHAT_REFUSES, detail="the bot may not post in this channel")
        case ChatMemberRestricted():
            granted = member
        case ChatMemberMember():
            granted = permissions
    if granted is None:
        return Sent(0)
    # What Telegram does not say is not forbidden.
    if granted.can_send_messages is False:
        return Failed(Reason.CHAT_REFUSES, detail="the bot may not send texts there")
    return Sent(0)


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


def _thread_of(destination: Destination) -> int | None:
    return destination.thread_id if destination.thread_id > _GENERAL_TOPIC else None


def _file_of(attachment: Attachment) -> BufferedInputFile:
    return BufferedInputFile(attachment.content, filename=attachment.name)


def _entities_of(text: Formatted) -> list[MessageEntity]:
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


def words_of(fault: Exception) -> str:
    """Say what happened without the token, which stands in the address of every call."""
    if isinstance(fault, ClientDecodeError):
        return _STRANGE
    if isinstance(fault, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(fault, TelegramAPIError):
        return _TOKEN.sub("/bot…", fault.message)[:_LONGEST_WORDS]
    return type(fault).__name__
