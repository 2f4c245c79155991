"""F31, F32, F36, F37 and F40: what a person hears and presses, and which way is broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import WholeBridge, open_whole_bridge
from tests.forbidden.scene import (
    MINUTE,
    LeapingClock,
    calls_reach,
    moment,
    open_watching_bridge,
    problem,
    refused,
    texts,
    until,
)

BORIS = 1002


async def test_f37_a_card_that_stands_never_absorbs_a_new_alert_without_a_sound(
    bridge: WholeBridge, local: LocalTelegram
) -> None:
    first, second = alert(), alert("HighLoad", severity="warning")
    await bridge.post(webhook(first))
    await bridge.settled()
    await bridge.post(webhook(first, second))
    await bridge.settled()
    card, ring = await local.messages()
    assert "2 firing" in card["text"]
    assert ring["rings"]
    assert ring["reply_to"] == card["message_id"]
    assert "HighLoad" in ring["text"]
    assert "AgentDown" not in ring["text"], "a ring names what is new"


@pytest.mark.parametrize("severity", ["critical", "warning"])
async def test_f37_a_repeat_never_looks_like_news_nor_news_like_a_repeat(
    tmp_path: Path, local: LocalTelegram, severity: str
) -> None:
    clock = LeapingClock()
    body = webhook(alert(severity=severity, starts=moment(MINUTE)))
    async with open_watching_bridge(tmp_path / "bridge", local, clock=clock) as bridge:
        await bridge.post(body)
        await bridge.settled()
        clock.leap(60 * MINUTE)
        await bridge.post(body)
        await bridge.settled()
    card, *rings = await local.messages()
    assert "🔁 still firing, repeated" in card["text"]
    assert [each["rings"] for each in rings] == ([True] if severity == "critical" else [])
    assert all("🔁 still firing for 1 h" in each["text"] for each in rings)
    assert "new" not in "".join(each["text"] for each in rings)


async def test_f40_the_figures_never_leave_open_which_destination_fails(
    tmp_path: Path, local: LocalTelegram
) -> None:
    topic = f"{OPERATIONS}/{ALERTS}"
    # Once: a second attempt would be counted as well.
    await local.post("/faults", kind="500", chat_id=ADA, method="sendMessage", count=1)
    chats = f"{ADA},{ON_CALL},{topic}"
    async with open_whole_bridge(tmp_path / "bridge", local, ALERT_CHAT_ID=chats) as bridge:
        await bridge.post(webhook(alert()))

        async def tells_each_apart() -> bool:
            figures = await bridge.figures()
            return all(
                f'opswire_sends_total{{chat="{chat}",outcome="{outcome}"}} 1.0' in figures
                for chat, outcome in ((ADA, "outage"), (ON_CALL, "shown"), (topic, "shown"))
            )

        await until(tells_each_apart)


@asynccontextmanager
async def open_talking_bridge(folder: Path, local: LocalTelegram) -> AsyncIterator[WholeBridge]:
    """Run a bridge that Ada is an admin of."""
    inventory = folder / "agents.txt"
    inventory.write_text("web-1 192.0.2.10:9100\n")
    settings = {"ALLOWED_USERS": str(ADA), "AGENTS_FILE": str(inventory)}
    async with open_whole_bridge(folder / "bridge", local, **settings) as bridge:
        yield bridge


async def press(local: LocalTelegram, message: dict[str, Any], person: int) -> None:
    """Press the first button below a message, and wait until the bot has answered the press."""
    answered = len(await local.calls("answerCallbackQuery"))
    where = {"chat_id": message["chat_id"], "message_id": message["message_id"]}
    await local.post("/press", **where, person_id=person, row=0, column=0)
    await calls_reach(local, answered + 1, "answerCallbackQuery")


async def test_f31_two_programs_never_share_a_bots_messages_without_a_word(
    tmp_path: Path, local: LocalTelegram
) -> None:
    other = f"{local.sandbox.url}/bot{local.sandbox.bot_token}/getUpdates"
    async with (
        open_talking_bridge(tmp_path, local) as bridge,
        httpx.AsyncClient(trust_env=False, timeout=60) as thief,
    ):
        rivals = asyncio.create_task(poll_for_ever(thief, other))
        try:

            async def is_said() -> bool:
                said = await problem(bridge, "people")
                return "another program takes this bot's messages" in said

            await until(is_said)
            await bridge.post(webhook(alert()))
            await bridge.settled()
            assert "AgentDown" in await texts(local), "alerts go out all the same"
        finally:
            rivals.cancel()


async def poll_for_ever(client: httpx.AsyncClient, url: str) -> None:
    """Be another program with the same token."""
    while True:
        await client.get(url, params={"timeout": 30})


async def test_f32_a_late_press_is_never_an_error(tmp_path: Path, local: LocalTelegram) -> None:
    began = moment(MINUTE)
    async with open_talking_bridge(tmp_path, local) as bridge:
        await bridge.post(webhook(alert(starts=began)))
        await bridge.settled()
        [card] = await local.messages()
        await bridge.post(webhook(alert(starts=began, ends=moment())))
        await bridge.settled()
        await press(local, card, ADA)
        await bridge.settled()
        assert await refused(local) == []


async def test_f36_a_press_of_somebody_without_a_role_never_does_anything(
    tmp_path: Path, local: LocalTelegram
) -> None:
    async with open_talking_bridge(tmp_path, local) as bridge:
        await bridge.post(webhook(alert()))
        await bridge.settled()
        [card] = await local.messages()
        await press(local, card, BORIS)
        assert await local.messages() == [card]
        await press(local, card, ADA)

        async def has_list() -> bool:
            return len(await local.messages()) > 1

        await until(has_list)
