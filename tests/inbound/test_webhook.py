from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge import limits
from bridge.app import open_bridge
from bridge.core.audience import Destination
from bridge.core.outbox import Failed, Reason
from bridge.parties import Outside
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.telegram import FakeTelegram
from tests.fakes.webhooks import alert, webhook
from tests.inbound.conftest import TOKEN, House, settings

BEARER = {"Authorization": f"Bearer {TOKEN}"}
OPS, TOPIC = Destination(-100), Destination(-200, 7)


async def post(house: House, body: Any, path: str = "/alerts", **more: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await house.client.post(path, content=content, headers={**BEARER, **more})
    await house.settled()
    return answer


async def test_the_test_payload_of_the_setup_guide_arrives_in_every_chat(house: House) -> None:
    body = {
        "alerts": [
            {
                "status": "firing",
                "labels": {
                    "alertname": "TestAlert",
                    "instance": "test:8001",
                    "severity": "warning",
                },
                "annotations": {
                    "summary": "This is a test alert",
                    "description": "Testing Telegram integration",
                },
            }
        ]
    }
    assert (await post(house, body)).status_code == 200
    assert set(house.telegram.shown) == {(OPS, 1), (TOPIC, 2)}
    [text] = house.telegram.shown[OPS, 1]
    for word in ("🟡", "FIRING", "TestAlert", "test:8001", "warning", "This is a test alert"):
        assert word in text


@pytest.mark.parametrize(
    ("severity", "mark"),
    [("critical", "🔴"), ("warning", "🟡"), ("info", "🔵"), ("none", "⚠️"), ("page", "⚠️")],
)
async def test_the_mark_tells_the_severity(house: House, severity: str, mark: str) -> None:
    await post(house, webhook(alert(severity=severity)))
    assert house.telegram.shown[OPS, 1][0].startswith(mark)


async def test_a_resolve_edits_the_card_and_says_how_long_it_lasted(house: House) -> None:
    await post(house, webhook(alert()))
    await post(house, webhook(alert(ends=NOON + timedelta(minutes=4, seconds=12))))
    first, second = house.telegram.shown[OPS, 1]
    assert "FIRING" in first
    assert "RESOLVED" in second
    assert "4 min 12 s" in second


async def test_no_alerts_is_accepted_and_shows_nothing(house: House) -> None:
    assert (await post(house, webhook())).status_code == 200
    assert house.telegram.calls == []


async def test_missing_labels_get_names_and_nothing_crashes(house: House) -> None:
    assert (await post(house, {"alerts": [{"status": "firing"}]})).status_code == 200
    assert "Unknown alert" in house.telegram.shown[OPS, 1][0]


async def test_markup_in_labels_is_shown_as_it_stands(house: House) -> None:
    hostile = alert(host="my_host:9100", summary="x") | {
        "annotations": {"summary": "a_b *c* [d](e) <f> &amp;"}
    }
    await post(house, webhook(hostile))
    text = house.telegram.shown[OPS, 1][0]
    assert "my_host:9100" in text
    assert "a_b *c* [d](e) <f> &amp;" in text


async def test_forty_alerts_are_a_card_and_its_list_in_each_chat(house: House) -> None:
    await post(house, webhook(*(alert(host=f"h{number}") for number in range(40))))
    for chat in (OPS, TOPIC):
        card, listed = [call for call in house.telegram.calls if call.destination == chat]
        assert (card.is_loud, card.attachment) == (True, None)
        assert not listed.is_loud
        assert listed.attachment is not None
        assert all(f"h{number}" in str(listed.attachment) for number in range(40))


async def test_what_a_storm_brings_is_a_board_in_each_chat(house: House) -> None:
    for number in range(30):
        await house.client.post(
            "/alerts", json=webhook(alert(host=f"h{number}"), group=f"h{number}"), headers=BEARER
        )
    await house.settled()
    house.clock.advance(timedelta(seconds=10))
    await house.settled()
    for chat in (OPS, TOPIC):
        calls = [call for call in house.telegram.calls if call.destination == chat]
        listed = [str(call.attachment) for call in calls if call.attachment]
        assert len(calls) - len(listed) <= limits.CHAT_CALLS.calls
        assert "h29" in listed[-1]


async def test_the_same_webhook_twice_is_one_message(house: House) -> None:
    await post(house, webhook(alert()))
    await post(house, webhook(alert()))
    assert len(house.telegram.calls) == 2


async def test_a_member_that_cannot_be_read_is_shown_beside_the_others(house: House) -> None:
    answer = await post(house, webhook(alert(), ["garbled"]))
    assert answer.json() == {"members": 2}
    texts = [versions[0] for (chat, _), versions in house.telegram.shown.items() if chat == OPS]
    assert len(texts) == 2
    assert any('["garbled"]' in text for text in texts)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff\xfe", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"]
)
async def test_a_body_that_is_not_json_is_refused_with_a_sentence(
    house: House, body: bytes
) -> None:
    answer = await post(house, body)
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]


