"""A bridge is backed up while it runs, lost, and restored: what waited is delivered."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridge.console import perform as room
from bridge.console.words import parse_words
from bridge.settings import Settings
from tests.fakes.local_telegram import ON_CALL, LocalTelegram, open_local_telegram
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import WholeBridge, open_whole_bridge

AWAY = "http://127.0.0.1:9"  # nobody listens at the port of discarding
STREAMED = re.compile(r"stream-\d+")


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalTelegram]:
    async with open_local_telegram(tmp_path / "telegram") as local:
        yield local


def away(local: LocalTelegram) -> LocalTelegram:
    """The same bot, behind a line that is cut."""
    sandbox = SimpleNamespace(bot_token=local.sandbox.bot_token, url=AWAY)
    return cast("LocalTelegram", SimpleNamespace(sandbox=sandbox))


async def console(folder: Path, local: LocalTelegram, *words: str) -> int:
    """Work at the console of this state."""
    environ = {"STATE_DIR": str(folder), "BOT_TOKEN": local.sandbox.bot_token}
    environ |= {"TELEGRAM_API_BASE": AWAY, "AGENTS_FILE": str(folder.parent / "agents.txt")}
    settings = Settings.load(environ)
    return await asyncio.to_thread(room.perform, parse_words(words), settings)


async def stream(bridge: WholeBridge, answered: list[str]) -> None:
    """Let alerts of one host's group come without end."""
    while True:
        host = f"stream-{len(answered) + 1}"
        assert await bridge.post(webhook(alert(host=host), group="stream")) == 200
        answered.append(host)
        await asyncio.sleep(0)


def read_text(message: Any) -> str:
    return str(message.get("text") or message.get("caption") or "")


async def test_what_waited_when_all_was_lost_is_delivered_after_the_restoration(
    tmp_path: Path,
    local: LocalTelegram,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "set_up_logs", lambda *_: None)  # logs are the process's own
    state, file = tmp_path / "bridge", str(tmp_path / "backup.zip")
    answered: list[str] = []
    async with open_whole_bridge(state, away(local)) as bridge:
        await bridge.post(webhook(alert(host="db-9"), group="db-9"))
        assert await console(state, local, "people", "add", "1001", "admin") == 0
        streaming = asyncio.create_task(stream(bridge, answered))
        while len(answered) < 5:  # noqa: ASYNC110 - what streams is the event
            await asyncio.sleep(0.01)
        certain = len(answered)
        assert await console(state, local, "backup", file) == 0
        streaming.cancel()
    shutil.rmtree(state)
    assert await console(state, local, "restore", file) == 0
    assert await console(state, local, "audit", "verify") == 0
    capsys.readouterr()
    await console(state, local, "people", "list")
    assert "1001  admin" in capsys.readouterr().out
    async with open_whole_bridge(state, local) as bridge:
        await bridge.settled(60)
        assert "opswire_alerts_unaccounted 0.0" in await bridge.figures()
    texts = [read_text(each) for each in await local.messages(ON_CALL)]
    assert any("db-9" in text for text in texts)
    # One card for the whole group: it names its members, or says how many there are.
    streamed = next(text for text in texts if STREAMED.search(text))
    named = len(set(STREAMED.findall(streamed)))
    counted = [int(number) for number in re.findall(r"\d+", re.sub(STREAMED, "", streamed))]
    assert named >= certain or max(counted) >= certain
