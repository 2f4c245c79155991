"""What Telegram tells: updates, each with its number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Incoming:
    """An update as Telegram sent it."""

    update_id: int
    """Telegram counts up."""
    body: Mapping[str, Any]
