"""Make the secrets that two programs share, before either of them starts."""

from __future__ import annotations

import secrets
import string
from pathlib import Path

from deploy.stack.folder import write_private

SANDBOX_BOT = 7000000001
# Telegram's tokens: the bot's id, a colon, 35 of these.
TOKEN_LETTERS = string.ascii_letters + string.digits + "_-"


def find_or_create(path: Path, fresh: str) -> str:
    """Read a secret's file, or write the fresh one there for its owner's eyes."""
    if path.exists():
        found = path.read_text(encoding="utf-8").strip()
        if found:
            return found
    write_private(path, f"{fresh}\n")
    return fresh


def create_token() -> str:
    """Make a bearer token: 32 bytes of chance in letters an address may hold."""
    return secrets.token_urlsafe(32)


def create_bot_token() -> str:
    """Make a token of the local Telegram's bot."""
    tail = "".join(secrets.choice(TOKEN_LETTERS) for _ in range(35))
    return f"{SANDBOX_BOT}:{tail}"


def put_copies(token: str, places: list[Path]) -> None:
    """Lay a secret beside the configurations that read it from a file."""
    for place in places:
        if not place.exists() or place.read_text(encoding="utf-8").strip() != token:
            write_private(place, token)
        place.chmod(0o600)
        place.parent.chmod(0o700)
