"""Letting chats hear alerts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bridge.core.access import EVERYWHERE, Person, Role, Scope, parse_scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.chats import Chat, Subscribed
from bridge.core.hearing import Ear
from bridge.core.preferences import Preferences
from bridge.errors import Missing
from bridge.inbound.chat.chats import ChatsCommands
from bridge.inbound.chat.command import Asked, Commands
from bridge.views.voice import Voice
from tests.fakes.chat import ADMIN, GROUP, OPERATOR, FakeChat

DATABASES = parse_scope(["group=db"])


@dataclass
class FakeChats:
    """Remembers which chats hear, and of which hosts."""

    scopes: dict[Destination, Scope] = field(default_factory=dict)
    subscribed: list[Destination] = field(default_factory=list)
    booked: list[tuple[str, str]] = field(default_factory=list)

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
        self,
        here: Destination,
        *,
        made_by: int | None,
        now: datetime,
        scope: Scope | None,
        entry: Entry | None,
    ) -> Subscribed:
        del made_by, now
        self.subscribed.append(here)
        self.scopes |= {} if scope is None else {here: scope}
        self.book(entry)
        return Subscribed(is_news=True)

    async def leave(self, here: Destination, entry: Entry) -> bool:
        if here not in self.subscribed:
            raise Missing("the chat %(chat)s is not subscribed", chat=here)
        self.subscribed.remove(here)
        self.book(entry)
        return True

    async def choose(
        self,
        here: Destination,
        change: Callable[[Preferences], Preferences],
        *,
        now: datetime,
        entry: Entry | None,
    ) -> Preferences:
        del here, now
        chosen = change(Preferences())
        self.book(entry)
        return chosen

    def book(self, entry: Entry | None) -> None:
        assert entry is not None
        self.booked.append((entry.what, entry.on))


@pytest.fixture
def chats() -> FakeChats:
    return FakeChats()


@pytest.fixture
def chat(chats: FakeChats) -> FakeChat:
    async def speak(asked: Asked, chosen: Preferences) -> Voice:
        del chosen
        return asked.voice

    return FakeChat(Commands(ChatsCommands(chats, lambda: None, speak, chats.leave).commands))


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


@pytest.mark.parametrize(
    "text", ["/unsubscribe", "/settings notify off", "/settings default", "/settings kinds -cpu"]
)
async def test_a_limited_person_takes_nothing_from_a_group_that_hears_of_other_hosts(
    chat: FakeChat, chats: FakeChats, text: str
) -> None:
    limit(chat, "group=db")
    chats.subscribed += [Destination(GROUP), Destination(OPERATOR)]
    [said] = await chat.say(text, OPERATOR, GROUP)
    assert said.text.startswith("🚫 this chat hears of hosts that you may not see")
    assert chats.booked == []
    assert chat.books.notes == [(OPERATOR, text[1:].split(maxsplit=1)[0], "refused")]
    # It is theirs where it hears of their hosts alone, and where it hears nothing; so is their own.
    chats.scopes[Destination(GROUP)] = chat.places.scopes[Destination(GROUP)] = DATABASES
    for where in (GROUP, None):
        [said] = await chat.say(text, OPERATOR, where)
        assert "🚫" not in said.text
    chats.scopes.clear()
    [said] = await chat.say("/settings notify off", OPERATOR, -4711)
    assert "🚫" not in said.text
    assert len(chats.booked) == 3


async def test_what_changes_a_chat_is_written_down_with_it_and_once(
    chat: FakeChat, chats: FakeChats
) -> None:
    for text in (
        "/subscribe",
        "/unsubscribe",
        "/settings notify critical",
        "/settings",
        "/addsub -77 group=db",
        "/rmsub -77",
        "/rmsub -78",
    ):
        await chat.say(text, ADMIN)
    here = str(ADMIN)
    assert chats.booked == [
        ("/subscribe", here),
        ("/unsubscribe", here),
        ("/settings notify critical", here),
        ("/addsub -77 group=db", "-77"),
        ("/rmsub -77", "-77"),
    ]
    assert chats.scopes[Destination(-77)] == DATABASES
    assert chat.books.notes == [(ADMIN, "rmsub", "failed")]


async def test_other_chats_are_no_business_of_a_chat_that_is_limited(
    chat: FakeChat, chats: FakeChats
) -> None:
    chats.subscribed.append(Destination(-77))
    chat.places.scopes[Destination(GROUP)] = DATABASES
    for text in ("/addsub -78", "/rmsub -77", "/subscriptions"):
        [said] = await chat.say(text, ADMIN, GROUP)
        assert "limited to some hosts" in said.text
    assert chats.subscribed == [Destination(-77)]


async def test_of_many_chats_as_many_are_listed_as_fit_and_the_rest_is_counted(
    chat: FakeChat, chats: FakeChats
) -> None:
    chats.subscribed += [Destination(-1_000_000_000_000 - number, 7) for number in range(400)]
    [said] = await chat.say("/subscriptions", ADMIN)
    *lines, last = said.text.splitlines()
    assert len(lines) > 50
    assert last == f"and {401 - len(lines)} more"
    assert lines[-1].endswith("/7")
