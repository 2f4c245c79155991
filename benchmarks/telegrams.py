"""A local Telegram as a process of its own, and everything that its chats have shown.

It is a process of its own so that the benchmark's own work does not slow it; each way that is
measured gets one, so that a way that is refused a thousand times does not slow the other.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from tests.live.conftest import Programs
from tests.ports import free_port

_REFUSED = 429
_START = 180.0  # seconds until it answers, on a busy machine
_CALLS_LOOK = 1.0  # seconds between two looks at the log of calls, which keeps the last 10,000


@dataclass(frozen=True)
class RunningTelegram:
    """Where a local Telegram can be reached."""

    url: str
    bot_token: str
    control: httpx.AsyncClient

    async def post(self, path: str, **fields: Any) -> Any:
        """Tell the control API to do something."""
        answer = await self.control.post(path, json=fields)
        answer.raise_for_status()
        return answer.json()


@dataclass
class ChatLog:
    """What has happened in one chat so far."""

    chat_id: int
    shown: int = 0
    """Messages and edits that were accepted."""
    rings: int = 0
    calls: int = 0
    """Calls about the chat, accepted or not."""
    refused: list[float] = field(default_factory=list)
    """When calls were answered 429, in seconds since the epoch."""
    last_call: int = 0
    """The number of the last call that was looked at."""


@asynccontextmanager
async def open_telegram_process(
    programs: Programs, name: str, *, paced: bool = True
) -> AsyncIterator[RunningTelegram]:
    """Start a local Telegram; paced, it enforces Telegram's published figures."""
    state, port = programs.folder / f"telegram-{name}", free_port()
    url = f"http://127.0.0.1:{port}"
    options = ("--host", "127.0.0.1", "--port", str(port), "--state-dir", str(state))
    await programs.start(sys.executable, "-m", "sandbox", *options, ready=url, seconds=_START)
    tokens = [(state / each).read_text("ascii").strip() for each in ("bot_token", "page_token")]
    async with httpx.AsyncClient(
        base_url=f"{url}/control",
        headers={"Authorization": f"Bearer {tokens[1]}"},
        trust_env=False,
        timeout=30,
    ) as control:
        telegram = RunningTelegram(url, tokens[0], control)
        await telegram.post("/pacing", enabled=paced)
        yield telegram


@asynccontextmanager
async def follow_chat(
    telegram: RunningTelegram, chat_id: int, read: Callable[[str, bool, float], None]
) -> AsyncIterator[ChatLog]:
    """Keep a chat's log while the block runs.

    `read` gets every text, caption and attached file that the bot shows, whether it is a caption,
    and when it came to be seen.
    """
    log = ChatLog(chat_id)
    after = (await telegram.control.get("/state")).json()["last_event"]
    following = [
        asyncio.create_task(_follow_messages(telegram, log, read, after)),
        asyncio.create_task(_follow_calls(telegram, log)),
    ]
    try:
        yield log
    finally:
        for task in following:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await _count_calls(telegram, log)


async def _follow_messages(
    telegram: RunningTelegram,
    log: ChatLog,
    read: Callable[[str, bool, float], None],
    after: int,
) -> None:
    async with telegram.control.stream(
        "GET", "/events", params={"after": after}, timeout=None
    ) as events:
        kind = ""
        async for line in events.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind == "reset":
                raise RuntimeError("the log of events ran over; the figures would be wrong")
            elif line.startswith("data: ") and kind in {"message", "edit"}:
                message = json.loads(line.removeprefix("data: "))["message"]
                if message["chat_id"] == log.chat_id and message["from"]["is_bot"]:
                    await _read_message(telegram, log, message, read)


async def _read_message(
    telegram: RunningTelegram,
    log: ChatLog,
    message: dict[str, Any],
    read: Callable[[str, bool, float], None],
) -> None:
    at = datetime.fromisoformat(message["edited_at"] or message["at"]).timestamp()
    log.shown += 1
    log.rings += bool(message["rings"] and not message["edits"])
    read(message["text"] or message["caption"] or "", bool(message["caption"]), at)
    if message["document"]:
        url = message["document"]["url"].removeprefix("/control")
        file = await telegram.control.get(url)
        if file.is_success:  # else a later edit has replaced it, and tells the same
            read(file.text, False, at)


async def _follow_calls(telegram: RunningTelegram, log: ChatLog) -> None:
    while True:
        await _count_calls(telegram, log)
        await asyncio.sleep(_CALLS_LOOK)


async def _count_calls(telegram: RunningTelegram, log: ChatLog) -> None:
    parameters = {"after": log.last_call, "limit": 10_000}
    answer = await telegram.control.get("/calls", params=parameters)
    for call in answer.json()["calls"]:
        log.last_call = call["seq"]
        if call["chat_id"] == log.chat_id:
            log.calls += 1
            if call["error_code"] == _REFUSED:
                log.refused.append(datetime.fromisoformat(call["at"]).timestamp())
