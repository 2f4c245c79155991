from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bridge.app import open_bridge
from bridge.parties import Outside
from bridge.running import Bridge
from bridge.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.telegram import FakeTelegram

TOKEN = "webhook-token-of-the-tests"


class Down:
    """A monitor that is not there."""

    async def probe(self) -> None:
        from bridge.errors import Outage  # noqa: PLC0415

        raise Outage("Prometheus", "cannot be reached")


class Up:
    """A monitor that is there."""

    async def probe(self) -> None:
        return None


@dataclass
class House:
    """A whole bridge with fake parties, and a client in front of it."""

    bridge: Bridge
    client: httpx.AsyncClient
    telegram: FakeTelegram
    clock: FakeClock

    async def settled(self) -> None:
        """Wait until all is done that there is to do at this moment of the clock."""
        async with asyncio.timeout(60):
            while True:
                calls = len(self.telegram.calls)
                is_at_work = await self._is_at_work()
                await self._looks_in_vain()
                is_still = len(self.telegram.calls) == calls and not self.bridge._under_way
                if is_still and not is_at_work:
                    return

    async def _is_at_work(self) -> bool:
        backlog = await self.bridge.stores.journal.backlog()
        return bool(backlog.webhooks or self.bridge._under_way)

    async def _looks_in_vain(self) -> None:
        """Wait for a look from now on that finds nothing to send."""
        rests = self.clock.rests
        while self.clock.rests < rests + 2:  # the first of them may have begun before
            self.bridge._wake.set()
            await asyncio.sleep(0.002)


def settings(tmp_path: Path, **changes: str) -> Settings:
    environ = {
        "STATE_DIR": str(tmp_path),
        "BOT_TOKEN": "7000000001:AAFakeTokenOfTheTests-0123456789abcd",
        "ALERT_CHAT_ID": "-100,-200/7",
        "TIMEZONE": "UTC",
    }
    return Settings.load({**environ, **changes})


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    telegram, clock = FakeTelegram(), FakeClock()
    outside = Outside(
        telegram=telegram, monitors={"prometheus": [Up()], "alertmanager": [Up(), Up()]}
    )
    async with open_bridge(settings(tmp_path), token=TOKEN, outside=outside, clock=clock) as bridge:
        transport = httpx.ASGITransport(bridge.web, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
            yield House(bridge, client, telegram, clock)
