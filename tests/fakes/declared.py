"""Every command as the bridge declares it, with nobody around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bridge.clock import SystemClock
from bridge.core.hearing import Hearing
from bridge.core.readiness import Readiness
from bridge.hands import WayToHosts
from bridge.inbound.chat.command import Commands
from bridge.inventory_file import InventoryFile
from bridge.metrics import Metrics
from bridge.parties import Outside
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.stores import create_stores
from bridge.talking import Talk, TalkDesk
from bridge.views.renderer import create_message_renderer


def declare(folder: Path) -> Commands:
    """Build the chat of a bridge that asks Prometheus, without anybody around it."""
    nobody: Any = None
    settings = Settings.load({"STATE_DIR": str(folder), "TIMEZONE": "UTC"})
    database = Database(f"sqlite:///{folder / 'opswire.db'}")
    outside = Outside(
        telegram=nobody,
        monitors={},
        prometheus=object(),  # type: ignore[arg-type]  # nobody asks it
        artist=object(),  # type: ignore[arg-type]  # nobody asks it either
        way=WayToHosts(authority=nobody, lines=nobody),
    )
    desk = TalkDesk(
        stores=create_stores(database, Hearing()),
        inventory=InventoryFile(folder / "agents.txt"),
        outside=outside,
        ear=nobody,
        renderer=create_message_renderer(nobody),
        metrics=Metrics("test"),
        clock=SystemClock(),
        readiness=Readiness,
        start=nobody,
        look_again=nobody,
    )
    return Talk(settings, desk).commands
