"""Telegram, as far as it tells us what people write and press."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.types import BotCommand, BotCommandScopeAllPrivateChats, BotCommandScopeChat, Update

from bridge import limits
from bridge.clients.telegram import create_bot
from bridge.clients.telegram_faults import FAULTS, PARTY, describe
from bridge.core.updates import Incoming
from bridge.errors import Outage, Refused

KINDS: Final = ["message", "edited_message", "callback_query", "my_chat_member"]
"""The updates that are asked for; of the rest nothing is ever acted on."""


class TelegramUpdates:
    """One bot's ear."""

    def __init__(
        self, token: str, *, api_base: str | None = None, proxy: str | None = None
    ) -> None:
        # Connections of its own: a long poll holds one for half a minute.
        self._bot = create_bot(token, api_base=api_base, proxy=proxy)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._bot.session.close()

    async def fetch_name(self) -> str:
        """Ask what the bot is called, without the @.

        Raises:
            Outage: Telegram did not say.
        """
        try:
            return (await self._bot.get_me()).username or ""
        except FAULTS as fault:
            raise Outage(PARTY, describe(fault)) from fault

    async def open(self) -> None:
        """Take back a webhook that was left: Telegram tells either there or here.

        Raises:
            Outage: Telegram did not answer.
        """
        try:
            await self._bot.delete_webhook(drop_pending_updates=False)
        except FAULTS as fault:
            raise Outage(PARTY, describe(fault)) from fault

    async def open_door(self, url: str, secret: str) -> None:
        """Ask Telegram to call this address, and to show that secret when it does.

        Raises:
            Outage: Telegram did not take it; its words say why.
        """
        try:
            await self._bot.set_webhook(url, secret_token=secret, allowed_updates=KINDS)
        except FAULTS as fault:
            raise Outage(PARTY, describe(fault)) from fault

    async def fetch(self, offset: int | None) -> list[Incoming]:
        """Wait for updates from this number on; those below it are confirmed.

        Raises:
            Refused: another program polls with this token, or the token is not known.
            Outage: Telegram did not answer.
        """
        try:
            found = await self._bot.get_updates(
                offset=offset,
                timeout=limits.POLL_SECONDS,
                allowed_updates=KINDS,
                request_timeout=limits.POLL_SECONDS + limits.SEND_TIMEOUT_SECONDS,
            )
        except ClientDecodeError as fault:
            return _read_raw(fault)
        except TelegramConflictError as fault:
            raise Refused(
                "another program takes this bot's messages; end it, or give it a token of its own"
            ) from fault
        except (TelegramUnauthorizedError, TelegramNotFound) as fault:
            raise Refused("Telegram does not know this bot token") from fault
        except FAULTS as fault:
            raise Outage(PARTY, describe(fault)) from fault
        return [
            Incoming(
                each.update_id, each.model_dump(mode="json", by_alias=True, exclude_unset=True)
            )
            for each in found
        ]

    async def acknowledge(self, press_id: str, text: str = "", *, is_alert: bool = False) -> None:
        """End the waiting sign on a pressed button; a press that is too old needs none."""
        try:
            await self._bot.answer_callback_query(
                press_id, text[: limits.CALLBACK_CHARACTERS] or None, show_alert=is_alert
            )
        except TelegramBadRequest:
            return
        except FAULTS as fault:
            raise Outage(PARTY, describe(fault)) from fault

    async def set_menu(
        self, commands: Sequence[tuple[str, str]], *, language: str, chat_id: int | None
    ) -> None:
        """Say which commands Telegram offers: in one private chat, or in all of them.

        Raises:
            Outage: Telegram did not take it.
        """
        scope = BotCommandScopeAllPrivateChats()
        here = BotCommandScopeChat(chat_id=chat_id) if chat_id is not None else scope
        listed = [
            BotCommand(command=name, description=text[: limits.MENU_DESCRIPTION_CHARACTERS])
            for name, text in commands
        ]
        try:
            await self._bot.set_my_commands(listed, scope=here, language_code=language or None)
        except FAULTS as fault:
            raise Outage(PARTY, describe(fault)) from fault


def _write(update: Update) -> dict[str, Any]:
    """Write an update as Telegram sent it: what it left out is the library's."""
    return update.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _read_raw(fault: ClientDecodeError) -> list[Incoming]:
    """Read the updates of a batch in which one is of a kind that the library does not know."""
    match fault.data:
        case {"ok": True, "result": [*raw]}:
            return [
                Incoming(each["update_id"], each)
                for each in raw
                if isinstance(each, dict) and isinstance(each.get("update_id"), int)
            ]
    raise Outage(PARTY, describe(fault)) from fault
