from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from bridge.app import open_bridge
from bridge.parties import Outside
from tests.fakes.clock import FakeClock
from tests.fakes.telegram import FakeTelegram
from tests.fakes.webhooks import alert, webhook
from tests.inbound.conftest import TOKEN, Down, House, Up, settings

BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def test_ready_when_everything_is_there(house: House) -> None:
    async with asyncio.timeout(60):
        # The first look takes a moment; there is no event to wait for.
        while (answer := await house.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert answer.json() == {
        "status": "ready",
        "checks": {
            "store": "ok",
            "audience": "ok",
            "telegram": "ok",
            "pipeline": "ok",
            "prometheus": "ok",
            "alertmanager": "ok",
        },
    }


async def test_not_ready_says_what_is_wrong_and_why(tmp_path: Path) -> None:
    telegram = FakeTelegram(problem="Telegram does not know this bot token")
    outside = Outside(telegram=telegram, monitors={"prometheus": [Up(), Down()]})
    deaf = settings(tmp_path, ALERT_CHAT_ID="")
    async with open_bridge(deaf, token=TOKEN, outside=outside, clock=FakeClock()) as bridge:
        transport = httpx.ASGITransport(bridge.web)
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            await client.post("/alerts", json=webhook(alert()), headers=BEARER)
            async with asyncio.timeout(60):
                answer = await client.get("/readyz")
                while "1 messages wait" not in answer.text:
                    bridge.look_again()
                    await asyncio.sleep(0.05)
                    answer = await client.get("/readyz")
            assert answer.status_code == 503
            checks = answer.json()["checks"]
            assert checks["telegram"] == "Telegram does not know this bot token"
            assert checks["prometheus"] == "Prometheus: cannot be reached"
            assert "ALERT_CHAT_ID" in checks["audience"]
            assert "1 messages wait" in checks["audience"]
            assert telegram.calls == []


async def test_what_waited_for_an_audience_arrives_once_there_is_one(tmp_path: Path) -> None:
    outside = Outside(telegram=FakeTelegram(), monitors={})
    deaf = settings(tmp_path, ALERT_CHAT_ID="")
    async with open_bridge(deaf, token=TOKEN, outside=outside, clock=FakeClock()) as bridge:
        transport = httpx.ASGITransport(bridge.web)
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            await client.post("/alerts", json=webhook(alert()), headers=BEARER)
    telegram = FakeTelegram()
    outside = Outside(telegram=telegram, monitors={})
    async with open_bridge(settings(tmp_path), token=TOKEN, outside=outside, clock=FakeClock()):
        async with asyncio.timeout(60):
            while len(telegram.shown) < 2:  # noqa: ASYNC110 - the fake sets no event
                await asyncio.sleep(0.02)
    assert len(telegram.shown) == 2


async def test_figures_count_what_came_and_what_went(house: House) -> None:
    await house.client.post("/alerts", json=webhook(alert(), "odd"), headers=BEARER)
    await house.client.post("/alerts", content=b"{", headers=BEARER)
    expected = {
        'opswire_alerts_received_total{status="firing"} 1.0',
        'opswire_alerts_received_total{status="unreadable"} 1.0',
        'opswire_sends_total{chat="-100",outcome="shown"} 2.0',
        'opswire_sends_total{chat="-200/7",outcome="shown"} 2.0',
        'opswire_webhooks_total{code="200"} 1.0',
        'opswire_webhooks_total{code="400"} 1.0',
        "opswire_messages_waiting 0.0",
    }
    await house.settled()
    async with asyncio.timeout(60):
        # What was folded is counted a moment later.
        while not expected <= set(await read_figures(house)):  # noqa: ASYNC110 - above
            await asyncio.sleep(0.02)


async def read_figures(house: House) -> list[str]:
    return (await house.client.get("/metrics", headers=BEARER)).text.splitlines()


async def test_the_interface_is_described(house: House) -> None:
    document = (await house.client.get("/openapi.json")).json()
    assert set(document["paths"]) == {
        "/alerts",
        "/alerts/{chat}",
        "/alerts/{chat}/{topic}",
        "/healthz",
        "/readyz",
        "/metrics",
    }
