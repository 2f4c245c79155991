"""What these tests share: waiting for what is to be seen, and a bridge with a watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bridge.app import open_bridge
from bridge.clients.telegram import Telegram
from bridge.clock import SystemClock
from bridge.parties import Outside, Watched
from bridge.settings import Settings
from tests.fakes.local_telegram import ON_CALL, LocalTelegram
from tests.fakes.whole_bridge import TOKEN, WholeBridge

MINUTE = timedelta(minutes=1)


class LeapingClock(SystemClock):
    """The machine's clock, and whatever was leapt over."""

    def __init__(self) -> None:
        self._leapt = timedelta(0)

    def now(self) -> datetime:
        """Tell the time."""
        return super().now() + self._leapt

    def leap(self, span: timedelta) -> None:
        """Be later by that much from now on."""
        self._leapt += span


def moment(ago: timedelta = timedelta(0)) -> datetime:
    """Tell the time that was, as an alert would have it."""
    return SystemClock().now().replace(microsecond=0) - ago


async def until(is_so: Callable[[], Awaitable[Any]], seconds: float = 60) -> None:
    """Wait until something is to be seen."""
    async with asyncio.timeout(seconds):
        # The chat sets no event; looking is all that a stranger can do.
        while not await is_so():  # noqa: ASYNC110 - above
            await asyncio.sleep(0.02)


async def texts(local: LocalTelegram, chat_id: int = ON_CALL, thread: int | None = None) -> str:
    """Read a chat as one text."""
    messages = await local.messages(chat_id, thread)
    return "\n\n".join(each["text"] or each["caption"] or "" for each in messages)


async def calls_reach(
    local: LocalTelegram, number: int, method: str | None = None, seconds: float = 60
) -> None:
    """Wait until Telegram has been called so often, whatever became of it."""

    async def is_so() -> bool:
        return len(await local.calls(method)) >= number

    await until(is_so, seconds)


async def refused(local: LocalTelegram) -> list[Any]:
    """List the calls that Telegram refused."""
    return [call for call in await local.calls() if not call["ok"]]


async def problem(bridge: WholeBridge, check: str) -> str:
    """Read from /readyz what is wrong with something; empty where nothing is known to be."""
    checks: dict[str, str] = (await bridge.door.get("/readyz")).json()["checks"]
    return checks.get(check, "").removeprefix("ok")


@asynccontextmanager
async def open_watching_bridge(
    folder: Path,
    local: LocalTelegram,
    *,
    watched: Watched | None = None,
    clock: LeapingClock | None = None,
    **changes: str,
) -> AsyncIterator[WholeBridge]:
    """Run a bridge with parties beside Telegram, or with a clock that leaps."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a test's folder
    environ = {
        "STATE_DIR": str(folder),
        "BOT_TOKEN": local.sandbox.bot_token,
        "TELEGRAM_API_BASE": local.sandbox.url,
        "ALERT_CHAT_ID": str(ON_CALL),
        "TIMEZONE": "UTC",
        **changes,
    }
    telegram = Telegram(local.sandbox.bot_token, api_base=local.sandbox.url)
    outside = Outside(telegram=telegram, monitors={}, watched=watched or Watched())
    try:
        async with open_bridge(
            Settings.load(environ), token=TOKEN, outside=outside, clock=clock
        ) as bridge:
            transport = httpx.ASGITransport(bridge.web)
            async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as door:
                yield WholeBridge(bridge, door)
    finally:
        await telegram.close()
