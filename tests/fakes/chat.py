"""The chat's gate between people of a test and fakes: what they say, and what they read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

from bridge.core.access import EVERYWHERE, Person, Role, Scope
from bridge.core.arrivals import Arrival, ArrivalKind
from bridge.core.audience import Destination
from bridge.core.audit import Outcome as Ending
from bridge.core.formatted import Content
from bridge.core.inventory import Inventory, parse_inventory
from bridge.core.keyboards import Keyboard
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.inbound.chat.command import Asked, Commands
from bridge.inbound.chat.gate import Gate, GateDesk
from bridge.metrics import Metrics
from bridge.views.voice import Voice, Voices

BOT = "opswire_bot"
NOON = datetime(2025, 6, 9, 10, 0, tzinfo=UTC)
STRANGER, VIEWER, OPERATOR, ADMIN = 1666, 11, 12, 13
GROUP = -2001
INVENTORY = """
Server 10.107.26.176:9100 group=web
Agent1 146.190.147.94:9100 group=db
Agent2 10.107.12.213:9100 group=db
"""


@dataclass
class FakePeople:
    """People by their numbers."""

    known: dict[int, Person] = field(
        default_factory=lambda: {
            VIEWER: Person(user_id=VIEWER, role=Role.VIEWER),
            OPERATOR: Person(user_id=OPERATOR, role=Role.OPERATOR),
            ADMIN: Person(user_id=ADMIN, role=Role.ADMIN),
        }
    )

    async def find(self, user_id: int) -> Person | None:
        """Find somebody with a role."""
        return self.known.get(user_id)

    async def note_name(self, person: Person, name: str) -> None:
        """Remember what somebody calls themselves."""
        self.known[person.user_id] = replace(person, name=name)


@dataclass(frozen=True, kw_only=True)
class Said:
    """Something that the bot said."""

    content: Content
    where: Destination
    telegram_id: int | None
    """The message whose place it took."""
    reply_to: int | None

    @property
    def text(self) -> str:
        """What it says."""
        return self.content.text.text

    @property
    def buttons(self) -> dict[str, str]:
        """The buttons below it: label → what pressing asks for."""
        keyboard = self.content.keyboard
        if not isinstance(keyboard, Keyboard):
            return {}
        return {each.label: each.press for row in keyboard.rows for each in row}


@dataclass
class FakeSpeaker:
    """Remembers what the bot says."""

    said: list[Said] = field(default_factory=list)
    is_away: bool = False
    """Whether Telegram takes nothing."""
    gate: asyncio.Event | None = None
    """What it waits for before it shows anything."""
    moved_to: int | None = None
    """The supergroup that every group has become."""
    acknowledged: list[tuple[str, str]] = field(default_factory=list)

    async def say(
        self, content: Content, where: Destination, *, reply_to: int | None, is_loud: bool
    ) -> Outcome:
        """Send a message."""
        del is_loud
        return await self._show(content, where, telegram_id=None, reply_to=reply_to)

    async def change(self, content: Content, where: Destination, telegram_id: int) -> Outcome:
        """Put it in the place of a message."""
        return await self._show(content, where, telegram_id=telegram_id, reply_to=None)

    async def _show(
        self, content: Content, where: Destination, *, telegram_id: int | None, reply_to: int | None
    ) -> Outcome:
        if self.gate is not None:
            await self.gate.wait()
        if self.is_away:
            return Failed(Reason.OUTAGE)
        moved_to = None
        if self.moved_to is not None and where.chat_id < 0 and where.chat_id != self.moved_to:
            # Shown anew where the group has gone, as the true speaker does.
            moved_to, telegram_id, reply_to = self.moved_to, None, None
            where = Destination(moved_to, where.thread_id)
        said = Said(content=content, where=where, telegram_id=telegram_id, reply_to=reply_to)
        self.said.append(said)
        return Sent(telegram_id or len(self.said), moved_to=moved_to)

    async def acknowledge(self, press_id: str, text: str = "", *, is_alert: bool = False) -> None:
        """End the waiting sign on a pressed button."""
        del is_alert
        self.acknowledged.append((press_id, text))


@dataclass
class FakePlaces:
    """Chats in which one language is spoken."""

    voices: Voices
    language: str = "en"
    zone: tzinfo = UTC
    scopes: dict[Destination, Scope] = field(default_factory=dict)

    async def find_voice(self, arrival: Arrival, now: datetime) -> tuple[Voice, Scope]:
        """Make the voice for whoever speaks there, and find the chat's limits."""
        scope = self.scopes.get(arrival.chat, EVERYWHERE) if arrival.chat else EVERYWHERE
        return self.voices.create(self.language, self.zone, now), scope


