"""A whole bridge in the test's loop, between a webhook client and the real sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bridge.app import open_bridge
from bridge.clients.telegram import Telegram
from bridge.clients.telegram_updates import TelegramUpdates
from bridge.hands import WayToHosts
from bridge.parties import ArtistParty, Outside, PrometheusParty
from bridge.running import Bridge
from bridge.settings import Settings
from tests.fakes.local_telegram import LocalTelegram

TOKEN = "webhook-token-of-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class WholeBridge:
    """A running bridge and its door."""

    bridge: Bridge
    door: httpx.AsyncClient

    async def post(self, body: Any, path: str = "/alerts") -> int:
        """Send a webhook and answer the status."""
        content = json.dumps(
            body
        )  # ASCII: lone surrogates travel as escapes, as strangers send them
        return (await self.door.post(path, content=content, headers=BEARER)).status_code

    async def settled(self, seconds: float = 60) -> None:
        """Wait until nothing waits any more."""
        async with asyncio.timeout(seconds):
            # There is no event to wait for: the figures are all that a stranger sees.
            while "opswire_messages_waiting 0.0" not in await self.figures():  # noqa: ASYNC110 - above
                await asyncio.sleep(0.02)

    async def figures(self) -> str:
        """Read the metrics."""
        return (await self.door.get("/metrics", headers=BEARER)).text


@asynccontextmanager
async def open_whole_bridge(
    folder: Path,
    local: LocalTelegram,
    prometheus: PrometheusParty | None = None,
    artist: ArtistParty | None = None,
    way: WayToHosts | None = None,
    /,
    **changes: str,
) -> AsyncIterator[WholeBridge]:
    """Run a bridge that sends to a sandbox; without a Prometheus it answers no numbers."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a test's folder
    environ = {
        "STATE_DIR": str(folder),
        "BOT_TOKEN": local.sandbox.bot_token,
        "TELEGRAM_API_BASE": local.sandbox.url,
        "ALERT_CHAT_ID": "-2001",
        "TIMEZONE": "UTC",
        **changes,
    }
    telegram = Telegram(local.sandbox.bot_token, api_base=local.sandbox.url)
    ear = TelegramUpdates(local.sandbox.bot_token, api_base=local.sandbox.url)
    outside = Outside(
        telegram=telegram, ear=ear, monitors={}, prometheus=prometheus, artist=artist, way=way
    )
    try:
        async with open_bridge(Settings.load(environ), token=TOKEN, outside=outside) as bridge:
            transport = httpx.ASGITransport(bridge.web)
            async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as door:
                yield WholeBridge(bridge, door)
    finally:
        await ear.close()
        await telegram.close()