async def test_another_version_is_refused(house: House) -> None:
    assert (await post(house, webhook(version="5"))).status_code == 400


@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ü"]
)
async def test_without_the_token_nothing_is_taken(house: House, header: str | None) -> None:
    headers = {} if header is None else {b"Authorization": header.encode()}
    answer = await house.client.post("/alerts", json=webhook(alert()), headers=headers)
    assert answer.status_code == 401
    assert TOKEN not in answer.text
    assert house.telegram.calls == []
    assert (await house.client.get("/metrics", headers=headers)).status_code == 401


async def test_a_body_over_the_bound_is_refused_before_it_is_read_whole(house: House) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1024 * 1024

    answer = await house.client.post("/alerts", content=endless(), headers=BEARER)
    assert answer.status_code == 413
    assert sent <= limits.WEBHOOK_BYTES // 1024**2 + 2


async def test_a_large_body_within_the_bound_is_taken(house: House) -> None:
    body = webhook(*(alert(host=f"h{n}", padding="x" * 1000) for n in range(2000)))
    assert (await post(house, body)).json() == {"members": 2000}


async def test_an_address_with_a_chat_reaches_that_chat_alone(house: House) -> None:
    await post(house, webhook(alert()), "/alerts/-300")
    await post(house, webhook(alert(), group="b"), "/alerts/-300/9")
    assert {chat for chat, _ in house.telegram.shown} == {Destination(-300), Destination(-300, 9)}


@pytest.mark.parametrize(
    "path", ["/alerts/ops", "/alerts/1/2/3", "/alerts/1/x", f"/alerts/{2**70}", "/nothing"]
)
async def test_an_address_that_is_none_is_a_sentence(house: House, path: str) -> None:
    answer = await post(house, webhook(alert()), path)
    assert answer.status_code == 404
    assert answer.json()["error"]


async def test_no_alert_is_addressed_to_nobody(house: House) -> None:
    for path in ("/alerts/0", "/alerts/0/9"):
        answer = await post(house, webhook(alert()), path)
        assert answer.status_code == 400
        assert "0 is no chat" in answer.json()["error"]


async def test_a_rate_limit_is_waited_out_and_the_message_sent_once(house: House) -> None:
    house.telegram.answers = [Failed(Reason.RATE_LIMIT, wait=timedelta(seconds=5))]
    await post(house, webhook(alert()), "/alerts/-300")
    assert not house.telegram.shown
    house.clock.advance(timedelta(seconds=4))
    await house.settled()
    assert len(house.telegram.calls) == 1
    house.clock.advance(timedelta(seconds=1))
    await house.settled()
    assert len(house.telegram.calls) == 2
    assert len(house.telegram.shown) == 1


async def test_a_text_that_telegram_refuses_arrives_without_formatting(house: House) -> None:
    house.telegram.answers = [Failed(Reason.BAD_MESSAGE, detail="can't parse entities")]
    await post(house, webhook(alert()), "/alerts/-300")
    await house.settled()
    formatted, plain = (call.content.text for call in house.telegram.calls)
    assert formatted.entities
    assert not plain.entities
    assert "AgentDown" in plain.text


async def test_a_store_that_is_not_open_answers_503_and_readyz_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    outside = Outside(telegram=FakeTelegram(), monitors={})
    wrong = settings(tmp_path, DATABASE_URL=f"sqlite:///{blocked}/bridge.db")
    async with open_bridge(wrong, token=TOKEN, outside=outside, clock=FakeClock()) as bridge:
        transport = httpx.ASGITransport(bridge.web)
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            answer = await client.post("/alerts", json=webhook(alert()), headers=BEARER)
            assert answer.status_code == 503
            assert "database" in answer.json()["error"]
            async with asyncio.timeout(60):
                # The first look takes a moment; there is no event to wait for.
                while "store" not in (ready := await client.get("/readyz")).json()["checks"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert ready.status_code == 503
            assert "database" in ready.json()["checks"]["store"]
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/metrics", headers=BEARER)).status_code == 200
