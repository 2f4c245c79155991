from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.local_telegram import LocalTelegram, open_local_telegram
from tests.fakes.whole_bridge import WholeBridge, open_whole_bridge


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalTelegram]:
    """Run a Telegram without pacing."""
    async with open_local_telegram(tmp_path / "telegram") as local:
        yield local


@pytest.fixture
async def bridge(tmp_path: Path, local: LocalTelegram) -> AsyncIterator[WholeBridge]:
    """Run a bridge whose one chat is the group On call."""
    async with open_whole_bridge(tmp_path / "bridge", local) as bridge:
        yield bridge
