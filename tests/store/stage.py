"""The store, and everybody around it: who posts, who shows, and what the chats have seen."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Select

from bridge.core.audience import Destination
from bridge.core.boards import BoardFacts
from bridge.core.cards import CardFacts, Ending, Member
from bridge.core.hearing import Hearing
from bridge.core.inventory import parse_inventory
from bridge.core.notices import NoticeFacts
from bridge.core.outbox import Claimed, Facts, Kind, Outcome, Sent, judge
from bridge.core.preferences import change_preferences
from bridge.core.rings import RingFacts
from bridge.store.chats import Chats
from bridge.store.database import Database
from bridge.store.destinations import Destinations
from bridge.store.journal import Journal
from bridge.store.outbox import Outbox
from bridge.store.records import Records
from tests.fakes.clock import NOON
from tests.fakes.webhooks import webhook

INVENTORY = parse_inventory(
    "web-1 192.0.2.1:9100 group=web\ndb-1 192.0.2.2:9100 group=db\ndb-2 192.0.2.3:9100 group=db"
)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OPS, DEV = Destination(-100), Destination(-200, 7)
ADA, BOB = Destination(1001), Destination(1002)


@dataclass
class Stage:
    """One bridge's store at one moment."""

    database: Database
    hearing: Hearing = field(default_factory=lambda: Hearing(subscribed=(OPS,)))
    now: datetime = NOON
    shown: dict[tuple[Destination, int], Facts] = field(default_factory=dict)
    """(where, Telegram's message) → what it says."""
    log: list[Claimed] = field(default_factory=list)
    """Everything that was shown, in order."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(5000))

    def hear(self, **changes: Any) -> None:
        """Settle who hears what."""
        self.hearing = replace(self.hearing, **changes)

    @property
    def journal(self) -> Journal:
        """The way in."""
        return Journal(self.database, self.hearing)

    @property
    def outbox(self) -> Outbox:
        """The queue."""
        return Outbox(self.database, self.hearing)

    @property
    def destinations(self) -> Destinations:
        """What is known of the chats."""
        return Destinations(self.database, self.hearing)

    @property
    def chats(self) -> Chats:
        """Who is subscribed, and what they have chosen."""
        return Chats(self.database, self.hearing)

    @property
    def records(self) -> Records:
        """The books."""
        return Records(self.database)

    async def choose(self, here: Destination, *typed: str) -> None:
        """Choose something for a chat, as it is typed."""
        for words in typed:
            change = partial(change_preferences, words=words.split(), languages=("en", "ru"))
            await self.chats.choose(here, change, now=self.now)

    async def subscribe(self, *places: Destination) -> None:
        """Subscribe chats."""
        for here in places:
            await self.chats.subscribe(here, made_by=1001, now=self.now)

    def wait(self, span: timedelta = SECOND) -> None:
        """Let time pass."""
        self.now += span

    async def post(
        self,
        *alerts: object,
        group: str = "web-1",
        to: Destination | None = None,
        source: str = "",
        **fields: object,
    ) -> None:
        """Deliver one webhook and fold it."""
        await self.put(webhook(*alerts, group=group, **fields), to=to, source=source)
        await self.fold()

    async def put(self, body: object, *, to: Destination | None = None, source: str = "") -> None:
        """Keep one webhook."""
        raw = json.dumps(body).encode()
        await self.journal.put(raw, addressed=to, source=source, now=self.now)

    async def fold(self) -> None:
        """Fold all that was kept."""
        while (await self.journal.fold(now=self.now)).has_more:
            pass

    async def claim(self, *under_way: int) -> list[Claimed]:
        """Lease what may go now."""
        return await self.outbox.claim(under_way=under_way, now=self.now)

    async def settle(
        self,
        message: Claimed,
        outcome: Outcome | None = None,
        *,
        is_whole: bool = True,
        endings: Mapping[int, Ending] | None = None,
    ) -> int:
        """Say what became of a message; it is shown unless told otherwise. Answer Telegram's id."""
        if outcome is None:
            outcome = Sent(message.telegram_id or next(self.numbers))
        if isinstance(outcome, Sent):
            self.shown[message.destination, outcome.telegram_id] = message.facts
            self.log.append(message)
        verdict = judge(message, outcome, now=self.now, jitter=1, is_whole=is_whole)
        await self.outbox.settle(message, verdict, endings=endings or {}, now=self.now)
        return outcome.telegram_id if isinstance(outcome, Sent) else 0

    async def show(self) -> list[Claimed]:
        """Show all that may go at this instant."""
        shown: list[Claimed] = []
        while claimed := await self.claim():
            for message in claimed:
                await self.settle(message)
            shown += claimed
        return shown

    async def drain(self, span: timedelta = 10 * MINUTE, step: timedelta = SECOND) -> list[Claimed]:
        """Show whatever goes within a span of time."""
        shown: list[Claimed] = []
        end = self.now + span
        while self.now < end:
            shown += await self.show()
            if not (await self.outbox.depth()).waiting:
                return shown
            self.wait(step)
        return shown

    async def heard(self) -> dict[Destination, set[str]]:
        """Show all that goes, and tell which hosts fire in the cards of each chat."""
        await self.drain(20 * MINUTE)
        seen: dict[Destination, set[str]] = {}
        for (place, _), facts in self.shown.items():
            if isinstance(facts, CardFacts):
                seen.setdefault(place, set()).update(each.host for each in facts.firing)
        return seen

    async def scalar(self, wanted: Select[Any]) -> Any:
        """Read one value."""
        return await self.database.read(lambda c: c.execute(wanted).scalar_one())


def of_kind(kind: Kind, claimed: Collection[Claimed]) -> list[Claimed]:
    """Pick the messages of one kind."""
    return [each for each in claimed if each.kind is kind]


def members(message: Claimed) -> tuple[Member, ...]:
    """Tell which alerts a message is about."""
    assert isinstance(message.facts, CardFacts | RingFacts | BoardFacts)
    return message.facts.members


def names(message: Claimed) -> list[tuple[str, bool]]:
    """Tell which hosts a message is about, and whether each fires."""
    return [(member.host, member.is_firing) for member in members(message)]


def card(message: Claimed) -> CardFacts:
    """Read a card's facts."""
    assert isinstance(message.facts, CardFacts)
    return message.facts


def ring(message: Claimed) -> RingFacts:
    """Read a ring's facts."""
    assert isinstance(message.facts, RingFacts)
    return message.facts


def board(message: Claimed) -> BoardFacts:
    """Read a board's facts."""
    assert isinstance(message.facts, BoardFacts)
    return message.facts


def notice(message: Claimed) -> NoticeFacts:
    """Read a notice's facts."""
    assert isinstance(message.facts, NoticeFacts)
    return message.facts
