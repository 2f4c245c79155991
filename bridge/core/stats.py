"""How the bridge itself is: what `/stats` tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class StatsFacts:
    """The bridge's own figures at one moment."""

    version: str
    started_at: datetime
    checks: Mapping[str, str | None]
    """What `/readyz` looks at: name → what is wrong, or None."""
    waiting: int
    """Messages that are not shown as they should be, webhooks not yet read among them."""
    unheard: int
    """Of those, the ones that no chat hears."""
    oldest: datetime | None
    """Since when the oldest of those waits."""
    unaccounted: int
    """Alerts that are neither shown nor listed nor waiting; anything but 0 is a fault."""
    sends: Mapping[str, int]
    """Attempts to show a message since the start, by outcome."""
    commands: int
    """What people have asked since the start."""
    alerts: int
    """Members of webhooks kept since the start."""
    hearing: int = 0
    """Chats that hear alerts."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Chats that take no messages: which → why, in a `Reason`'s word."""
    people: int = 0
