"""Telegram's own menu of commands: what each person may do, in their language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bridge.core.access import Person, Role
from bridge.errors import Outage
from bridge.inbound.chat.command import Commands
from bridge.logs import create_log
from bridge.views.voice import Voice

_log = create_log(__name__)
Menu = Sequence[tuple[str, str]]
ByLanguage = Mapping[str, Voice]
"""How somebody is spoken to, by Telegram's code of their Telegram's language; "" for others."""


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

    def __init__(self, commands: Commands, holder: MenuHolder, memory: Memory) -> None:
        self._commands = commands
        self._holder = holder
        self._memory = memory

    async def offer_all(
        self, people: Iterable[tuple[Person, ByLanguage]], voices: ByLanguage
    ) -> None:
        """Bring everybody's menu up to date; strangers see what anybody may.

        Raises:
            Outage: Telegram or the store does not answer; what was done stays done.
        """
        await self._offer_each(None, voices, chat_id=None)
        for person, own in people:
            try:
                await self.offer(person.user_id, person.role, own)
            except Outage as fault:  # whoever has never written to the bot has no chat with it
                _log.debug(fault.sentence, action="menus", user=person.user_id)

    async def offer(self, user_id: int, role: Role | None, voices: ByLanguage) -> None:
        """Bring one person's menu up to date.

        Raises:
            Outage: Telegram or the store does not answer.
        """
        await self._offer_each(role, voices, chat_id=user_id)

    async def _offer_each(
        self, role: Role | None, voices: ByLanguage, *, chat_id: int | None
    ) -> None:
        """Show it in each language; one that reads as all others is not told apart from them."""
        others = list_menu(self._commands, voices[""], role)
        for code, voice in voices.items():
            menu = list_menu(self._commands, voice, role)
            name = f"menu {chat_id or 'all'} {code}".strip()
            digest = hashlib.sha256(json.dumps(menu).encode()).hexdigest()
            shown = await self._memory.get(name)
            if shown == digest or (code and menu == others and shown is None):
                continue
            await self._holder.set_menu(menu, language=code, chat_id=chat_id)
            await self._memory.put(name, digest, now=voice.now)


def list_menu(commands: Commands, voice: Voice, role: Role | None) -> Menu:
    """List what a role may call; Telegram takes small letters only."""
    return [
        (each.name, voice.say(each.help))
        for each in commands
        if each.is_listed
        and each.name.islower()
        and (each.needs is None or (role is not None and role.includes(each.needs)))
    ]
