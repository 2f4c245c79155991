from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bridge import limits
from bridge.console import perform as room
from bridge.console.chats import Chats
from bridge.console.desk import Desk
from bridge.store import database as store
from bridge.store import inbox
from tests.bridge.consoles import Console

PATIENCE = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slow machine take its time with files; who is waited for in vain sets a bound."""
    seconds = int(PATIENCE.total_seconds())
    monkeypatch.setattr(limits, "READ_PATIENCE", PATIENCE)
    monkeypatch.setattr(limits, "WRITE_PATIENCE", PATIENCE)
    monkeypatch.setattr(limits, "INVENTORY_TURN_SECONDS", seconds)
    monkeypatch.setattr(store, "BUSY_MILLISECONDS", 1000 * seconds)
    monkeypatch.setattr(inbox, "BUSY_SECONDS", seconds)


@pytest.fixture
def console(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Console:
    made = Console(tmp_path / "state", capsys.readouterr)

    def open_chats(desk: Desk) -> Chats:
        made.chats.desk = desk
        return made.chats

    async def name(_token: str, *, proxy: str | None) -> str:
        assert proxy is None
        return "opswire_bot"

    # Logs are the process's own.
    monkeypatch.setattr(room, "set_up_logs", lambda *_: None)
    monkeypatch.setattr(room, "open_chats", open_chats)
    monkeypatch.setattr(room, "fetch_bot_name", name)
    return made
