from __future__ import annotations

from pathlib import Path

import pytest

from bridge.console import perform as room
from bridge.console.chats import Chats
from bridge.console.desk import Desk
from tests.bridge.consoles import Console


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
