"""The hosts' side of the bridge: orders go out, agents come in, and leave letters."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI

from agent.wire import Event, Verb
from bridge import limits
from bridge.clients.authority import Authority
from bridge.clients.certificates import create_verifier
from bridge.clock import Clock
from bridge.core.access import Role
from bridge.core.agents import Agent
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.inventory import Host
from bridge.core.logins import LoginFacts
from bridge.core.presence import write_agent_sampled
from bridge.core.told import Inside
from bridge.errors import BridgeError, Mistake
from bridge.flows.dismiss_host import dismiss_host
from bridge.flows.enrol_host import Entrance, Knock, Welcome, enrol_host
from bridge.flows.invite_host import Door, Invited, invite_host
from bridge.flows.look_inside import look_inside
from bridge.flows.receive_login import receive_login
from bridge.flows.take_letter import take_letter
from bridge.hands import Hands, WayToHosts
from bridge.inbound.chat.confirming import Confirming
from bridge.inbound.chat.control import ControlCommands, ControlDesk
from bridge.inbound.chat.enrolment import EnrolmentCommands, EnrolmentDesk
from bridge.inbound.chat.hosts import Hosts
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.resuming import Resuming
from bridge.inbound.chat.speaker import ChatSpeaker
from bridge.inbound.web.agents import AgentsDesk, create_agents_web
from bridge.inventory_file import InventoryFile
from bridge.inventory_writing import InventoryWriter
from bridge.logs import create_log
from bridge.metrics import Metrics
from bridge.parties import PrometheusParty
from bridge.settings import Settings
from bridge.store.agents import Agents
from bridge.store.jobs import Jobs
from bridge.store.letters import KeptLetter, Letters
from bridge.store.people import People
from bridge.stores import Stores
from bridge.views.voice import Voice

Step = tuple[str, timedelta, Callable[[], Any]]
_TOKEN_BYTES: Final = 12  # chosen: a question is open for two minutes, and 96 bits are not guessed
_OWNER_BYTES: Final = 8  # chosen: no two runs of a bridge are called alike
_LOGIN: Final = "login"
_log = create_log(__name__)


@dataclass(frozen=True, kw_only=True)
class CommandingDesk:
    """What the hosts' side needs of the rest of the bridge."""

    way: WayToHosts
    stores: Stores
    inventory: InventoryFile
    prometheus: PrometheusParty | None
    speaker: ChatSpeaker
    find_voice: Callable[[Destination], Awaitable[Voice]]
    people: People
    note: Callable[[Entry], Awaitable[None]]
    """Writes into the audit."""
    start: Callable[[Any], object]
    look_again: Callable[[], None]
    metrics: Metrics
    clock: Clock


