"""Letting chats hear alerts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bridge.core.access import EVERYWHERE, Person, Role, Scope, parse_scope
from bridge.core.audience import Destination
from bridge.core.chats import Chat, Subscribed
from bridge.core.hearing import Ear
from bridge.core.preferences import Preferences
from bridge.inbound.chat.chats import ChatsCommands
from bridge.inbound.chat.command import Asked, Commands
from bridge.views.voice import Voice
from tests.fakes.chat import GROUP, OPERATOR, FakeChat

DATABASES = parse_scope(["group=db"])


@dataclass
class FakeChats:
    """Remembers which chats hear, and of which hosts."""

    scopes: dict[Destination, Scope] = field(default_factory=dict)
    subscribed: list[Destination] = field(default_factory=list)

    async def find(self, here: Destination) -> Chat:
        return Chat(
            destination=here,
            is_subscribed=here in self.subscribed,
            is_settled=False,
            ear=Ear(scope=self.scopes.get(here, EVERYWHERE)),
        )

    async def find_subscribed(self) -> Sequence[Chat]:
        return [await self.find(each) for each in self.subscribed]

    async def subscribe(
        self, here: Destination, *, made_by: int | None, now: datetime
    ) -> Subscribed:
        del made_by, now
        self.subscribed.append(here)
        return Subscribed(is_news=True)

    async def unsubscribe(self, here: Destination, *, now: datetime) -> None:
        del now
        self.subscribed.remove(here)

    async def choose(
        self, here: Destination, change: Callable[[Preferences], Preferences], *, now: datetime
    ) -> Preferences:
        del here, now
        return change(Preferences())

    async def limit(self, here: Destination, scope: Scope, *, now: datetime) -> None:
        del now
        self.scopes[here] = scope


@pytest.fixture
def chats() -> FakeChats:
    return FakeChats()


@pytest.fixture
def chat(chats: FakeChats) -> FakeChat:
    async def speak(asked: Asked, chosen: Preferences) -> Voice:
        del chosen
        return asked.voice

    return FakeChat(Commands(ChatsCommands(chats, lambda: None, speak).commands))


def limit(chat: FakeChat, *words: str) -> None:
    """Limit the operator to some hosts."""
    person = Person(user_id=OPERATOR, role=Role.OPERATOR, scope=parse_scope(words))
    chat.people.known[OPERATOR] = person


async def test_a_limited_person_lets_no_group_hear_more_than_they_may(
    chat: FakeChat, chats: FakeChats
) -> None:
    limit(chat, "group=db")
    for scope in ("group=web", "host=db-1"):
        chats.scopes[Destination(GROUP)] = chat.places.scopes[Destination(GROUP)] = parse_scope(
            [scope]
        )
        [said] = await chat.say("/subscribe", OPERATOR, GROUP)
        assert "an admin lets this chat hear with /addsub" in said.text
    assert chats.subscribed == []


async def test_a_limited_person_subscribes_themselves_and_groups_that_are_as_limited(
    chat: FakeChat, chats: FakeChats
) -> None:
    limit(chat, "group=db", "group=web")
    chats.scopes[Destination(GROUP)] = chat.places.scopes[Destination(GROUP)] = DATABASES
    await chat.say("/subscribe", OPERATOR)
    await chat.say("/subscribe", OPERATOR, GROUP)
    assert chats.subscribed == [Destination(OPERATOR), Destination(GROUP)]
