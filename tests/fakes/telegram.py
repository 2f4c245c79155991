"""A Telegram that remembers what it was told and answers as it was told to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from bridge.core.audience import Destination
from bridge.core.formatted import Attachment, Content
from bridge.core.outbox import Failed, Outcome, Sent


@dataclass(frozen=True, kw_only=True)
class Call:
    """One thing that was to be shown, and what came of it."""

    destination: Destination
    telegram_id: int | None
    """The message to edit; None for a new one."""
    content: Content
    is_loud: bool
    reply_to: int | None
    outcome: Outcome

    @property
    def text(self) -> str:
        """What it says."""
        return self.content.text.text

    @property
    def attachment(self) -> Attachment | None:
        """The file that came with it."""
        return self.content.attachment


@dataclass
class FakeTelegram:
    """Shows everything, unless it has been told to fail."""

    answers: list[Failed] = field(default_factory=list)
    """Failures to give first, whatever the destination."""
    answers_to: dict[Destination, list[Failed]] = field(default_factory=lambda: defaultdict(list))
    """Failures to give first to what goes to one destination."""
    broken: dict[Destination, Failed] = field(default_factory=dict)
    """Destinations that fail every time, and every check, until they are taken out."""
    shown: dict[tuple[Destination, int], list[str]] = field(default_factory=dict)
    """(where, message) → its versions, the newest last."""
    calls: list[Call] = field(default_factory=list)
    checks: list[Destination] = field(default_factory=list)
    problem: str | None = None

    async def show(
        self,
        destination: Destination,
        telegram_id: int | None,
        content: Content,
        *,
        is_loud: bool,
        reply_to: int | None,
    ) -> Outcome:
        """Send or edit."""
        outcome = self._failure(destination) or Sent(telegram_id or len(self.shown) + 1)
        call = Call(
            destination=destination,
            telegram_id=telegram_id,
            content=content,
            is_loud=is_loud,
            reply_to=reply_to,
            outcome=outcome,
        )
        self.calls.append(call)
        if isinstance(outcome, Sent):
            self.shown.setdefault((destination, outcome.telegram_id), []).append(call.text)
        return outcome

    async def check(self, destination: Destination) -> Outcome:
        """Say whether messages get there."""
        self.checks.append(destination)
        return self.broken.get(destination, Sent(0))

    async def probe(self) -> str | None:
        """Say what is wrong."""
        return self.problem

    def _failure(self, destination: Destination) -> Failed | None:
        if destination in self.broken:
            return self.broken[destination]
        if self.answers:
            return self.answers.pop(0)
        waiting = self.answers_to.get(destination)
        return waiting.pop(0) if waiting else None
