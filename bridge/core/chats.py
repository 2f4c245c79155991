"""Chats as the bridge knows them: who is subscribed, and how each listens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bridge.core.audience import Destination
from bridge.core.hearing import Ear


@dataclass(frozen=True, kw_only=True)
class Chat:
    """One chat, or topic of one."""

    destination: Destination
    is_subscribed: bool
    is_settled: bool
    """Whether ALERT_CHAT_ID names it: only the settings can take that away."""
    title: str = ""
    """What it was called when last seen; may be empty."""
    since: datetime | None = None
    """When it subscribed; None where it has not by itself."""
    made_by: int | None = None
    """Who subscribed it; None for a machine's doing."""
    ear: Ear = field(default_factory=Ear)
    """What holds there: for a topic, also what its chat has chosen."""


@dataclass(frozen=True, kw_only=True)
class Subscribed:
    """What a subscription has come to."""

    is_news: bool
    """Whether the chat was not subscribed before."""
    adopted: int = 0
    """How many messages it is given that nobody could hear until now."""
    shown: int = 0
    """How many cards of what fires already it is shown."""
