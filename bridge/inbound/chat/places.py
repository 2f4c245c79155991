"""How each chat is spoken to: its own choice, the person's, or the settings'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final, Protocol

from bridge.core.access import Scope
from bridge.core.arrivals import Arrival
from bridge.core.audience import Destination
from bridge.core.chats import Chat
from bridge.core.preferences import Look, Preferences, find_zone
from bridge.views.voice import Voice, Voices

# What people's Telegram calls the languages that we speak.
_TELEGRAM: Final = {"ru": "ru", "zh": "zh_TW", "en": "en"}


class Chats(Protocol):
    """What is known of each chat."""

    async def find(self, here: Destination) -> Chat:
        """Tell what is known of a chat."""
        ...

    async def note_title(self, here: Destination, title: str) -> None:
        """Remember what a chat is called."""
        ...


class Places:
    """Finds the voice for whoever speaks, and the limits of the chat they speak in."""

    def __init__(self, chats: Chats, voices: Voices, *, language: str, zone: tzinfo) -> None:
        self._chats = chats
        self._voices = voices
        self._language = language
        self._zone = zone

    async def find_voice(self, arrival: Arrival, now: datetime) -> tuple[Voice, Scope]:
        """Make the voice for whoever speaks there, and find the chat's limits.

        In a group its own choice comes first: everybody there reads the answer.
        """
        here = arrival.chat or Destination(arrival.user_id)
        chat = await self._chats.find(here)
        if chat.title != arrival.title:
            await self._chats.note_title(here, arrival.title)
        chosen = chat.ear.preferences
        spoken = ""
        if arrival.is_private:
            spoken = _TELEGRAM.get(arrival.language.partition("-")[0].lower(), "")
        else:
            person = await self._chats.find(Destination(arrival.user_id))
            chosen = chosen.over(person.ear.preferences)
        return self.create_voice(chosen, now, spoken=spoken), chat.ear.scope

    def create_voices(self, chosen: Preferences, now: datetime) -> Mapping[str, Voice]:
        """Make the voices for a private chat that has chosen this, by the person's Telegram's."""
        codes = {"": "", **_TELEGRAM}
        return {
            code: self.create_voice(chosen, now, spoken=spoken) for code, spoken in codes.items()
        }

    def create_voice(self, chosen: Preferences, now: datetime, *, spoken: str = "") -> Voice:
        """Make the voice for a chat that has chosen this; `spoken` is the person's Telegram's."""
        return self._voices.create(
            chosen.language or spoken or self._language,
            find_zone(chosen.zone) or self._zone,
            now,
            is_dark=chosen.charts is not Look.LIGHT,
        )
