"""Notices: what the bridge itself has to say to a chat."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class NoticeKind(enum.Enum):
    """What it is about."""

    PIPELINE_SILENT = "pipeline_silent"
    """The Watchdog alert has stopped arriving: alerts may no longer flow. Over when it is back."""
    CHAT_BROKEN = "chat_broken"
    """A destination cannot be reached; `subject` is which, `reason` why. Over when it can."""
    CHAT_MOVED = "chat_moved"
    """A group became a supergroup; `subject` is its old id, `detail` the new one."""
    TELEGRAM_WAS_AWAY = "telegram_was_away"
    """Telegram could not be reached; `count` alerts went the second way out meanwhile."""


@dataclass(frozen=True, kw_only=True)
class NoticeFacts:
    """One notice; it is edited when what it tells of is over."""

    kind: NoticeKind
    since: datetime
    until: datetime | None = None
    """When it was over; None while it lasts."""
    subject: str = ""
    reason: str = ""
    """The value of a `Reason`; may be empty."""
    detail: str = ""
    """Telegram's own words, or what the kind says; may be empty."""
    fallback: str = ""
    """The destination that hears instead; empty where there is none."""
    count: int = 0
