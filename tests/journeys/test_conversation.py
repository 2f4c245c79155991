"""People write to the bot over the real Bot API surface, and read what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.local_telegram import ADA, ON_CALL, LocalTelegram, open_local_telegram
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import WholeBridge, open_whole_bridge

BORIS, CHEN, MALLORY = 1002, 1003, 1666
INVENTORY = "web-1 192.0.2.10:9100 group=web\ndb-1 192.0.2.11:9100 group=db\n"


class Conversation:
    """A bridge, a local Telegram, and the people in it."""

    def __init__(self, bridge: WholeBridge, local: LocalTelegram) -> None:
        self.bridge = bridge
        self.local = local

    async def say(self, text: str, person: int = ADA, chat: int | None = None) -> list[Any]:
        """Say something; give what the bot says to that."""
        where = person if chat is None else chat
        before = len(await self.local.messages(where))
        await self.local.post("/say", chat_id=where, person_id=person, text=text)
        return await self.answers(where, before)

    async def answers(self, chat: int, before: int, *, least: int = 1) -> list[Any]:
        """Wait until the bot has said something more in a chat."""
        async with asyncio.timeout(60):
            # There is no event to wait for: the chat is all that a person sees.
            while len(found := await self.local.messages(chat)) < before + least:  # noqa: ASYNC110 - above
                await asyncio.sleep(0.02)
        return found[before:]

    async def press(self, message: Any, row: int, column: int, person: int = ADA) -> None:
        """Press a button below a message."""
        where = {"chat_id": message["chat_id"], "message_id": message["message_id"]}
        await self.local.post("/press", **where, person_id=person, row=row, column=column)


@pytest.fixture
async def conversation(tmp_path: Path) -> AsyncIterator[Conversation]:
    async with open_local_telegram(tmp_path / "telegram") as local:
        settings = {"ALLOWED_USERS": str(ADA), "AGENTS_FILE": str(tmp_path / "agents.txt")}
        (tmp_path / "agents.txt").write_text(INVENTORY)
        async with open_whole_bridge(tmp_path / "bridge", local, **settings) as bridge:
            yield Conversation(bridge, local)
        refused = [call for call in await local.calls() if not call["ok"]]
        assert refused == []


async def test_an_admin_of_the_settings_is_welcomed(conversation: Conversation) -> None:
    [said] = await conversation.say("/start")
    assert "Opswire" in said["text"]
    assert said["reply_keyboard"][1][0]["text"] == "/status web-1"


async def test_a_stranger_learns_how_to_be_let_in_and_nothing_else(
    conversation: Conversation,
) -> None:
    [said] = await conversation.say("/whoami", MALLORY)
    assert f"/adduser {MALLORY} viewer" in said["text"]
    [said] = await conversation.say("/alerts", MALLORY)
    assert "web-1" not in said["text"]


async def test_somebody_is_let_in_by_a_link_and_then_by_their_role(
    conversation: Conversation,
) -> None:
    [said] = await conversation.say("/adduser viewer group=db")
    line = next(each for each in said["text"].splitlines() if each.startswith("/start "))
    [said] = await conversation.say(line, BORIS)
    assert "viewer" in said["text"]
    [said] = await conversation.say("/alerts", BORIS)
    assert "🚫" not in said["text"]
    [said] = await conversation.say("/users", BORIS)
    assert "🚫" in said["text"]
    [said] = await conversation.say("/users")
    assert "Boris" in said["text"]
    assert "group=db" in said["text"]
    [said] = await conversation.say(line, CHEN)
    assert "⚠️" in said["text"] or "🚫" in said["text"]
    [said] = await conversation.say(f"/rmuser {BORIS}")
    [said] = await conversation.say("/alerts", BORIS)
    assert "🚫" in said["text"]


async def test_what_fires_is_told_and_the_card_gives_its_list(conversation: Conversation) -> None:
    await conversation.bridge.post(webhook(alert("AgentDown", host="web-1")))
    await conversation.bridge.settled()
    [card] = await conversation.local.messages(ON_CALL)
    [said] = await conversation.say("/alerts")
    assert "AgentDown" in said["text"]
    assert "web-1" in said["text"]
    [said] = await conversation.say("/alerts web-1")
    assert "AgentDown" in said["text"]
    [said] = await conversation.say("/alerts db-1")
    assert "AgentDown" not in said["text"]
    before = len(await conversation.local.messages(ON_CALL))
    await conversation.press(card, 0, 0)
    [listed] = await conversation.answers(ON_CALL, before)
    assert listed["document"]


async def test_a_chat_speaks_the_language_it_has_chosen(conversation: Conversation) -> None:
    [said] = await conversation.say("/settings language ru")
    assert "язык" in said["text"]
    [said] = await conversation.say("/help")
    assert "Начало" in said["text"]
    [said] = await conversation.say("/settings")
    await conversation.press(said, 0, 1)
    async with asyncio.timeout(60):
        while "語言" not in (await conversation.local.messages(ADA))[-1]["text"]:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)


async def test_a_chat_subscribes_and_hears(conversation: Conversation) -> None:
    [said] = await conversation.say("/subscribe")
    assert str(ADA) in said["text"]
    await conversation.bridge.post(webhook(alert("AgentDown", host="db-1")))
    await conversation.bridge.settled()
    assert "AgentDown" in (await conversation.local.messages(ADA))[-1]["text"]
    await conversation.say("/unsubscribe")
    await conversation.bridge.post(webhook(alert("HighLoad", host="db-1"), group="two"))
    await conversation.bridge.settled()
    assert "HighLoad" not in (await conversation.local.messages(ADA))[-1]["text"]


async def test_everything_that_was_done_is_in_the_audit(conversation: Conversation) -> None:
    await conversation.say(f"/adduser {BORIS} operator")
    await conversation.say("/subscribe")
    await conversation.say("/users", BORIS)
    [said] = await conversation.say("/audit")
    for words in (f"/adduser {BORIS} operator", "/subscribe", "/users"):
        assert words in said["text"]
    [said] = await conversation.say("/stats")
    assert "Opswire" in said["text"]


async def test_nonsense_gets_an_answer(conversation: Conversation) -> None:
    for text in ("/nonsense", "hello", "/adduser", "/alerts nowhere", "/rmsub x", "/settings x y"):
        [said] = await conversation.say(text)
        assert said["text"]
