"""Telegram, as far as we send to it: every answer and every failure becomes an outcome."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    ChatMemberAdministrator,
    ChatMemberMember,
    ChatMemberRestricted,
    ChatPermissions,
    ReplyParameters,
)

from bridge import limits
from bridge.clients.telegram_faults import (
    FAULTS,
    NO_TEXT,
    PARTY,
    PLACE_IS_FINE,
    describe,
    judge_fault,
)
from bridge.clients.telegram_media import (
    NO_PREVIEW,
    entities_of,
    file_of,
    inline_markup,
    markup_of,
    media_of,
    photo_of,
    reply_to,
    thread_of,
)
from bridge.core.audience import Destination
from bridge.core.formatted import Content
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.core.veil import Veil
from bridge.errors import Outage

_NO_SUCH_MESSAGE: Final = 2**31 - 1


def create_bot(token: str, *, api_base: str | None = None, proxy: str | None = None) -> Bot:
    """Make the library's bot; its connections are its own, and closed with its session."""
    server = TelegramAPIServer.from_base(api_base) if api_base else PRODUCTION
    session = AiohttpSession(proxy=proxy, api=server, timeout=limits.SEND_TIMEOUT_SECONDS)
    return Bot(token, session=session)


class Telegram:
    """One bot's way out."""

    def __init__(
        self,
        token: str,
        *,
        api_base: str | None = None,
        proxy: str | None = None,
        unsaid: Iterable[str] = (),
    ) -> None:
        self._bot = create_bot(token, api_base=api_base, proxy=proxy)
        self._veil = Veil((token, *unsaid))
        """Hides secrets of ours, whoever has written them."""

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
        content = self._veil.hide(content)
        try:
            if telegram_id is not None:
                await self._edit(destination.chat_id, telegram_id, content)
                return Sent(telegram_id)
            return Sent(await self._send(destination, content, is_loud=is_loud, answered=reply_to))
        except FAULTS as fault:
            if telegram_id is not None and NO_TEXT in describe(fault).casefold():
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
                destination.chat_id, "typing", message_thread_id=thread_of(destination)
            )
            if thread_of(destination) is not None:
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
            raise Outage(PARTY, describe(fault)) from fault
        return None

    async def _send(
        self, destination: Destination, content: Content, *, is_loud: bool, answered: int | None
    ) -> int:
        text, entities = content.text.text, entities_of(content.text)
        place: dict[str, Any] = {
            "chat_id": destination.chat_id,
            "message_thread_id": thread_of(destination),
            "parse_mode": None,
            "disable_notification": not is_loud,
            "reply_parameters": reply_to(answered),
            "reply_markup": markup_of(content.keyboard),
        }
        if content.photo is not None:
            sent = await self._bot.send_photo(
                photo=photo_of(content.photo), caption=text, caption_entities=entities, **place
            )
        elif content.attachment is not None:
            sent = await self._bot.send_document(
                document=file_of(content.attachment),
                caption=text,
                caption_entities=entities,
                disable_content_type_detection=True,
                **place,
            )
        else:
            sent = await self._bot.send_message(
                text=text, entities=entities, link_preview_options=NO_PREVIEW, **place
            )
        return sent.message_id

    async def _edit(self, chat_id: int, telegram_id: int, content: Content) -> None:
        """Put something else in a message's place; buttons that it has no more go as well."""
        markup, media = inline_markup(content.keyboard), media_of(content)
        if media is not None:
            await self._bot.edit_message_media(
                media, chat_id=chat_id, message_id=telegram_id, reply_markup=markup
            )
            return
        await self._bot.edit_message_text(
            content.text.text,
            chat_id=chat_id,
            message_id=telegram_id,
            entities=entities_of(content.text),
            parse_mode=None,
            link_preview_options=NO_PREVIEW,
            reply_markup=markup,
        )

    async def _try_topic(self, destination: Destination) -> None:
        """Require that a topic is there, by an answer to a message that cannot be.

        Telegram shows a chat action in any topic. Of a message it looks at the topic first, then at
        what it answers, and refuses: nothing is shown.
        """
        try:
            await self._bot.send_message(
                destination.chat_id,
                "…",
                message_thread_id=thread_of(destination),
                parse_mode=None,
                disable_notification=True,
                reply_parameters=ReplyParameters(
                    message_id=_NO_SUCH_MESSAGE, allow_sending_without_reply=False
                ),
            )
        except TelegramBadRequest as fault:
            if PLACE_IS_FINE not in fault.message.casefold():
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
