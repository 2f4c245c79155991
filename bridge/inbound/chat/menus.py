"""Telegram's own menu of commands: what each person may do, in their language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from bridge.core.access import Person, Role
from bridge.errors import Outage
from bridge.inbound.chat.command import Commands
from bridge.logs import create_log
from bridge.views.voice import Voice, Voices

_log = create_log(__name__)
# Telegram's codes of the languages that we speak; the empty one is for all others.
TELEGRAM_LANGUAGES: Final = {"": "en", "ru": "ru", "zh": "zh_TW"}
Menu = Sequence[tuple[str, str]]


class MenuHolder(Protocol):
    """Shows menus."""

    async def set_menu(self, commands: Menu, *, language: str, chat_id: int | None) -> None:
        """Say which commands are offered in one private chat, or in all of them."""
        ...


class Memory(Protocol):
    """Remembers small things over a restart."""

    async def get(self, name: str) -> Any:
        """Recall a value."""
        ...

    async def put(self, name: str, value: object, *, now: datetime) -> None:
        """Remember a value."""
        ...


class Menus:
    """Keeps Telegram's menus in line with roles and languages."""

    def __init__(
        self, commands: Commands, voices: Voices, holder: MenuHolder, memory: Memory
    ) -> None:
        self._commands = commands
        self._voices = voices
        self._holder = holder
        self._memory = memory

    async def offer_all(self, people: Iterable[tuple[Person, Voice]], voice: Voice) -> None:
        """Bring everybody's menu up to date; strangers see what anybody may.

        Raises:
            Outage: Telegram or the store does not answer; what was done stays done.
        """
        for code, language in TELEGRAM_LANGUAGES.items():
            spoken = self._voices.create(language, voice.zone, voice.now)
            menu = list_menu(self._commands, spoken, None)
            await self._offer(menu, language=code, chat_id=None, now=voice.now)
        for person, own in people:
            try:
                await self.offer(person.user_id, person.role, own)
            except Outage as fault:  # whoever has never written to the bot has no chat with it
                _log.debug(fault.sentence, action="menus", user=person.user_id)

    async def offer(self, user_id: int, role: Role | None, voice: Voice) -> None:
        """Bring one person's menu up to date.

        Raises:
            Outage: Telegram or the store does not answer.
        """
        menu = list_menu(self._commands, voice, role)
        await self._offer(menu, language="", chat_id=user_id, now=voice.now)

    async def _offer(
        self, menu: Menu, *, language: str, chat_id: int | None, now: datetime
    ) -> None:
        """Show a menu, unless it is the one that is shown."""
        name = f"menu {chat_id or 'all'} {language}".strip()
        digest = hashlib.sha256(json.dumps(menu).encode()).hexdigest()
        if await self._memory.get(name) == digest:
            return
        await self._holder.set_menu(menu, language=language, chat_id=chat_id)
        await self._memory.put(name, digest, now=now)


def list_menu(commands: Commands, voice: Voice, role: Role | None) -> Menu:
    """List what a role may call; Telegram takes small letters only."""
    return [
        (each.name, voice.say(each.help))
        for each in commands
        if each.is_listed
        and each.name.islower()
        and (each.needs is None or (role is not None and role.includes(each.needs)))
    ]
