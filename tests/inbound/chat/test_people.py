"""Letting people in and taking their role away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bridge.core.access import Person, Role
from bridge.core.audit import Entry
from bridge.core.enrolment import Grant
from bridge.errors import Missing
from bridge.inbound.chat.command import Asked, Commands
from bridge.inbound.chat.people import PeopleCommands
from bridge.views.voice import Voice
from tests.fakes.chat import ADMIN, GROUP, OPERATOR, FakeChat

LINK = "https://t.me/opswire_bot?start=AAAAAAAAAAAAAAAAAAAAAA"


@dataclass
class Crowd:
    people: dict[int, Person] = field(default_factory=dict)
    menus: list[tuple[int, Role | None]] = field(default_factory=list)

    async def all(self) -> Sequence[Person]:
        return list(self.people.values())

    async def put(
        self, user_id: int, grant: Grant, *, by: int | None, entry: Entry, now: datetime
    ) -> Person | None:
        del by, entry, now
        former = self.people.get(user_id)
        self.people[user_id] = Person(
            user_id=user_id, role=grant.role, scope=grant.scope, name="<b>Eve</b>"
        )
        return former

    async def remove(self, user_id: int, *, entry: Entry) -> Person:
        assert entry.on == str(user_id)
        if user_id not in self.people:
            raise Missing("%(id)s has no role", id=user_id)
        return self.people.pop(user_id)

    async def invite(self, grant: Grant, asked: Asked) -> str:
        del grant, asked
        return LINK

    async def tell(self, user_id: int, role: Role | None, voice: Voice) -> None:
        del voice
        self.menus.append((user_id, role))


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


@pytest.fixture
def chat(crowd: Crowd) -> FakeChat:
    return FakeChat(Commands(PeopleCommands(crowd, crowd.invite, crowd.tell).commands))


async def test_an_admin_lets_somebody_in_with_limits(chat: FakeChat, crowd: Crowd) -> None:
    [said] = await chat.say("/adduser 52341678 viewer group=db", ADMIN)
    assert crowd.people[52341678].role is Role.VIEWER
    assert "group=db" in said.text
    assert crowd.menus == [(52341678, Role.VIEWER)]
    [said] = await chat.say("/users", ADMIN)
    assert "<b>Eve</b>" in said.text


async def test_a_link_is_made_in_private_only(chat: FakeChat) -> None:
    [said] = await chat.say("/adduser operator", ADMIN)
    assert LINK in said.text
    [said] = await chat.say("/adduser operator", ADMIN, GROUP)
    assert LINK not in said.text


async def test_a_role_is_taken_away(chat: FakeChat, crowd: Crowd) -> None:
    await chat.say("/adduser 5 admin", ADMIN)
    [said] = await chat.say("/rmuser 5", ADMIN)
    assert "no role any more" in said.text
    assert crowd.people == {}
    [said] = await chat.say("/rmuser 5", ADMIN)
    assert "has no role" in said.text


@pytest.mark.parametrize(
    "words",
    [
        "",
        "5",
        "5 king",
        "@eve viewer",
        "-5 viewer",
        "0 viewer",
        "٣ viewer",
        "5 viewer group",
        "1e3 viewer",
    ],
)
async def test_what_makes_no_sense_changes_nothing_and_shows_how(
    chat: FakeChat, crowd: Crowd, words: str
) -> None:
    [said] = await chat.say(f"/adduser {words}", ADMIN)
    assert "/adduser 52341678 viewer group=db" in said.text
    assert crowd.people == {}


@pytest.mark.parametrize("text", ["/users", "/adduser 5 admin", "/rmuser 5"])
async def test_people_are_an_admins_business(chat: FakeChat, crowd: Crowd, text: str) -> None:
    [said] = await chat.say(text, OPERATOR)
    assert "admin" in said.text
    assert crowd.people == {}
