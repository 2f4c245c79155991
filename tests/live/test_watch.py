"""What is watched beside the delivery: the pipeline before the bridge, Telegram behind it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.local_server import open_local_server
from tests.fakes.local_telegram import LocalTelegram
from tests.fakes.webhooks import alert, webhook
from tests.live.conftest import (
    CARDS_ALONE,
    PATIENCE,
    Programs,
    open_telegram_at,
    post,
    read_chat,
    read_checks,
    until,
)
from tests.ports import free_port

pytestmark = pytest.mark.live
WATCHDOG = webhook(alert("Watchdog", severity="none", host="prometheus"), group="prometheus")
KEY = "key-of-the-outside"
PATIENCE_OF_WATCHDOG = 10  # seconds; a machine that is busy may let some pass between two


async def test_a_pipeline_that_falls_silent_is_told_to_the_chat_and_so_is_its_return(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    spans = {"WATCHDOG_PASS": 0.2, "HEALTH_PASS": 0.2, "watchdog_patience": PATIENCE_OF_WATCHDOG}
    await programs.bridge(local, port, spans=spans)
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_OF_WATCHDOG + 2:
        assert await post(port, WATCHDOG) == 200
        await asyncio.sleep(0.5)
    assert await local.messages() == [], "it is shown to nobody while it comes"
    assert (await read_checks(port))["pipeline"] == "ok"

    async def says(word: str, *, beating: bool = False) -> bool:
        if beating:  # else it would fall silent again
            assert await post(port, WATCHDOG) == 200
        return any(word in text for text in await read_chat(local))

    await until(lambda: says("ALERTS MAY NOT ARRIVE"), seconds=PATIENCE)
    [told] = await local.messages()
    assert told["rings"]

    async def is_unready() -> bool:
        return "Watchdog" in (await read_checks(port))["pipeline"]

    await until(is_unready, seconds=PATIENCE)
    await until(lambda: says("ALERTS ARRIVE AGAIN", beating=True), seconds=PATIENCE)

    async def is_well() -> bool:
        assert await post(port, WATCHDOG) == 200
        return (await read_checks(port))["pipeline"] == "ok"

    await until(is_well, seconds=PATIENCE)


async def test_while_telegram_is_away_alerts_go_the_second_way_and_the_chat_hears_of_it_later(
    programs: Programs, tmp_path: Path
) -> None:
    port, telegram_port = free_port(), free_port()
    spans = {"SECOND_WAY_PASS": 0.2, "HEALTH_PASS": 0.3, "BACKOFF_LONGEST": 1}
    spans |= {"notify_after": 6, **CARDS_ALONE}
    with open_local_server() as elsewhere:
        ways = tmp_path / "ways"
        ways.write_text(elsewhere.url.replace("http://", f"json://opswire:{KEY}@") + f"/{KEY}\n")
        ways.chmod(0o600)
        async with open_telegram_at(tmp_path / "telegram", telegram_port) as local:
            bridge = await programs.bridge(local, port, spans=spans, NOTIFY_URLS_FILE=str(ways))
        for host in ("web-1", "web-2"):
            assert await post(port, webhook(alert(host=host), group=host)) == 200

        async def is_told_elsewhere() -> bool:
            said = " ".join(read_digest(each.body) for each in elsewhere.requests)
            return "web-1" in said and "web-2" in said

        await until(is_told_elsewhere, seconds=PATIENCE)
        await asyncio.sleep(1)  # five passes
        assert len(elsewhere.requests) == 1, "both in one digest, and once"
        async with open_telegram_at(tmp_path / "telegram", telegram_port) as local:

            async def is_told() -> bool:
                said = await read_chat(local)
                return len(said) == 3 and any("TELEGRAM WAS AWAY" in each for each in said)

            await until(is_told, seconds=PATIENCE)
            texts = await read_chat(local)
            assert sum("web-1" in text for text in texts) == 1
            assert sum("web-2" in text for text in texts) == 1
            [notice] = [text for text in texts if "TELEGRAM WAS AWAY" in text]
            assert "2 alerts" in notice
            await bridge.end()
    log = bridge.log.read_text()
    assert "second_way" in log
    assert KEY not in log
    assert local.sandbox.bot_token not in log


def read_digest(body: bytes) -> str:
    """Read what a way was sent: its title and text."""
    fields: dict[str, Any] = json.loads(body)
    return f"{fields['title']}\n{fields['message']}"


async def test_the_heartbeat_beats_while_alerts_get_through_and_stops_while_telegram_is_away(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    spans = {"HEARTBEAT_PASS": 0.2, "HEALTH_PASS": 0.2}
    with open_local_server() as outside:
        url = f"{outside.url}/{KEY}?beat=1"
        bridge = await programs.bridge(local, port, spans=spans, HEARTBEAT_URL=url)

        async def beats() -> bool:
            before = len(outside.requests)
            await asyncio.sleep(1.5)
            return len(outside.requests) > before

        async def rests() -> bool:
            return not await beats()

        await until(beats, seconds=PATIENCE)
        assert {each.path for each in outside.requests} == {f"/{KEY}?beat=1"}
        await local.post("/faults", kind="drop")

        async def is_away() -> bool:
            return "Telegram" in (await read_checks(port))["telegram"]

        await until(is_away, seconds=PATIENCE)
        await until(rests, seconds=PATIENCE)
        assert await rests()
        await local.control.delete("/faults")
        await until(beats, seconds=PATIENCE)
        await bridge.end()
    assert KEY not in bridge.log.read_text()
