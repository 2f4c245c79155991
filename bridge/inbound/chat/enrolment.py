"""Hosts come and go: a code for a new one, a fresh code for one set up anew, and goodbye."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from bridge import limits
from bridge.core.access import Role
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.formatted import Content
from bridge.core.outbox import Outcome as Shown
from bridge.core.outbox import Sent
from bridge.core.questions import Deed, Wish
from bridge.errors import BridgeError
from bridge.flows.enrol_host import LetIn, News, NotWritten, TurnedAway
from bridge.flows.invite_host import Invited
from bridge.inbound.chat.command import Answer, Asked, Command, Family, require_words, write_entry
from bridge.inbound.chat.confirming import Confirming
from bridge.inbound.chat.hosts import Hosts
from bridge.logs import create_log
from bridge.views.voice import Voice, marked

_log = create_log(__name__)


class Speaker(Protocol):
    """Says something in a chat."""

    async def say(
        self, content: Content, where: Destination, *, reply_to: int | None, is_loud: bool
    ) -> Shown:
        """Send a message."""
        ...

    async def change(self, content: Content, where: Destination, telegram_id: int) -> Shown:
        """Put it in the place of a message."""
        ...


class Invite(Protocol):
    """Makes codes."""

    async def __call__(self, name: str, address: str, *, entry: Entry) -> Invited:
        """Make a code for a host, or raise Mistake."""
        ...


@dataclass(frozen=True, kw_only=True)
class EnrolmentDesk:
    """What letting hosts in and out needs."""

    hosts: Hosts
    invite: Invite
    dismiss: Callable[[str, Entry], Awaitable[object]]
    """Lets a host go for good."""
    speaker: Speaker
    confirming: Confirming
    is_sampled: Callable[[str], Awaitable[bool]]
    """Says whether Prometheus has a sample of a host's agent."""
    find_voice: Callable[[Destination], Awaitable[Voice]]
    find_admins: Callable[[], Awaitable[Collection[int]]]
    """Names everybody who is an admin now."""
    start: Callable[[Any], object]
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class _Waiting:
    """A message that tells how far a host has come."""

    chat: Destination
    telegram_id: int
    until: datetime
    """When its code lets nobody in any more."""


