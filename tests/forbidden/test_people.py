"""F37 and F40: what a person hears, and what tells them which way is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import WholeBridge, open_whole_bridge
from tests.forbidden.scene import MINUTE, LeapingClock, moment, open_watching_bridge, until


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
    await local.post("/faults", kind="500", chat_id=ADA)
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
