"""The settings of a bridge under test."""

from __future__ import annotations

from pathlib import Path

from bridge.settings import SETTINGS
from tests.chaos.bridges import TOKEN
from tests.ports import free_port


def set_environ(
    folder: Path, port: int, *, api_base: str, bot_token: str, chats: str, fallback: int = 0
) -> dict[str, str]:
    """Write a bridge's environment; Prometheus and Alertmanager are never there."""
    closed = f"http://127.0.0.1:{free_port()}"
    environ = {
        "STATE_DIR": str(folder / "state"),
        "BOT_TOKEN": bot_token,
        "TELEGRAM_API_BASE": api_base,
        "ALERT_CHAT_ID": chats,
        "SERVER_PORT": str(port),
        "AGENTS_PORT": str(free_port()),
        "WEBHOOK_TOKEN": TOKEN,
        "TIMEZONE": "UTC",
        "PROMETHEUS_URL": closed,
        "ALERTMANAGER_URL": closed,
    }
    if fallback:
        named = [each.name for each in SETTINGS if "FALLBACK" in each.name]
        environ |= dict.fromkeys(named, str(fallback))
    return environ