class EnrolmentCommands:
    """`/add`, `/reinstall` and `/delete`."""

    def __init__(self, desk: EnrolmentDesk) -> None:
        self._desk = desk
        self._waiting: dict[str, _Waiting] = {}
        desk.confirming.fulfil(Deed.DELETE, self._dismiss)

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        declare = partial(
            Command, needs=Role.ADMIN, family=Family.HANDS, changes=True, is_booked=True
        )
        return (
            declare(
                name="add",
                help=marked("A one-time code that gives a host its agent"),
                usage="<name> [address]",
                example="web-2 192.0.2.12",
                is_private=True,
                run=self._add,
            ),
            declare(
                name="reinstall",
                help=marked("A fresh code for a host; its old key dies"),
                usage="<host>",
                example="{host}",
                is_private=True,
                run=self._reinstall,
            ),
            declare(
                name="delete",
                help=marked("Take a host out, and its key with it"),
                usage="<host>",
                example="{host}",
                run=self._ask_to_delete,
            ),
        )

    async def _add(self, asked: Asked) -> Answer:
        require_words(asked, 1, 2)
        asked.actor.require_everywhere()
        address = asked.words[1] if len(asked.words) > 1 else ""
        return await self._invite(asked, asked.words[0], address)

    async def _reinstall(self, asked: Asked) -> Answer:
        require_words(asked, 1, 1)
        asked.actor.require_everywhere()
        host = self._desk.hosts.choose(asked, asked.words[0])
        return await self._invite(asked, host.name, "")

    async def _invite(self, asked: Asked, name: str, address: str) -> Answer:
        """Give a code, in a message that later tells how far the host has come."""
        invited = await self._desk.invite(name, address, entry=write_entry(asked))
        text = asked.voice.write(
            "host_code",
            invited=invited,
            minutes=round(limits.CODE_LIFE.total_seconds() / 60),
        )
        outcome = await self._desk.speaker.say(
            Content(text=text), asked.actor.chat, reply_to=None, is_loud=True
        )
        if isinstance(outcome, Sent):
            waiting = _Waiting(asked.actor.chat, outcome.telegram_id, invited.expires_at)
            self._wait(invited.host, waiting)
        return ()

    def _wait(self, host: str, waiting: _Waiting) -> None:
        """Remember a message until its code is too old, and no more of them than there is room."""
        now = self._desk.clock()
        kept = {key: each for key, each in self._waiting.items() if now < each.until}
        kept.pop(host.lower(), None)  # so that it is the youngest again
        while len(kept) >= limits.WAITING_HOSTS:
            del kept[next(iter(kept))]
        self._waiting = {**kept, host.lower(): waiting}

    async def _ask_to_delete(self, asked: Asked) -> Content:
        require_words(asked, 1, 1)
        asked.actor.require_everywhere()
        host = self._desk.hosts.choose(asked, asked.words[0])
        wish = Wish(deed=Deed.DELETE, needs=Role.ADMIN, hosts=(host.name,))
        return self._desk.confirming.ask(asked, wish)

    async def _dismiss(self, asked: Asked, wish: Wish) -> Answer:
        asked.actor.require_everywhere()
        [name] = wish.hosts
        entry = write_entry(replace(asked, command="delete", text=name), on=name)
        await self._desk.dismiss(name, entry)
        self._waiting.pop(name.lower(), None)
        return Content(text=asked.voice.write("host_deleted", host=name))

    async def hear(self, news: News) -> None:
        """Tell whoever gave a code what came of it; the agent waits for no chat.

        Its key counts already, and it gives up after a quarter of a minute: a Telegram that is
        away must not keep its certificate from it.
        """
        if isinstance(news, TurnedAway):
            self._desk.start(self._tell_admins(news))
            return
        waiting = self._waiting.pop(news.invitation.host.lower(), None)
        if waiting is None:
            self._desk.start(self._tell_admins(news))
            return
        self._desk.start(self._tell_waiting(waiting, news))

    async def _tell_waiting(self, waiting: _Waiting, news: News) -> None:
        """Tell it in the message that had the code."""
        await self._show(waiting, news, None)
        if isinstance(news, LetIn):
            await self._await_sample(waiting, news)

    async def _await_sample(self, waiting: _Waiting, news: LetIn) -> None:
        """Wait until Prometheus has asked the agent, and say how long that took."""
        began = self._desk.clock()
        while self._desk.clock() - began < limits.FIRST_SAMPLE_WITHIN:
            await self._desk.sleep(limits.FIRST_SAMPLE_LOOK.total_seconds())
            try:
                is_there = await self._desk.is_sampled(news.newcomer.host)
            except BridgeError as fault:
                _log.info(fault.sentence, action="first_sample", host=news.newcomer.host)
                continue
            if is_there:
                await self._show(waiting, news, self._desk.clock() - began)
                return

    async def _show(self, waiting: _Waiting, news: News, after: timedelta | None) -> None:
        voice = await self._desk.find_voice(waiting.chat)
        content = Content(text=_write(voice, news, after))
        await self._desk.speaker.change(content, waiting.chat, waiting.telegram_id)

    async def _tell_admins(self, news: News) -> None:
        """Tell whoever made a code; what is bad all admins, where that is nobody of them."""
        maker, is_bad = news.invitation.made_by, not isinstance(news, LetIn)
        if maker is None:
            _log.info("an agent has shown a code", action="enrol", host=news.invitation.host)
        admins = await self._desk.find_admins()
        whom: Collection[int] = admins if is_bad else ()
        for each in [maker] if maker is not None and maker in admins else whom:
            chat = Destination(each)
            voice = await self._desk.find_voice(chat)
            content = Content(text=_write(voice, news, None))
            await self._desk.speaker.say(content, chat, reply_to=None, is_loud=is_bad)


def _write(voice: Voice, news: News, after: timedelta | None) -> Any:
    """Write what came of a code."""
    seconds = round(after.total_seconds()) if after is not None else None
    if isinstance(news, TurnedAway):
        return voice.write(
            "host_turned_away",
            host=news.host,
            meant=news.invitation.host,
            why=news.misuse.value,
        )
    reason = voice.complain(news.fault) if isinstance(news, NotWritten) else ""
    return voice.write("host_let_in", newcomer=news.newcomer, seconds=seconds, reason=reason)
