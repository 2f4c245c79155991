"""A Telegram that remembers what it was told and answers as it was told to."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.core.audience import Destination
from bridge.core.formatted import Formatted
from bridge.core.outbox import Failed, Outcome, Sent


@dataclass
class FakeTelegram:
    """Shows everything, unless `answers` holds failures to give first."""

    answers: list[Failed] = field(default_factory=list)
    shown: dict[tuple[Destination, int], list[str]] = field(default_factory=dict)
    """(where, message) → its versions, the newest last."""
    calls: list[tuple[Destination, int | None, Formatted]] = field(default_factory=list)
    problem: str | None = None

    async def show(
        self, destination: Destination, telegram_id: int | None, text: Formatted
    ) -> Outcome:
        """Send or edit."""
        self.calls.append((destination, telegram_id, text))
        if self.answers:
            return self.answers.pop(0)
        number = telegram_id or len(self.shown) + 1
        self.shown.setdefault((destination, number), []).append(text.text)
        return Sent(number)

    async def probe(self) -> str | None:
        """Say what is wrong."""
        return self.problem
