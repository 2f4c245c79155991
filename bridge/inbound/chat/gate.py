"""The gate: who speaks, may they ever, what do they ask, and what became of it.

Everything that people send passes here and nowhere else: messages, pressed buttons, and whatever
Telegram invents. A person is a number of Telegram's; a chat, a name or a position is none.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Protocol

from bridge import limits
from bridge.core.access import EVERYWHERE, Actor, Person, Scope
from bridge.core.arrivals import Arrival, ArrivalKind, Disguise, find_disguise
from bridge.core.audience import Destination
from bridge.core.audit import Outcome as Ending
from bridge.core.formatted import Content, Formatted
from bridge.core.inventory import Inventory
from bridge.core.outbox import Outcome, Sent
from bridge.errors import BridgeError, Expired, Late, Missing, Mistake, NotAllowed, Outage, Refused
from bridge.inbound.chat.command import (
    Answer,
    Asked,
    Command,
    Commands,
    show_example,
    show_usage,
)
from bridge.inbound.chat.requests import Request, parse_press, parse_request
from bridge.inbound.chat.strangers import Strangers
from bridge.logs import create_log
from bridge.metrics import Metrics
from bridge.views.voice import Voice, marked

_log = create_log(__name__)
_NO_ROLE = marked("🚫 You have no access here. /whoami shows how to ask for it.")
_NOT_ALLOWED = marked("🚫 That needs the role %(role)s.")


class People(Protocol):
    """Knows who has which role."""

    async def find(self, user_id: int) -> Person | None:
        """Find somebody with a role."""
        ...

    async def note_name(self, person: Person, name: str) -> None:
        """Remember what somebody calls themselves."""
        ...


class Places(Protocol):
    """Knows how a chat is spoken to, and which hosts exist there."""

    async def find_voice(self, arrival: Arrival, now: datetime) -> tuple[Voice, Scope]:
        """Make the voice for whoever speaks there, and find the chat's limits."""
        ...


class Speaker(Protocol):
    """Says something in a chat."""

    async def say(
        self, content: Content, where: Destination, *, reply_to: int | None, is_loud: bool
    ) -> Outcome:
        """Send a message."""
        ...

    async def change(self, content: Content, where: Destination, telegram_id: int) -> Outcome:
        """Put it in the place of a message."""
        ...

    async def acknowledge(self, press_id: str, text: str = "", *, is_alert: bool = False) -> None:
        """End the waiting sign on a pressed button."""
        ...


class Books(Protocol):
    """Keeps who did what."""

    async def note(self, asked: Asked, outcome: Ending, detail: str = "") -> None:
        """Write down what somebody changed, or was refused."""
        ...


@dataclass(frozen=True, kw_only=True)
class GateDesk:
    """What the gate needs."""

    commands: Commands
    people: People
    places: Places
    speaker: Speaker
    books: Books
    inventory: Callable[[], Inventory]
    now: Callable[[], datetime]
    metrics: Metrics
    bot_name: Callable[[], str]
    follow: Callable[[int, int], Awaitable[None]]
    """Follows a group that has become a supergroup: old id, new id."""
    strangers: Strangers = field(default_factory=Strangers)


