"""The chat with people: their commands, the gate before them, and the ear that hears them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from bridge import limits
from bridge.clock import Clock
from bridge.commanding import Commanding, CommandingDesk
from bridge.core.access import Person, Role, Scope
from bridge.core.alerts import Severity
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.cards import ListFacts
from bridge.core.enrolment import Grant, Purpose, write_code, write_line, write_link
from bridge.core.formatted import Content
from bridge.core.inventory import Inventory
from bridge.core.outbox import Form
from bridge.core.preferences import Preferences
from bridge.core.readiness import Readiness
from bridge.core.updates import Incoming
from bridge.errors import BridgeError, Missing, Outage
from bridge.flows.unsubscribe_chat import unsubscribe_chat
from bridge.inbound.chat.alerts import AlertsCommands
from bridge.inbound.chat.books import BooksCommands
from bridge.inbound.chat.chats import ChatsCommands
from bridge.inbound.chat.command import Asked, Command, Commands, write_entry
from bridge.inbound.chat.fleet import Fleet
from bridge.inbound.chat.gate import Gate, GateDesk
from bridge.inbound.chat.hosts import Hosts
from bridge.inbound.chat.ledger import Ledger
from bridge.inbound.chat.menus import Menus
from bridge.inbound.chat.people import PeopleCommands
from bridge.inbound.chat.pictures import Pictures, Times
from bridge.inbound.chat.places import Places
from bridge.inbound.chat.poller import Poller
from bridge.inbound.chat.queries import Queries
from bridge.inbound.chat.readings import Readings
from bridge.inbound.chat.speaker import ChatSpeaker
from bridge.inbound.chat.welcome import Welcome
from bridge.inbound.web.telegram import TelegramDesk, secret_of
from bridge.inventory_file import InventoryFile
from bridge.logs import create_log
from bridge.metrics import Metrics
from bridge.parties import EarParty, Outside
from bridge.settings import Settings
from bridge.store.audit import Audit
from bridge.store.calls import Calls
from bridge.store.people import People
from bridge.store.state import State
from bridge.store.updates import Updates
from bridge.stores import Stores
from bridge.telling import tell_stats
from bridge.views.renderer import MessageRenderer
from bridge.views.voice import Voice, Voices

Step = tuple[str, timedelta, Callable[[], Any]]
_AT_ONCE: Final = timedelta(0)
_log = create_log(__name__)


@dataclass(frozen=True, kw_only=True)
class TalkDesk:
    """What the chat needs of the rest of the bridge."""

    stores: Stores
    inventory: InventoryFile
    outside: Outside
    """Whom the bridge calls: without Prometheus there are no numbers, without an artist no
    pictures, and without a way to hosts no commands for them."""
    ear: EarParty
    """Who tells what people write."""
    renderer: MessageRenderer
    metrics: Metrics
    clock: Clock
    readiness: Callable[[], Readiness]
    start: Callable[[Any], object]
    """Begins an errand."""
    look_again: Callable[[], None]
    """Has what waits folded and delivered now."""


class Talk:
    """The chat with people."""

    def __init__(self, settings: Settings, desk: TalkDesk) -> None:
        self._settings = settings
        self._desk = desk
        self._bot_name = ""
        self._failures = 0
        database, clock = desk.stores.database, desk.clock
        self._started_at = clock.now()
        self.people = People(database, settings.allowed_users)
        self._audit = Audit(database, settings.state_dir)
        self._ledger = Ledger(self._audit)
        self._updates = Updates(database)
        written = desk.renderer
        self._voices = Voices(written.on_fault, settings.templates_dir, written.dashboards)
        self._places = Places(
            desk.stores.chats, self._voices, language=settings.language, zone=settings.timezone
        )
        self._speaker = ChatSpeaker(
            desk.outside.telegram, desk.ear, Calls(database), clock=clock.now, sleep=clock.sleep
        )
        self.commanding = self._create_commanding(settings)
        self.commands = Commands()
        for each in self._declare():
            self.commands.add(each)
        self._menus = Menus(self.commands, desk.ear, State(database))
        gate = Gate(
            GateDesk(
                commands=self.commands,
                people=self.people,
                places=self._places,
                speaker=self._speaker,
                books=self._ledger,
                inventory=lambda: self.inventory,
                now=clock.now,
                metrics=desk.metrics,
                bot_name=lambda: self._bot_name,
                follow=self._follow,
            )
        )
        self._poller = Poller(
            desk.ear,
            self._updates,
            gate.take,
            start=desk.start,
            now=clock.now,
            sleep=clock.sleep,
        )
        self._is_open = False
        self.problem: str | None = "not asked yet"
        """Why people are not heard, or None."""

    @property
    def inventory(self) -> Inventory:
        """All hosts."""
        return self._desk.inventory.inventory

    @property
    def door(self) -> TelegramDesk | None:
        """Open a door to Telegram, where the settings want it to call."""
        if self._settings.bot_mode != "webhook":
            return None
        return TelegramDesk(self._secret, self._receive)

    @property
    def steps(self) -> list[Step]:
        """List what the clock has to drive, once the store is open."""
        return [
            ("listen", _AT_ONCE, self._listen),
            ("sweep", limits.SWEEP_PASS, self._sweep),
            ("menus", limits.MENU_PASS, self._offer_menus),
            ("refusals", limits.REFUSALS_PASS, self._collect_refusals),
            *(self.commanding.steps if self.commanding is not None else ()),
        ]

    async def finish(self) -> None:
        """Write down what is only in memory, while the store is open."""
        await self._ledger.collect(self._desk.clock.now(), is_last=True)

    async def _collect_refusals(self) -> None:
        await self._ledger.collect(self._desk.clock.now())

    async def _receive(self, update_id: int, body: Mapping[str, Any]) -> None:
        """Keep an update that Telegram has brought, and act on it afterwards.

        Raises:
            Outage: it could not be kept; Telegram sends it again.
        """
        if not self._is_open:
            raise Outage("the chat", "not open yet")
        fresh = await self._updates.put([Incoming(update_id, body)], now=self._desk.clock.now())
        self._poller.feed(fresh)

    async def ask(self, asked: Asked, name: str, words: tuple[str, ...]) -> Content:
        """Run another command for the same person."""
        command = self.commands.find(name)
        if command is None or not asked.actor.may(command.needs):
            raise Missing("There is no /%(command)s.", command=name)
        other = Asked(
            actor=asked.actor, voice=asked.voice, command=name, words=words, text=" ".join(words)
        )
        answer = await command.run(other)
        return answer if isinstance(answer, Content) else answer[0]

    def _create_commanding(self, settings: Settings) -> Commanding | None:
        """Build the hosts' side, where there is a way to hosts."""
        desk = self._desk
        if desk.outside.way is None:
            return None
        return Commanding(
            settings,
            CommandingDesk(
                way=desk.outside.way,
                stores=desk.stores,
                inventory=desk.inventory,
                prometheus=desk.outside.prometheus,
                speaker=self._speaker,
                find_voice=self._find_voice_of,
                people=self.people,
                note=self._audit.put,
                start=desk.start,
                look_again=desk.look_again,
                metrics=desk.metrics,
                clock=desk.clock,
            ),
        )

    async def _find_voices(self, here: Destination) -> Mapping[str, Voice]:
        chat = await self._desk.stores.chats.find(here)
        return self._places.create_voices(chat.ear.preferences, self._desk.clock.now())

    async def _find_voice_of(self, here: Destination) -> Voice:
        return (await self._find_voices(here))[""]

    def _declare(self) -> Iterable[Command]:
        desk = self._desk
        welcome = Welcome(
            self.commands, lambda: self.inventory, use_code=self._use_code, listeners=self
        )
        people = PeopleCommands(self.people, self._invite, self._tell_menu)
        chats = ChatsCommands(desk.stores.chats, desk.look_again, self._speak_anew, self._leave)
        alerts = AlertsCommands(
            desk.stores.firing,
            desk.stores.cards,
            lambda: self.inventory,
            render_list=self._render_list,
            ask=self.ask,
            retention=self._settings.retention,
        )
        stats = partial(
            tell_stats,
            desk.stores,
            desk.metrics,
            self.people,
            readiness=desk.readiness,
            started_at=self._started_at,
        )
        books = BooksCommands(stats, self._audit)
        hands = self.commanding.families if self.commanding is not None else ()
        families = (welcome, *self._create_numbers(), alerts, *hands, chats, people, books)
        return [each for family in families for each in family.commands]

    def _create_numbers(self) -> Iterable[Fleet | Readings | Queries | Pictures]:
        prometheus = self._desk.outside.prometheus
        if prometheus is None:
            return ()
        hosts = Hosts(inventory=lambda: self.inventory, usual=self._settings.default_host)
        scrape = self._settings.scrape_interval
        families: list[Fleet | Readings | Queries | Pictures] = [
            Fleet(
                hosts,
                prometheus=prometheus,
                alerts=self,
                scrape=scrape,
                look_inside=self.commanding.look_inside if self.commanding else None,
            ),
            Readings(hosts, prometheus=prometheus, scrape=scrape),
            Queries(prometheus=prometheus),
        ]
        if self._desk.outside.artist is not None:
            times = Times(scrape=scrape, retention=self._settings.retention)
            families.append(
                Pictures(
                    hosts, prometheus=prometheus, artist=self._desk.outside.artist, times=times
                )
            )
        return families

    async def firing(self, scope: Scope) -> Mapping[Severity, int]:
        """Count what fires now, as far as it exists for a scope."""
        return (await self._desk.stores.firing.find(scope=scope)).counts

    async def is_subscribed(self, chat: Destination) -> bool:
        """Say whether a chat hears alerts."""
        return (await self._desk.stores.chats.find(chat)).is_subscribed

    async def _listen(self) -> None:
        """Hear what people say; the first time, take up what an earlier run has left."""
        try:
            await self._open()
            if self._settings.bot_mode == "webhook":
                await asyncio.Event().wait()  # Telegram calls us
            await self._poller.listen()
        except Exception as fault:
            self.problem = fault.sentence if isinstance(fault, BridgeError) else "unforeseen"
            self._failures += 1
            longest = limits.POLL_BACKOFF_LONGEST
            wait = min(limits.BACKOFF_FIRST * 2 ** min(self._failures, 10), longest)
            await self._desk.clock.sleep(wait.total_seconds())
            raise
        self.problem, self._failures = None, 0

    async def _open(self) -> None:
        if self._is_open:
            return
        self._bot_name = await self._desk.ear.fetch_name()
        if self._settings.bot_mode == "webhook":
            url = f"{self._settings.server_url.rstrip('/')}/telegram"
            await self._desk.ear.open_door(url, self._secret)
        else:
            await self._desk.ear.open()
        # A first long poll lasts most of a minute; one that is refused says so at once.
        self._is_open, self.problem = True, None
        await self._poller.sweep()

    async def _sweep(self) -> None:
        if self._is_open:
            await self._poller.sweep()

    async def _follow(self, old: int, fresh: int) -> None:
        """Follow a group that has become a supergroup, before anybody asks there."""
        await self._desk.stores.destinations.move(old, fresh, now=self._desk.clock.now())

    @property
    def _secret(self) -> str:
        """What Telegram shows when it calls; only it and we can know."""
        token = self._settings.bot_token.reveal() if self._settings.bot_token else ""
        return secret_of(token)

    async def _offer_menus(self) -> None:
        people = await self.people.all()
        everybody = [(each, await self._find_voices(Destination(each.user_id))) for each in people]
        strangers = self._places.create_voices(Preferences(), self._desk.clock.now())
        await self._menus.offer_all(everybody, strangers)

    async def _tell_menu(self, user_id: int, role: Role | None, voice: Voice) -> None:
        """Bring a person's menu in line; that it fails now is mended by the next pass."""
        del voice  # of whoever asked; the person's own decides
        try:
            await self._menus.offer(user_id, role, await self._find_voices(Destination(user_id)))
        except BridgeError as fault:
            _log.info(fault.sentence, action="menus", user=user_id)

    async def _speak_anew(self, asked: Asked, chosen: Preferences) -> Voice:
        """Make the voice that a chat has just chosen; a person's menu follows."""
        voice = self._places.create_voice(chosen, asked.voice.now, spoken=asked.voice.language)
        if asked.actor.is_private:
            await self._tell_menu(asked.actor.user_id, asked.actor.role, voice)
        return voice

    async def _leave(self, here: Destination, entry: Entry) -> bool:
        chats, clock = self._desk.stores.chats, self._desk.clock
        return await unsubscribe_chat(
            here, chats=chats, clock=clock.now, sleep=clock.sleep, entry=entry
        )

    async def _use_code(self, asked: Asked, code: str) -> Person:
        """Let somebody in; the first admin's own chat hears alerts from then on."""
        done = await self.people.use_code(
            code,
            user_id=asked.actor.user_id,
            name=asked.actor.name,
            entry=write_entry(asked),
            now=asked.voice.now,
            # In one transaction: a link works once, and nobody would subscribe them again.
            with_first=self._desk.stores.chats.subscribing(
                asked.actor.chat,
                made_by=asked.actor.user_id,
                now=asked.voice.now,
                entry=write_entry(
                    asked, on=str(asked.actor.chat), detail="the first admin's chat hears alerts"
                ),
            ),
        )
        if done.purpose is Purpose.FIRST_ADMIN:
            self._desk.look_again()
        await self._tell_menu(asked.actor.user_id, done.person.role, asked.voice)
        return done.person

    async def _invite(self, grant: Grant, asked: Asked) -> str:
        code = write_code(secrets.token_bytes(limits.CODE_BYTES))
        await self.people.put_code(
            code,
            Purpose.PERSON,
            grant,
            by=asked.actor.user_id,
            entry=write_entry(asked),
            now=asked.voice.now,
        )
        # A server of one's own has no t.me that leads to it.
        if self._settings.telegram_api_base is None and self._bot_name:
            return write_link(code, self._bot_name)
        return write_line(code)

    def _render_list(self, facts: ListFacts, voice: Voice) -> Content:
        return self._desk.renderer.render(
            facts, Form.FORMATTED, language=voice.language, zone=voice.zone, now=voice.now
        )
