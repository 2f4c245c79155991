"""Which bot a state belongs to: message ids and people of one mean nothing to another."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

TELEGRAM = "Telegram"
LOOPBACK = "this machine"
"""Any server of this machine: its port may change from one start to the next."""


@dataclass(frozen=True)
class Owner:
    """A bot on a Bot API server."""

    bot_id: str
    server: str

    def __str__(self) -> str:
        """Name both, as a sentence does."""
        return f"bot {self.bot_id} on {self.server}"


def read_owner(bot_token: str, api_base: str | None) -> Owner:
    """Tell whose state it is: a token begins with the bot's id, which no new token changes."""
    return Owner(bot_token.partition(":")[0], _name_server(api_base))


def _name_server(api_base: str | None) -> str:
    if api_base is None:
        return TELEGRAM
    parts = urlsplit(api_base)
    host = (parts.hostname or "").lower()
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return LOOPBACK
    return f"{host}:{parts.port}" if parts.port else host