class Gate:
    """Takes one update after the other."""

    def __init__(self, desk: GateDesk) -> None:
        self._desk = desk

    async def take(self, arrival: Arrival) -> None:
        """Act on an update, whatever it is; nothing that it asks for can end the bridge."""
        request = _read_request(arrival)
        if request is not None and not request.is_for(self._desk.bot_name()):
            return
        if arrival.moved_to is not None and arrival.chat is not None:
            await self._desk.follow(arrival.chat.chat_id, arrival.moved_to)
            return
        disguise = find_disguise(arrival)
        if disguise is not None or arrival.chat is None:
            await self._turn_away(arrival, disguise or Disguise.OTHER, request)
            return
        asked = await self._meet(arrival, arrival.chat, request)
        if request is None:
            await self._hint(arrival, asked)
            return
        command = self._desk.commands.find(request.name)
        if command is None:
            await self._correct(arrival, asked)
        elif not asked.actor.may(command.needs):
            await self._refuse(arrival, asked, command)
        elif await self._is_welcome(arrival, asked):
            await self._serve(arrival, asked, command)

    async def _meet(self, arrival: Arrival, chat: Destination, request: Request | None) -> Asked:
        """Find out who speaks and how they are spoken to."""
        voice, scope = await self._desk.places.find_voice(arrival, self._desk.now())
        person = await self._desk.people.find(arrival.user_id)
        if person is not None:
            with suppress(Outage):  # a name is nice to have
                await self._desk.people.note_name(person, arrival.name)
        actor = Actor(
            user_id=arrival.user_id,
            role=person.role if person else None,
            chat=chat,
            is_private=arrival.is_private,
            scope=(person.scope if person else EVERYWHERE).both(scope),
            name=arrival.name,
        )
        return Asked(
            actor=actor,
            voice=voice,
            command=request.name if request else "",
            words=request.words if request else (),
            text=request.text if request else "",
            is_pressed=arrival.kind is ArrivalKind.PRESS,
            telegram_language=arrival.language,
            message_id=arrival.message_id,
        )

    async def _turn_away(
        self, arrival: Arrival, disguise: Disguise, request: Request | None
    ) -> None:
        """Do nothing for what is nobody's word; an edited command is told to be sent again."""
        if arrival.press_id:
            await self._desk.speaker.acknowledge(arrival.press_id)
        if request is None:
            return
        self._desk.metrics.commands.labels("unknown", disguise.value).inc()
        _log.info("nobody's word", action="turned_away", why=disguise.value, user=arrival.user_id)
        if disguise in {Disguise.OTHER, Disguise.BOT} or arrival.chat is None:
            return
        asked = await self._meet(arrival, arrival.chat, request)
        if disguise is not Disguise.EDIT:
            await self._desk.books.note(asked, Ending.REFUSED, disguise.value)
        elif asked.actor.role is not None and arrival.is_private:
            await self._tell(
                arrival, asked.voice.say("I do not read edited messages; send it anew.")
            )

    async def _hint(self, arrival: Arrival, asked: Asked) -> None:
        """Say what to type; a group's talk is none of our business."""
        if not arrival.is_private or arrival.kind is not ArrivalKind.MESSAGE:
            return
        if asked.actor.role is None:
            await self._refuse(arrival, asked, None)
            return
        await self._tell(
            arrival, asked.voice.say("I read commands: /status, /alerts; /help has all.")
        )

    async def _correct(self, arrival: Arrival, asked: Asked) -> None:
        """Say that there is no such command, and which comes nearest."""
        if asked.actor.role is None:
            await self._refuse(arrival, asked, None)
            return
        nearest = _find_nearest(asked, self._desk.commands)
        sentence = asked.voice.say("There is no /%(command)s.", command=asked.command)
        if nearest:
            names = ", ".join(f"/{each}" for each in nearest)
            sentence += " " + asked.voice.say("Did you mean %(names)s?", names=names)
        else:
            sentence += " " + asked.voice.say("/help has all commands.")
        await self._tell(arrival, sentence)

    async def _is_welcome(self, arrival: Arrival, asked: Asked) -> bool:
        """Say whether there is an answer: a stranger gets a few a minute."""
        if asked.actor.role is not None:
            return True
        is_welcome = self._desk.strangers.may_call(
            arrival.user_id, asked.actor.chat.chat_id, self._desk.now()
        )
        if not is_welcome and arrival.press_id:
            await self._desk.speaker.acknowledge(arrival.press_id)
        return is_welcome

    async def _refuse(self, arrival: Arrival, asked: Asked, command: Command | None) -> None:
        """Refuse in one short sentence; a stranger is told once."""
        self._desk.metrics.commands.labels(command.name if command else "unknown", "refused").inc()
        await self._desk.books.note(asked, Ending.REFUSED)
        if asked.actor.role is None:
            if arrival.press_id:
                await self._desk.speaker.acknowledge(arrival.press_id)
            if self._desk.strangers.is_refused_anew(arrival.user_id, self._desk.now()):
                await self._tell(arrival, asked.voice.say(_NO_ROLE))
            return
        needs = command.needs.value if command and command.needs else ""
        await self._tell(arrival, asked.voice.say(_NOT_ALLOWED, role=needs), is_alert=True)

    async def _serve(self, arrival: Arrival, asked: Asked, command: Command) -> None:
        """Run a command and show what came of it."""
        if arrival.press_id:  # a press waits ten seconds at most for its sign to end
            await self._desk.speaker.acknowledge(arrival.press_id)
        contents, outcome = await self._run(arrival, asked, command)
        self._desk.metrics.commands.labels(command.name, outcome).inc()
        for number, content in enumerate(contents):
            # What anybody may ask takes the place of nothing.
            is_first = number == 0 and command.replaces and command.needs is not None
            is_first = is_first and outcome != Ending.REFUSED.value
            await self._show(arrival, content, is_first=is_first)

    async def _run(
        self, arrival: Arrival, asked: Asked, command: Command
    ) -> tuple[Sequence[Content], str]:
        """Do what a command says; answer what to show and how it ended, in a word."""
        try:
            self._require_fit(arrival, asked, command)
            answer = await self._within_patience(arrival, asked, command)
        except BridgeError as fault:
            outcome = Ending.REFUSED if isinstance(fault, Refused) else Ending.FAILED
            if command.is_change(asked.words) or isinstance(fault, Refused):
                await self._desk.books.note(asked, outcome, fault.sentence)
            return [self._explain(asked, command, fault)], outcome.value
        except Exception:  # noqa: BLE001 - the chat's catch-all: somebody waits for an answer
            reference = secrets.token_hex(4)
            _log.exception("a command failed", action="command", of=command.name, ref=reference)
            if command.is_change(asked.words):
                await self._desk.books.note(asked, Ending.FAILED, reference)
            sentence = asked.voice.say(
                "💥 That failed on our side; the log says why under %(reference)s.",
                reference=reference,
            )
            return [Content(text=Formatted(sentence))], "failed"
        if command.is_change(asked.words) and not command.is_booked:
            await self._desk.books.note(asked, Ending.DONE)
        return ([answer] if isinstance(answer, Content) else answer), "done"

    def _require_fit(self, arrival: Arrival, asked: Asked, command: Command) -> None:
        """Refuse what is too old to change anything, or not for these ears."""
        if command.is_change(asked.words):
            self._require_fresh(arrival)
        if command.is_private and not asked.actor.is_private:
            raise Refused("This is answered in your private chat with me only.")

    def _require_fresh(self, arrival: Arrival) -> None:
        """Refuse to change anything twice, or so late that nobody wants it any more."""
        if arrival.is_interrupted:
            raise Expired(
                "I was restarted while I did this; see how things stand before you repeat it."
            )
        if arrival.at is not None and self._desk.now() - arrival.at > limits.CHANGE_FRESH:
            raise Expired("This is too old to be done now; send it again if it is still wanted.")

    async def _within_patience(self, arrival: Arrival, asked: Asked, command: Command) -> Answer:
        """Wait for an answer; say so where it takes long."""
        work: asyncio.Task[Answer] = asyncio.ensure_future(_call(command.run(asked)))
        try:
            done, _ = await asyncio.wait({work}, timeout=limits.ANSWER_PATIENCE.total_seconds())
            if not done:
                sentence = asked.voice.say("⏳ /%(command)s takes long…", command=asked.command)
                await self._show(arrival, Content(text=Formatted(sentence)), is_first=False)
            remaining = limits.ANSWER_LONGEST - limits.ANSWER_PATIENCE
            async with asyncio.timeout(remaining.total_seconds()):
                return await work
        except TimeoutError:
            seconds = int(limits.ANSWER_LONGEST.total_seconds())
            raise Late("Opswire", f"no answer within {seconds} s") from None
        finally:
            work.cancel()

    def _explain(self, asked: Asked, command: Command, fault: BridgeError) -> Content:
        """Say what went wrong and what would be right."""
        marks = {Missing: "🔎", Refused: "🚫", NotAllowed: "🚫", Expired: "🚫"}
        usage = example = ""
        if isinstance(fault, Mistake) and (command.usage or asked.words):
            usage = show_usage(command)
            example = show_example(command, asked.actor.scope, self._desk.inventory())
        text = asked.voice.write(
            "fault",
            mark=marks.get(type(fault), "⚠️"),
            sentence=asked.voice.complain(fault),
            usage=usage,
            example=example,
            reason=fault.reason if isinstance(fault, Outage) else "",
        )
        return Content(text=text)

    async def _show(self, arrival: Arrival, content: Content, *, is_first: bool) -> None:
        """Put an answer in the place of the message whose button was pressed, or below."""
        if arrival.chat is None:
            return
        speaker = self._desk.speaker
        is_alike = bool(content.photo) == arrival.has_photo and content.attachment is None
        if arrival.kind is ArrivalKind.PRESS and is_first and is_alike and arrival.is_own_button:
            outcome = await speaker.change(content, arrival.chat, arrival.message_id)
        else:
            outcome = await speaker.say(
                content,
                arrival.chat,
                reply_to=None if arrival.is_private else arrival.message_id,
                is_loud=arrival.is_private,
            )
        if not isinstance(outcome, Sent):
            _log.warning(
                "an answer could not be shown",
                action="answer",
                chat=str(arrival.chat),
                reason=outcome.reason.value,
                detail=outcome.detail,
            )

    async def _tell(self, arrival: Arrival, sentence: str, *, is_alert: bool = False) -> None:
        """Say one sentence; to whoever pressed a button, over the button."""
        if arrival.press_id:
            await self._desk.speaker.acknowledge(arrival.press_id, sentence, is_alert=is_alert)
            return
        await self._show(arrival, Content(text=Formatted(sentence)), is_first=False)


async def _call(work: Awaitable[Answer]) -> Answer:
    return await work


def _read_request(arrival: Arrival) -> Request | None:
    if arrival.kind is ArrivalKind.PRESS:
        return parse_press(arrival.press) if arrival.press else None
    return parse_request(arrival.text)


def _find_nearest(asked: Asked, commands: Commands) -> Sequence[str]:
    """Find the commands whose names come nearest, among those that this person may use."""
    allowed = [each.name for each in commands if asked.actor.may(each.needs)]
    return get_close_matches(asked.command.casefold(), allowed, n=3, cutoff=0.6)
