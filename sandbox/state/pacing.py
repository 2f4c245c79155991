"""How fast Telegram lets a bot speak, as a decision about the past and the present instant."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from datetime import datetime

# The figures of Telegram's bot FAQ; "short bursts" over the first are tolerated there too.
CHAT_BURST = 5
GROUP_WINDOW_SECONDS = 60.0
OVERALL_BURST_SECONDS = 1.0
SLOWEST, FASTEST = 0.001, 1_000_000  # what may be asked for


class Pace(BaseModel):
    """The figures, as the control API sets them."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = True
    per_chat_per_second: float = Field(default=1.0, ge=SLOWEST, le=FASTEST)
    group_per_minute: int = Field(default=20, ge=1, le=FASTEST)
    overall_per_second: float = Field(default=30.0, ge=SLOWEST, le=FASTEST)


@dataclass
class _Bucket:
    """A token bucket: so many at once, refilled at a rate."""

    rate: float
    capacity: float
    tokens: float
    at: float

    def wait(self, now: float, weight: float) -> float:
        """Tell how many seconds are missing until `weight` tokens are there."""
        # The clock may be put back: a negative span refills nothing.
        self.tokens = min(self.capacity, self.tokens + max(0.0, now - self.at) * self.rate)
        self.at = now
        return max(0.0, (min(weight, self.capacity) - self.tokens) / self.rate)


@dataclass
class Pacing:
    """Remember what was sent and judge what may be sent."""

    pace: Pace = field(default_factory=Pace)
    _chats: dict[int, _Bucket] = field(default_factory=dict)
    _groups: dict[int, deque[float]] = field(default_factory=dict)
    _overall: _Bucket | None = None

    def follow(self, pace: Pace) -> None:
        """Take other figures and forget what was sent."""
        self.pace = pace
        self._chats.clear()
        self._groups.clear()
        self._overall = None

    def admit(
        self, chat_id: int, now: datetime, *, weight: int = 1, edit: bool = False
    ) -> int | None:
        """Count a call and answer None, or answer after how many seconds to come again."""
        if not self.pace.enabled:
            return None
        instant = now.timestamp()
        asked = [self._overall_bucket(instant)]
        if not edit:
            asked.append(self._chat_bucket(chat_id, instant))
        wait = max(bucket.wait(instant, weight) for bucket in asked)
        if chat_id < 0:
            wait = max(wait, self._group_wait(chat_id, instant, weight))
        if wait > 0:
            return max(1, math.ceil(wait))
        for bucket in asked:
            bucket.tokens -= weight
        if chat_id < 0:
            self._groups[chat_id].extend([instant] * weight)
        return None

    def _overall_bucket(self, now: float) -> _Bucket:
        if self._overall is None:
            rate = self.pace.overall_per_second
            capacity = max(1.0, rate * OVERALL_BURST_SECONDS)
            self._overall = _Bucket(rate, capacity, capacity, now)
        return self._overall

    def _chat_bucket(self, chat_id: int, now: float) -> _Bucket:
        if chat_id not in self._chats:
            rate = self.pace.per_chat_per_second
            self._chats[chat_id] = _Bucket(rate, CHAT_BURST, CHAT_BURST, now)
        return self._chats[chat_id]

    def _group_wait(self, chat_id: int, now: float, weight: int) -> float:
        sent = self._groups.setdefault(chat_id, deque())
        while sent and not now - GROUP_WINDOW_SECONDS < sent[0] <= now:
            sent.popleft()
        over = len(sent) + min(weight, self.pace.group_per_minute) - self.pace.group_per_minute
        return sent[over - 1] + GROUP_WINDOW_SECONDS - now if over > 0 else 0.0
