from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.cards import CardFacts, UnreadableFacts
from bridge.core.formatted import Formatted
from bridge.core.outbox import Claimed, Form, Outcome, Reason, Sent, Verdict
from bridge.errors import Outage
from bridge.flows.show_message import Messenger, show_message
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.telegram import FakeTelegram

MESSAGE = Claimed(
    id=1,
    destination=Destination(5),
    revision=1,
    telegram_id=None,
    form=Form.FORMATTED,
    attempts=0,
    waiting_since=NOON,
    facts=UnreadableFacts(raw="", fault=""),
)


@dataclass
class FakeOutbox:
    """Remembers verdicts, after as many outages as it is told to have."""

    outages: int = 0
    verdicts: list[Verdict] = field(default_factory=list)

    async def settle(self, message: Claimed, verdict: Verdict, *, now: datetime) -> None:
        """Fail or remember."""
        del message, now
        if self.outages:
            self.outages -= 1
            raise Outage("database", "the disk is full")
        self.verdicts.append(verdict)


class StrangeTelegram:
    """Raises what no library documents."""

    async def show(
        self, destination: Destination, telegram_id: int | None, text: Formatted
    ) -> Outcome:
        """Fail."""
        del destination, telegram_id, text
        raise RuntimeError("nobody foresaw this")


def render(facts: CardFacts | UnreadableFacts, form: Form, now: datetime) -> Formatted:
    del facts, form, now
    return Formatted("text")


def fail_to_render(facts: CardFacts | UnreadableFacts, form: Form, now: datetime) -> Formatted:
    del facts, form, now
    raise ValueError("nobody foresaw this")


async def show(
    outbox: FakeOutbox, messenger: Messenger, render: object = render, message: Claimed = MESSAGE
) -> Verdict:
    clock = FakeClock()
    async with asyncio.timeout(2):
        return await show_message(
            message,
            render=render,  # type: ignore[arg-type]
            messenger=messenger,
            outbox=outbox,
            clock=clock.now,
            sleep=clock.sleep,
            chance=lambda: 1,
        )


async def test_a_store_that_fails_after_telegram_has_answered_does_not_show_it_twice() -> None:
    outbox, telegram = FakeOutbox(outages=3), FakeTelegram()
    verdict = await show(outbox, telegram)
    assert len(telegram.calls) == 1
    assert outbox.verdicts == [verdict]
    assert verdict.shown


async def test_a_message_that_cannot_be_written_makes_room_for_the_next_one() -> None:
    outbox, telegram = FakeOutbox(), FakeTelegram()
    verdict = await show(outbox, telegram, fail_to_render)
    assert outbox.verdicts == [verdict]
    assert (verdict.shown, verdict.reason) == (False, Reason.UNFORESEEN)
    assert verdict.form is Form.PLAIN
    again = Claimed(**{**vars(MESSAGE), "form": Form.PLAIN})
    second = await show(FakeOutbox(), telegram, fail_to_render, again)
    assert second.due_at == NOON + limits.BACKOFF_REFUSED


async def test_a_messenger_that_fails_unforeseen_is_settled_like_any_failure() -> None:
    outbox = FakeOutbox()
    verdict = await show(outbox, StrangeTelegram())
    assert outbox.verdicts == [verdict]
    assert verdict.reason is Reason.UNFORESEEN
    assert verdict.due_at - NOON <= timedelta(minutes=10)


async def test_a_message_that_is_shown_is_settled_as_shown() -> None:
    outbox, telegram = FakeOutbox(), FakeTelegram()
    assert (await show(outbox, telegram)).telegram_id == 1
    assert isinstance(await telegram.show(Destination(5), 1, Formatted("x")), Sent)