class Commanding:
    """Everything about hosts that have an agent."""

    def __init__(self, settings: Settings, desk: CommandingDesk) -> None:
        self._desk = desk
        database, clock = desk.stores.database, desk.clock
        self._agents, self._letters, self._jobs = (
            Agents(database, settings.allowed_users),
            Letters(database),
            Jobs(database, owner=secrets.token_hex(_OWNER_BYTES)),
        )
        self._inventory = InventoryWriter(settings.agents_file)
        hands = Hands(
            known=self._agents, lines=desk.way.lines, clock=clock.now, metrics=desk.metrics
        )
        confirming = Confirming(lambda: secrets.token_urlsafe(_TOKEN_BYTES), clock.now)
        hosts = Hosts(inventory=lambda: desk.inventory.inventory, usual=settings.default_host)
        running = RunDesk(
            hands=hands,
            speaker=desk.speaker,
            kept=self._jobs,
            inventory=lambda: desk.inventory.inventory,
            find_voice=desk.find_voice,
            start=desk.start,
            clock=clock.now,
            sleep=clock.sleep,
        )
        self._control = ControlCommands(
            ControlDesk(hosts=hosts, running=running, confirming=confirming, note=desk.note)
        )
        self._enrolment = self._create_enrolment(hosts, confirming)
        self._resuming = Resuming(running, self._control.live)
        self.families = (self._control, self._enrolment, confirming)
        """Whose commands the chat has."""
        self.hands = hands

    def _create_enrolment(self, hosts: Hosts, confirming: Confirming) -> EnrolmentCommands:
        desk = self._desk
        return EnrolmentCommands(
            EnrolmentDesk(
                hosts=hosts,
                invite=self._invite,
                dismiss=self._dismiss,
                speaker=desk.speaker,
                confirming=confirming,
                is_sampled=self._is_sampled,
                find_voice=desk.find_voice,
                find_admins=self._find_admins,
                start=desk.start,
                clock=desk.clock.now,
                sleep=desk.clock.sleep,
            )
        )

    async def _find_admins(self) -> list[int]:
        everybody = await self._desk.people.all()
        return [each.user_id for each in everybody if each.role is Role.ADMIN]

    @property
    def authority(self) -> Authority:
        """Whose certificate the agents' door shows."""
        return self._desk.way.authority

    @property
    def web(self) -> FastAPI:
        """Build what stands behind the agents' door."""
        return create_agents_web(
            AgentsDesk(enrol=self._enrol, receive=self._receive, now=self._desk.clock.now)
        )

    @property
    def steps(self) -> list[Step]:
        """List what the clock has to drive, once the store is open."""
        return [
            ("resume", limits.RESUME_PASS, self._resuming.resume),
            ("hold", limits.JOB_LEASE_PASS, self._control.live.renew),
            ("letters", limits.LETTERS_PASS, self._read_letters),
            ("jobs", limits.JOBS_PURGE_PASS, self._purge),
        ]

    async def look_inside(self, host: Host) -> Inside | None:
        """Tell who is logged in on a host and what it is busy with; None where it does not say."""

        def ask(verb: Verb, arguments: Mapping[str, Any]) -> AsyncGenerator[Event, None]:
            job = secrets.token_hex(16)
            return self.hands.ask(host, verb, job=job, within=limits.INSIDE_WITHIN, **arguments)

        return await look_inside(host.name, ask)

    async def _purge(self) -> None:
        now = self._desk.clock.now()
        await self._jobs.purge(now=now)
        await self._letters.forget(now=now)

    async def _enrol(self, knock: Knock) -> Welcome:
        """Let an agent in that shows a good code."""
        entrance = Entrance(
            codes=self._agents,
            authority=self._desk.way.authority,
            inventory=self._inventory,
            door=self._desk.way.authority.door,
            hang_up=self._desk.way.lines.forget,
            tell=self._enrolment.hear,
        )
        return await enrol_host(knock, entrance=entrance, now=self._desk.clock.now())

    async def _receive(self, body: bytes, host: str, signature: str) -> None:
        """Keep what a host tells, before its agent is told so."""
        await take_letter(
            body,
            host=host,
            signature=signature,
            agents=self._agents,
            letters=self._letters,
            create_verifier=create_verifier,
            now=self._desk.clock.now(),
        )

    async def _read_letters(self) -> None:
        """Read what hosts have told."""
        for letter in await self._letters.waiting():
            await self._read(letter)
            await self._letters.finish(letter.number, now=self._desk.clock.now())

    async def _read(self, letter: KeptLetter) -> None:
        if letter.kind != _LOGIN:
            _log.warning("a letter of no known kind", action="letter", host=letter.host)
            return
        try:
            is_news = await receive_login(
                letter.host,
                letter.facts,
                logins=self._desk.stores.logins,
                count=self._count_login,
                now=self._desk.clock.now(),
            )
        except Mistake as fault:
            _log.warning(fault.sentence, action="letter", host=letter.host)
            return
        if is_news:
            self._desk.look_again()

    def _count_login(self, facts: LoginFacts) -> None:
        self._desk.metrics.logins.labels(facts.host, facts.kind.value).inc(facts.count)

    async def _invite(self, name: str, address: str, *, entry: Entry) -> Invited:
        authority = self._desk.way.authority
        return await invite_host(
            name,
            address,
            find_host=self._desk.inventory.find,
            codes=self._agents,
            door=Door(address=authority.door, fingerprint=authority.fingerprint),
            chance=secrets.token_bytes(limits.CODE_BYTES),
            entry=entry,
            now=self._desk.clock.now(),
        )

    async def _dismiss(self, name: str, entry: Entry) -> Agent | None:
        former = await dismiss_host(
            name,
            agents=self._agents,
            inventory=self._inventory,
            entry=entry,
            now=self._desk.clock.now(),
        )
        if former is not None:
            await self._desk.way.lines.forget(former.address)
        return former

    async def _is_sampled(self, host: str) -> bool:
        """Say whether Prometheus has a fresh sample of a host's agent."""
        if self._desk.prometheus is None:
            return False
        try:
            answer = await self._desk.prometheus.fetch_values(write_agent_sampled(host))
        except BridgeError:
            return False
        return any(each.value == 1 for each in answer.values)
