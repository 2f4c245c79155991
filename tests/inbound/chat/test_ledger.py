"""What is written down of strangers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from bridge import limits
from bridge.core.access import Actor
from bridge.core.audience import Destination
from bridge.core.audit import Entry, Outcome
from bridge.errors import Outage
from bridge.inbound.chat.command import Asked, Commands
from bridge.inbound.chat.ledger import Ledger
from tests.fakes.chat import NOON, FakeChat

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class FakeAudit:
    """Keeps entries, or cannot."""

    entries: list[Entry] = field(default_factory=list)
    is_away: bool = False

    async def put(self, entry: Entry) -> None:
        if self.is_away:
            raise Outage("the database", "it is away")
        self.entries.append(entry)


@dataclass
class Desk:
    """A ledger, and strangers before it."""

    audit: FakeAudit = field(default_factory=FakeAudit)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.audit)
        self.places = FakeChat(Commands()).places

    async def refuse(self, user_id: int, at: datetime = NOON) -> None:
        chat = Destination(user_id)
        actor = Actor(user_id=user_id, role=None, chat=chat, is_private=True, name=f"n{user_id}")
        voice = self.places.voices.create("en", self.places.zone, at)
        asked = Asked(actor=actor, voice=voice, command="users")
        await self.ledger.note(asked, Outcome.REFUSED, "no")

    @property
    def told(self) -> list[tuple[int | None, str, str]]:
        return [(each.who, each.name, each.detail) for each in self.audit.entries]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_crowd_of_strangers_is_laid_at_nobody_s_door(desk: Desk) -> None:
    for user_id in range(1, limits.REFUSALS_STRANGERS + 5):
        await desk.refuse(user_id)
    assert desk.told[-1] == (None, "several strangers", "several strangers (1 time)")
    assert desk.audit.entries[-1].chat is None
    await desk.ledger.collect(NOON + HOUR)
    assert desk.told[-1] == (None, "several strangers", "several strangers (3 times)")


async def test_what_a_stranger_left_behind_is_collected(desk: Desk) -> None:
    for _ in range(4):
        await desk.refuse(7)
    await desk.ledger.collect(NOON + 59 * MINUTE)
    assert desk.told == [(7, "n7", "no")]
    await desk.ledger.collect(NOON + HOUR)
    assert desk.told == [(7, "n7", "no"), (7, "", "3 times")]
    assert desk.audit.entries[-1].outcome is Outcome.REFUSED
    await desk.refuse(7, NOON + HOUR)
    await desk.ledger.collect(NOON + HOUR + MINUTE, is_last=True)
    assert desk.told[-1] == (7, "", "1 time")


async def test_an_audit_that_is_away_stops_nobody(desk: Desk) -> None:
    desk.audit.is_away = True
    await desk.refuse(7)
    await desk.refuse(7)
    await desk.ledger.collect(NOON + HOUR)
    assert desk.told == []
