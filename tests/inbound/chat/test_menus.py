"""Telegram's own menu of commands, as each person sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.core.access import Person, Role
from bridge.core.preferences import Preferences
from bridge.errors import Outage
from bridge.inbound.chat.command import Asked, Command, Commands, Family
from bridge.inbound.chat.menus import Menu, Menus
from bridge.inbound.chat.places import Places
from bridge.views.voice import Voice, Voices
from tests.fakes.chat import NOON, OPERATOR, VIEWER

TITLES = {"en": "Who did what", "ru": "Кто что делал", "zh_TW": "誰做了什麼"}


@dataclass
class Phones:
    """What phones show: a menu of their language if there is one, else the one for all others."""

    menus: dict[tuple[int | None, str], Menu] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    calls: int = 0
    gone: frozenset[int] = frozenset()
    """Chats that there are not."""

    async def set_menu(self, commands: Menu, *, language: str, chat_id: int | None) -> None:
        """Say which commands are offered."""
        if chat_id in self.gone:
            raise Outage("Telegram", "chat not found")
        self.calls += 1
        self.menus[chat_id, language] = commands

    async def get(self, name: str) -> Any:
        """Recall a value."""
        return self.kept.get(name)

    async def put(self, name: str, value: object, *, now: datetime) -> None:
        """Remember a value."""
        del now
        assert len(name) <= 64
        self.kept[name] = value

    def show(self, language: str, chat_id: int | None = None) -> dict[str, str]:
        """Show the menu of a phone of this language."""
        here = [(chat_id, language), (chat_id, ""), (None, language), (None, "")]
        return dict(next(self.menus[each] for each in here if each in self.menus))


async def run(asked: Asked) -> Any:
    raise AssertionError(asked)


COMMANDS = Commands(
    Command(name=name, needs=needs, family=Family.LOOK, help="Who did what", run=run)
    for name, needs in (("whoami", None), ("status", Role.VIEWER))
)


def voices_of(language: str, chosen: str | None = None) -> Mapping[str, Voice]:
    """Speak as settings of this language do to a chat that has chosen this one, or nothing."""
    chats: Any = None
    places = Places(chats, Voices(lambda *_: None), language=language, zone=UTC)
    return places.create_voices(Preferences(language=chosen), NOON)


@pytest.mark.parametrize("settings", TITLES)
async def test_who_has_chosen_nothing_reads_the_language_of_their_telegram(settings: str) -> None:
    phones = Phones()
    viewer = Person(user_id=VIEWER, role=Role.VIEWER)
    voices = voices_of(settings)
    await Menus(COMMANDS, phones, phones).offer_all([(viewer, voices)], voices)
    for code, read in {"en": "en", "ru": "ru", "zh": "zh_TW", "de": settings}.items():
        assert phones.show(code) == {"whoami": TITLES[read]}
        assert phones.show(code, VIEWER) == {"whoami": TITLES[read], "status": TITLES[read]}


@pytest.mark.parametrize("chosen", TITLES)
async def test_what_somebody_has_chosen_holds_whatever_their_telegram_speaks(chosen: str) -> None:
    phones = Phones()
    menus = Menus(COMMANDS, phones, phones)
    for choice in (None, chosen, None, chosen):
        await menus.offer(VIEWER, Role.VIEWER, voices_of("en", choice))
    for code in ("en", "ru", "zh", "de"):
        assert phones.show(code, VIEWER)["status"] == TITLES[chosen]


async def test_a_menu_is_set_once_and_no_more_often_than_it_differs() -> None:
    phones = Phones()
    menus = Menus(COMMANDS, phones, phones)
    for _ in range(3):
        await menus.offer(VIEWER, Role.VIEWER, voices_of("en", "ru"))
    assert phones.calls == 1


async def test_a_role_that_is_gone_takes_its_commands_in_every_language() -> None:
    phones = Phones()
    menus = Menus(COMMANDS, phones, phones)
    await menus.offer(VIEWER, Role.VIEWER, voices_of("en"))
    await menus.offer(VIEWER, None, voices_of("en"))
    assert {code: [*phones.show(code, VIEWER)] for code in ("en", "ru", "zh", "de")} == {
        code: ["whoami"] for code in ("en", "ru", "zh", "de")
    }


async def test_somebody_without_a_chat_keeps_nobody_else_from_their_menu() -> None:
    phones = Phones(gone=frozenset({VIEWER}))
    people = [Person(user_id=each, role=Role.VIEWER) for each in (VIEWER, OPERATOR)]
    voices = voices_of("en")
    await Menus(COMMANDS, phones, phones).offer_all([(each, voices) for each in people], voices)
    assert [*phones.show("ru", OPERATOR)] == ["whoami", "status"]
    assert [*phones.show("ru", VIEWER)] == ["whoami"]
