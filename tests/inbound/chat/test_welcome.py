"""The first things anybody asks."""

from __future__ import annotations

import pytest

from bridge.core.access import Person, Role
from bridge.core.audience import Destination
from bridge.core.keyboards import Offer
from bridge.errors import Mistake
from bridge.inbound.chat.command import Asked, Commands
from bridge.inbound.chat.welcome import Welcome
from tests.fakes.chat import ADMIN, GROUP, STRANGER, VIEWER, FakeChat


class OneCode:
    used_by: int = 0

    async def use(self, asked: Asked, code: str) -> Person:
        if code != "right" or self.used_by:
            raise Mistake("this code is not known")
        self.used_by = asked.actor.user_id
        return Person(user_id=self.used_by, role=Role.ADMIN)


class OneListener:
    async def is_subscribed(self, chat: Destination) -> bool:
        return chat.chat_id == GROUP


@pytest.fixture
def chat() -> FakeChat:
    commands = Commands()
    chat = FakeChat(commands)
    family = Welcome(
        commands, lambda: chat.inventory, use_code=OneCode().use, listeners=OneListener()
    )
    for each in family.commands:
        commands.add(each)
    return chat


async def test_a_person_is_welcomed_with_the_hosts_of_this_inventory(chat: FakeChat) -> None:
    [said] = await chat.say("/start", VIEWER)
    assert isinstance(said.content.keyboard, Offer)
    assert ("/status Agent1", "/mon_cpu_picture Agent1 60") in said.content.keyboard.rows


async def test_a_stranger_is_told_how_to_be_let_in(chat: FakeChat) -> None:
    [said] = await chat.say("/whoami", STRANGER)
    assert f"/adduser {STRANGER} viewer" in said.text
    [said] = await chat.say("/start", STRANGER)
    assert str(STRANGER) in said.text
    assert said.content.keyboard is None


async def test_whoami_tells_whether_the_chat_hears_alerts(chat: FakeChat) -> None:
    [here] = await chat.say("/whoami", ADMIN)
    [there] = await chat.say("/whoami", ADMIN, GROUP)
    assert "hears no alerts" in here.text
    assert "hears alerts" in there.text


async def test_a_code_lets_somebody_in_once(chat: FakeChat) -> None:
    [said] = await chat.say("/start right", STRANGER)
    assert "You are admin now" in said.text
    [said] = await chat.say("/start right", STRANGER)
    assert "not known" in said.text


async def test_help_shows_what_this_person_may_do(chat: FakeChat) -> None:
    [said] = await chat.say("/help", STRANGER)
    assert "/whoami" in said.text


async def test_a_stranger_is_refused_once_and_then_met_with_silence(chat: FakeChat) -> None:
    assert len(await chat.say("/status", STRANGER)) == 1
    assert await chat.say("/status", STRANGER) == []
    assert await chat.say("hello?", STRANGER) == []


async def test_a_stranger_gets_a_few_answers_a_minute(chat: FakeChat) -> None:
    answers = [await chat.say("/whoami", STRANGER) for _ in range(8)]
    assert [len(each) for each in answers] == [1] * 5 + [0] * 3
