"""Letting people in and taking their role away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bridge.core.access import Person, Role, parse_scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.enrolment import Change, Grant
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
    codes: tuple[str, ...] = ()
    """Hosts that have an open code of whoever is changed."""

    async def all(self) -> Sequence[Person]:
        return list(self.people.values())

    async def put(
        self, user_id: int, grant: Grant, *, by: int | None, entry: Entry, now: datetime
    ) -> Change:
        del by, entry, now
        former = self.people.get(user_id)
        self.people[user_id] = Person(
            user_id=user_id, role=grant.role, scope=grant.scope, name="<b>Eve</b>"
        )
        return Change(former=former, voided=self.codes)

    async def remove(self, user_id: int, *, entry: Entry, now: datetime) -> Change:
        assert (entry.on, entry.at) == (str(user_id), now)
        if user_id not in self.people:
            raise Missing("%(id)s has no role", id=user_id)
        return Change(former=self.people.pop(user_id), voided=self.codes)

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


async def test_who_takes_an_admins_role_reads_which_hosts_codes_are_void_with_it(
    chat: FakeChat, crowd: Crowd
) -> None:
    await chat.say("/adduser 5 admin", ADMIN)
    crowd.codes = ("web-8",)
    [said] = await chat.say("/adduser 5 viewer", ADMIN)
    assert "Their open code for a host is void now: web-8" in said.text
    crowd.codes = ("web-8", "web-9")
    [said] = await chat.say("/rmuser 5", ADMIN)
    assert "Their open codes for hosts are void now: web-8, web-9" in said.text


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
        "1087968824 admin",
        "777000 viewer",
    ],
)
async def test_what_makes_no_sense_changes_nothing_and_shows_how(
    chat: FakeChat, crowd: Crowd, words: str
) -> None:
    [said] = await chat.say(f"/adduser {words}", ADMIN)
    assert "/adduser 52341678 viewer group=db" in said.text
    assert crowd.people == {}


async def test_a_chat_that_is_limited_is_not_told_who_there_is(chat: FakeChat) -> None:
    chat.places.scopes[Destination(GROUP)] = parse_scope(["group=db"])
    [said] = await chat.say("/users", ADMIN, GROUP)
    assert "limited to some hosts" in said.text


@pytest.mark.parametrize("text", ["/users", "/adduser 5 admin", "/rmuser 5"])
async def test_people_are_an_admins_business(chat: FakeChat, crowd: Crowd, text: str) -> None:
    [said] = await chat.say(text, OPERATOR)
    assert "admin" in said.text
    assert crowd.people == {}


@pytest.mark.parametrize("name", ["Eve", "E" * 100])
async def test_of_many_people_as_many_are_listed_as_fit_and_the_rest_is_counted(
    chat: FakeChat, crowd: Crowd, name: str
) -> None:
    scope = parse_scope([f"host=db-{number}" for number in range(200)])
    for user_id in range(1001, 1301):
        crowd.people[user_id] = Person(
            user_id=user_id, role=Role.VIEWER, name=f"{name}{user_id}", scope=scope
        )
    [said] = await chat.say("/users", ADMIN)
    *lines, last = said.text.splitlines()
    assert len(lines) > 20
    assert last == f"and {301 - len(lines)} more"
    assert all(line.endswith("…") for line in lines[1:])
