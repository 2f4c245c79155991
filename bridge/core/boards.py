"""Boards: the one live message that takes over when a chat cannot carry what arrives.

    storm ──calm for a while──► after ──every card it stood for is shown or over──► closed

In a storm the board alone speaks. After the wave the cards that still matter return, silently and
the worst first; the board goes on telling the truth about those that have not returned yet.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from bridge.core.cards import Member


class BoardState(enum.Enum):
    """How far the wave has come."""

    STORM = "storm"
    AFTER = "after"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class BoardFacts:
    """A board's whole truth; `members` come worst first, the firing before the resolved."""

    state: BoardState
    opened_at: datetime
    over_at: datetime | None
    """When the wave was over; None while it lasts."""
    arrived: int
    """How many alerts came in the wave."""
    members: tuple[Member, ...]
    """Every alert that fires in this chat, and every one that only this board tells of."""

    @property
    def firing(self) -> tuple[Member, ...]:
        """The members that still fire."""
        return tuple(member for member in self.members if member.is_firing)

    @property
    def resolved(self) -> tuple[Member, ...]:
        """The members that are over."""
        return tuple(member for member in self.members if not member.is_firing)
