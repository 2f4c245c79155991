"""With GRAFANA_URL, what the bot says leads to a Grafana; a strict Telegram takes every link."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.fakes.local_telegram import ADA, LocalTelegram, open_local_telegram
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import open_whole_bridge

GRAFANA = "https://grafana.example.com/watch"


async def read_links(local: LocalTelegram, *chats: int) -> list[str]:
    """Give every address of a Grafana that people can press."""
    said = [await local.messages(chat) for chat in chats] if chats else [await local.messages()]
    return re.findall(r'"(https?://[^"]*/d/opswire-[^"]*)"', json.dumps(said))


@pytest.mark.parametrize(
    ("address", "is_linked"), [(GRAFANA, True), ("http://grafana:3000", False), ("", False)]
)
async def test_cards_and_answers_lead_to_the_dashboards_of_the_settings(
    tmp_path: Path, address: str, *, is_linked: bool
) -> None:
    settings = {"ALLOWED_USERS": str(ADA), "GRAFANA_URL": address}
    async with (
        open_local_telegram(tmp_path / "telegram") as local,
        open_whole_bridge(tmp_path / "bridge", local, **settings) as bridge,
    ):
        await bridge.post(webhook(alert(host="web 1/ü")))
        await bridge.settled()
        card = await read_links(local)
        await local.post("/say", chat_id=ADA, person_id=ADA, text="/stats")
        async with asyncio.timeout(60):
            # There is no event to wait for: the chat is all that a person sees.
            while not await local.messages(ADA):  # noqa: ASYNC110 - above
                await asyncio.sleep(0.02)
        answer = await read_links(local, ADA)
        assert [call for call in await local.calls() if not call["ok"]] == []
    assert bool(card) is bool(answer) is is_linked
    if is_linked:
        assert card[0].startswith(f"{GRAFANA}/d/opswire-host/host?var-host=web%201%2F%C3%BC&from=")
        assert answer[0].startswith(f"{GRAFANA}/d/opswire-bridge/opswire?from=now-1h&to=now")
