from __future__ import annotations

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
