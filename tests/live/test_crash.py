"""The bridge is killed at the worst moments; what was accepted still arrives."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.fakes.local_telegram import LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.live.conftest import TOKEN, Programs, free_port, until

pytestmark = pytest.mark.live


async def post(port: int, body: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return (
            await client.post(f"http://127.0.0.1:{port}/alerts", json=body, headers=headers)
        ).status_code


async def test_killed_between_webhook_and_message_the_message_arrives_after_the_restart(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    await local.post("/faults", kind="500", method="sendMessage")
    bridge = await programs.bridge(local, port)
    for number in range(20):
        assert await post(port, webhook(alert(host=f"h{number}"), group=f"h{number}")) == 200
    await bridge.kill()
    assert await local.messages() == []
    await local.control.delete("/faults")
    await programs.bridge(local, port)

    async def all_shown() -> bool:
        return len(await local.messages()) == 20

    await until(all_shown, seconds=30)
    await asyncio.sleep(2)
    texts = [message["text"] for message in await local.messages()]
    assert sorted(texts) == sorted(set(texts))


async def test_killed_while_telegram_holds_the_answer_nothing_is_lost_and_at_most_one_doubled(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    await local.post("/faults", kind="slow", method="sendMessage", seconds=5, count=1)
    bridge = await programs.bridge(local, port)
    assert await post(port, webhook(alert())) == 200
    await asyncio.sleep(1)
    await bridge.kill()
    await programs.bridge(local, port)

    async def shown() -> bool:
        return bool(await local.messages())

    await until(shown, seconds=30)
    await asyncio.sleep(6)
    assert len(await local.messages()) in {1, 2}


async def test_a_webhook_that_was_answered_is_on_disk_however_soon_the_kill_comes(
    programs: Programs, local: LocalTelegram
) -> None:
    port, accepted = free_port(), 0
    await local.post("/faults", kind="500", method="sendMessage")
    for lifetime in (0.02, 0.1, 0.3):
        bridge = await programs.bridge(local, port)
        posts = [
            asyncio.create_task(
                post(port, webhook(alert(host=f"{lifetime}-{n}"), group=f"{lifetime}-{n}"))
            )
            for n in range(10)
        ]
        await asyncio.sleep(lifetime)
        await bridge.kill()
        answers = await asyncio.gather(*posts, return_exceptions=True)
        accepted += answers.count(200)
    await local.control.delete("/faults")
    await programs.bridge(local, port)

    async def all_accepted_shown() -> bool:
        return len(await local.messages()) >= accepted

    assert accepted
    await until(all_accepted_shown, seconds=60)


async def test_a_polite_end_is_quick_and_leaves_nothing_half_done(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    bridge = await programs.bridge(local, port)
    assert await post(port, webhook(alert())) == 200
    bridge.process.terminate()
    assert await asyncio.wait_for(bridge.process.wait(), 8) == 0
    log = bridge.log.read_text()
    assert "Traceback" not in log
    assert local.sandbox.bot_token not in log
    assert TOKEN not in log
