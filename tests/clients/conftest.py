from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge import limits
from bridge.clients.agents import Agents
from bridge.clients.authority import Authority
from bridge.clients.telegram import Telegram
from tests.fakes.local_agent import create_authority
from tests.fakes.local_telegram import LocalTelegram, open_local_telegram

PATIENCE_SECONDS = 60


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody here be taken for late because the machine is slow; who is late sets a bound."""
    for name in (
        "AGENT_CONNECT_SECONDS",
        "AGENT_CALM_SECONDS",
        "BOT_NAME_SECONDS",
        "HEALTH_TIMEOUT_SECONDS",
        "HEARTBEAT_TIMEOUT_SECONDS",
        "ALERTMANAGER_TIMEOUT_SECONDS",
        "PROMETHEUS_TIMEOUT_SECONDS",
        "SEND_TIMEOUT_SECONDS",
    ):
        monkeypatch.setattr(limits, name, PATIENCE_SECONDS)


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalTelegram]:
    async with open_local_telegram(tmp_path / "telegram") as local:
        yield local


@pytest.fixture
async def telegram(local: LocalTelegram) -> AsyncIterator[Telegram]:
    telegram = Telegram(local.sandbox.bot_token, api_base=local.sandbox.url)
    yield telegram
    await telegram.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return create_authority(tmp_path)


@pytest.fixture
async def agents(authority: Authority) -> AsyncIterator[Agents]:
    agents = Agents(authority.create_calling_context(), authority.sign)
    yield agents
    await agents.close()
