"""Strangers: told how to be let in, refused once, then met with silence."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from bridge import limits


@dataclass
class _Stranger:
    calls: list[datetime] = field(default_factory=list)
    refused_at: datetime | None = None


class Strangers:
    """What is remembered of those who have no role; the longest silent are forgotten first."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Stranger] = OrderedDict()

    def may_call(self, user_id: int, chat_id: int, now: datetime) -> bool:
        """Count one of the few things a stranger may ask; say whether it is answered.

        In a group all strangers together get one answer a minute: it has to carry alerts.
        """
        pace = limits.STRANGER_CALLS if chat_id == user_id else limits.STRANGERS_GROUP_CALLS
        stranger = self._meet(chat_id)
        stranger.calls = [at for at in stranger.calls if now - at < pace.span]
        has_room = pace.has_room(stranger.calls, now)
        if has_room:
            stranger.calls.append(now)
        return has_room

    def is_refused_anew(self, user_id: int, now: datetime) -> bool:
        """Say whether a refusal is due, and count it as said."""
        stranger = self._meet(user_id)
        is_due = stranger.refused_at is None or now - stranger.refused_at >= limits.REFUSAL_AGAIN
        if is_due:
            stranger.refused_at = now
        return is_due

    def _meet(self, user_id: int) -> _Stranger:
        stranger = self._known.setdefault(user_id, _Stranger())
        self._known.move_to_end(user_id)
        while len(self._known) > limits.STRANGERS_KEPT:
            self._known.popitem(last=False)
        return stranger
