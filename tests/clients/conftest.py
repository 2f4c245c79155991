from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.clients.telegram import Telegram
from tests.fakes.local_telegram import LocalTelegram, open_local_telegram


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalTelegram]:
    async with open_local_telegram(tmp_path / "telegram") as local:
        yield local


@pytest.fixture
async def telegram(local: LocalTelegram) -> AsyncIterator[Telegram]:
    telegram = Telegram(local.sandbox.bot_token, api_base=local.sandbox.url)
    yield telegram
    await telegram.close()