@dataclass
class FakeBooks:
    """Remembers what was written down: who, command, outcome."""

    notes: list[tuple[int, str, str]] = field(default_factory=list)

    async def note(self, asked: Asked, outcome: Ending, detail: str = "") -> None:
        """Write down what somebody changed, or was refused."""
        del detail
        self.notes.append((asked.actor.user_id, asked.command, outcome.value))


@dataclass
class FakeChat:
    """The gate and everything around it."""

    commands: Commands
    inventory: Inventory = field(default_factory=lambda: parse_inventory(INVENTORY))
    now: datetime = NOON
    people: FakePeople = field(default_factory=FakePeople)
    speaker: FakeSpeaker = field(default_factory=FakeSpeaker)
    books: FakeBooks = field(default_factory=FakeBooks)
    faults: list[tuple[str, Exception]] = field(default_factory=list)
    """Templates that failed."""
    moves: list[tuple[int, int]] = field(default_factory=list)
    """Groups that have become supergroups: old id, new id."""

    def __post_init__(self) -> None:
        voices = Voices(lambda name, fault: self.faults.append((name, fault)))
        self.places = FakePlaces(voices)
        self.gate = Gate(
            GateDesk(
                commands=self.commands,
                people=self.people,
                places=self.places,
                speaker=self.speaker,
                books=self.books,
                inventory=lambda: self.inventory,
                now=lambda: self.now,
                metrics=Metrics("test"),
                bot_name=lambda: BOT,
                follow=self._follow,
            )
        )

    async def _follow(self, old: int, fresh: int) -> None:
        self.moves.append((old, fresh))

    async def find_voice(self, _: Destination) -> Voice:
        """Make the voice for a chat, whoever asks there."""
        return self.places.voices.create(self.places.language, self.places.zone, self.now)

    async def say(
        self, text: str, user_id: int = ADMIN, chat_id: int | None = None, **changes: object
    ) -> Sequence[Said]:
        """Say something to the bot; give what it says to that. Without a chat it is in private."""
        arrival = Arrival(
            kind=ArrivalKind.MESSAGE,
            user_id=user_id,
            name="Somebody",
            chat=Destination(user_id if chat_id is None else chat_id),
            is_private=chat_id is None,
            message_id=500,
            at=self.now,
            text=text,
        )
        return await self._take(replace(arrival, **changes))  # type: ignore[arg-type]

    async def press(
        self, pressed: str, user_id: int = ADMIN, *, has_photo: bool = False, **changes: object
    ) -> Sequence[Said]:
        """Press a button that holds this; give what the bot says to that."""
        arrival = Arrival(
            kind=ArrivalKind.PRESS,
            user_id=user_id,
            chat=Destination(user_id),
            is_private=True,
            message_id=400,
            has_photo=has_photo,
            press=pressed,
            press_id="77",
        )
        return await self._take(replace(arrival, **changes))  # type: ignore[arg-type]

    async def _take(self, arrival: Arrival) -> Sequence[Said]:
        before = len(self.speaker.said)
        await self.gate.take(arrival)
        assert self.faults == []
        return self.speaker.said[before:]
