"""Codes for hosts in the chat: who is told what became of them, and for how long that is kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bridge import limits
from bridge.core.agents import Newcomer
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.host_codes import Invitation, Misuse
from bridge.errors import Outage
from bridge.flows.enrol_host import LetIn, News, NotWritten, TurnedAway
from bridge.flows.invite_host import Invited
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.confirming import Confirming
from bridge.inbound.chat.enrolment import EnrolmentCommands, EnrolmentDesk
from bridge.inbound.chat.hosts import Hosts
from bridge.views.voice import Voice
from tests.fakes.chat import ADMIN, NOON, FakeChat, Said

OTHER_ADMIN = 14
ELSEWHERE = "192.0.2.10"
MINUTE = timedelta(minutes=1)


def invitation(host: str, made_by: int | None) -> Invitation:
    return Invitation(host=host, made_by=made_by, expires_at=NOON + limits.CODE_LIFE)


def let_in(host: str = "web-1", made_by: int | None = ADMIN) -> LetIn:
    newcomer = Newcomer(host=host, key=b"k" * 32, serial="1", address="192.0.2.1:8001")
    return LetIn(invitation=invitation(host, made_by), newcomer=newcomer, former=None)


def not_written(made_by: int | None) -> NotWritten:
    fault = Outage("agents.txt", "cannot be written")
    came = let_in(made_by=made_by)
    return NotWritten(invitation=came.invitation, newcomer=came.newcomer, fault=fault)


def turned_away(made_by: int | None, misuse: Misuse = Misuse.VOID) -> TurnedAway:
    return TurnedAway(invitation=invitation("web-1", made_by), misuse=misuse, host="web-1")


@dataclass
class World:
    chat: FakeChat
    enrolment: EnrolmentCommands
    errands: list[Any] = field(default_factory=list)

    async def hear(self, news: News) -> list[Said]:
        """Give what is said of what came of a code."""
        before = len(self.chat.speaker.said)
        await self.enrolment.hear(news)
        while self.errands:
            await self.errands.pop(0)
        return self.chat.speaker.said[before:]

    async def hears_in_place(self, host: str) -> bool:
        """Say whether the message with a host's code is what tells that it has come."""
        [said] = await self.hear(let_in(host))
        return said.telegram_id is not None


@pytest.fixture
def world() -> World:
    commands = Commands()
    chat = FakeChat(commands)
    errands: list[Any] = []

    async def invite(name: str, address: str, *, entry: Entry) -> Invited:
        del entry
        expires_at = chat.now + limits.CODE_LIFE
        return Invited(
            host=name,
            line="opswire1.x",
            address=address,
            expires_at=expires_at,
            shut_door="127.0.0.1:8003" if address == ELSEWHERE else "",
        )

    async def find_voice(_here: Destination) -> Voice:
        return chat.places.voices.create(chat.places.language, chat.places.zone, chat.now)

    async def find_admins() -> Collection[int]:
        return ADMIN, OTHER_ADMIN

    async def sleep(_seconds: float) -> None:
        chat.now += limits.FIRST_SAMPLE_WITHIN

    async def never(*_: object) -> bool:
        return False

    enrolment = EnrolmentCommands(
        EnrolmentDesk(
            hosts=Hosts(inventory=lambda: chat.inventory),
            invite=invite,
            dismiss=never,
            speaker=chat.speaker,
            confirming=Confirming(lambda: "t", lambda: chat.now),
            is_sampled=never,
            find_voice=find_voice,
            find_admins=find_admins,
            start=errands.append,
            clock=lambda: chat.now,
            sleep=sleep,
        )
    )
    for each in enrolment.commands:
        commands.add(each)
    return World(chat, enrolment, errands)


async def test_the_message_with_the_code_tells_that_the_host_is_there(world: World) -> None:
    await world.chat.say("/add Web-1", ADMIN)
    assert await world.hears_in_place("web-1")
    assert not await world.hears_in_place("web-1"), "that is told once"


async def test_a_host_elsewhere_that_would_not_find_the_door_is_told_of_with_its_code(
    world: World,
) -> None:
    await world.chat.say("/add web-1", ADMIN)
    assert "AGENTS_HOST" not in world.chat.speaker.said[-1].content.text.text
    await world.chat.say(f"/add web-1 {ELSEWHERE}", ADMIN)
    assert "It comes in at 127.0.0.1:8003" in world.chat.speaker.said[-1].content.text.text


async def test_a_message_is_forgotten_once_its_code_is_too_old(world: World) -> None:
    await world.chat.say("/add web-1", ADMIN)
    world.chat.now = NOON + limits.CODE_LIFE - MINUTE
    await world.chat.say("/add web-2", ADMIN)
    world.chat.now = NOON + limits.CODE_LIFE
    await world.chat.say("/add web-3", ADMIN)
    for host, is_known in (("web-1", False), ("web-2", True), ("web-3", True)):
        assert await world.hears_in_place(host) is is_known


async def test_of_many_messages_the_youngest_are_remembered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAITING_HOSTS", 3)
    for host in ("web-1", "web-2", "web-3", "web-1", "web-4"):
        await world.chat.say(f"/add {host}", ADMIN)
    for host, is_known in (("web-1", True), ("web-2", False), ("web-3", True), ("web-4", True)):
        assert await world.hears_in_place(host) is is_known


@pytest.mark.parametrize("news", [turned_away(ADMIN), not_written(ADMIN), let_in()])
async def test_whoever_made_a_code_hears_what_came_of_it(world: World, news: News) -> None:
    assert [said.where for said in await world.hear(news)] == [Destination(ADMIN)]


@pytest.mark.parametrize("made_by", [None, 99])
@pytest.mark.parametrize("create", [turned_away, not_written])
async def test_what_is_bad_is_told_to_every_admin_where_its_maker_is_none(
    world: World, create: Any, made_by: int | None
) -> None:
    said = await world.hear(create(made_by))
    assert [each.where for each in said] == [Destination(ADMIN), Destination(OTHER_ADMIN)]


@pytest.mark.parametrize("news", [let_in(), not_written(ADMIN)])
async def test_an_agent_does_not_wait_until_the_message_with_the_code_has_changed(
    world: World, news: News
) -> None:
    await world.chat.say("/add web-1", ADMIN)
    before = len(world.chat.speaker.said)
    await world.enrolment.hear(news)
    assert len(world.chat.speaker.said) == before, "Telegram may be away for a minute"
    await world.errands.pop(0)
    [said, *_] = world.chat.speaker.said[before:]
    assert said.telegram_id is not None


async def test_an_agent_does_not_wait_until_every_admin_has_been_told(world: World) -> None:
    await world.enrolment.hear(turned_away(None))
    assert world.chat.speaker.said == []
    [errand] = world.errands
    await errand
    assert len(world.chat.speaker.said) == 2


@pytest.mark.parametrize("made_by", [None, 99])
async def test_a_host_that_comes_with_nobodys_code_disturbs_nobody(
    world: World, made_by: int | None
) -> None:
    assert await world.hear(let_in(made_by=made_by)) == []


async def test_a_code_of_who_is_no_admin_any_more_is_told_as_such(world: World) -> None:
    [said, _] = await world.hear(turned_away(99))
    assert "Somebody showed the code of web-1, and was turned away." in said.text
    assert "Whoever made it is no admin any more." in said.text
