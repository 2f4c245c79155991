"""The running bridge: its parts, and the steps that the clock drives."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from fastapi import FastAPI

from bridge import __version__, limits
from bridge.books import Books
from bridge.clock import Clock
from bridge.core.cards import CardFacts, Member
from bridge.core.formatted import Content
from bridge.core.outbox import Claimed, Reason, Verdict
from bridge.core.preferences import find_zone
from bridge.core.readiness import Readiness
from bridge.errors import Outage, Refused
from bridge.flows.check_audience import check_audience
from bridge.flows.check_destinations import check_destinations
from bridge.flows.check_readiness import Check, check_readiness
from bridge.flows.claim_state import claim_state
from bridge.flows.confirm_endings import Witness, confirm_endings
from bridge.flows.deliver_messages import deliver_messages
from bridge.flows.fold_webhooks import fold_webhooks
from bridge.flows.receive_alerts import receive_alerts
from bridge.flows.show_message import Confirmed, show_message
from bridge.inbound.timers import Errands, every, until_done
from bridge.inbound.web import create_web
from bridge.inbound.web.health import HealthDesk
from bridge.inbound.web.webhook import Delivered, WebhookDesk
from bridge.inventory_file import InventoryFile
from bridge.logs import create_log
from bridge.metrics import Metrics
from bridge.parties import EarParty, Outside, create_hearing, probe_all, reveal_token
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.state import State
from bridge.stores import create_stores
from bridge.talking import Talk, TalkDesk
from bridge.views.locale import LANGUAGES
from bridge.views.renderer import create_message_renderer
from bridge.watching import Step, Watch

GRACE = timedelta(seconds=4)  # what is being sent may end; longer would feel like hanging
_AWAY = frozenset({Reason.OUTAGE.value, Reason.NOT_AUTHORISED.value})
_log = create_log(__name__)


class Bridge:
    """The running bridge."""

    def __init__(
        self, settings: Settings, outside: Outside, *, token: str, clock: Clock, database: Database
    ) -> None:
        self.metrics = Metrics(__version__)
        self.readiness = Readiness()
        self._settings = settings
        self._outside = outside
        self._clock = clock
        self._database = database
        self.inventory = InventoryFile(settings.agents_file)
        self.stores = create_stores(database, create_hearing(settings, self.inventory.find))
        self._books = Books(
            self.stores, metrics=self.metrics, clock=clock, retention=settings.retention
        )
        self._renderer = create_message_renderer(
            self._note_template_fault, settings.templates_dir, settings.grafana_url
        )
        self._witness = Witness(outside.prometheus) if outside.prometheus else None
        self.watch = Watch(
            settings,
            outside.watched,
            self.stores,
            clock=clock,
            renderer=self._renderer,
            confirm=self._confirm,
            wake=self._wake_up,
        )
        self._errands = Errands()
        self._opened = asyncio.Event()
        self.refusal: asyncio.Future[Refused] = asyncio.get_running_loop().create_future()
        self._under_way: set[int] = set()
        self._arrived = asyncio.Event()
        self._wake = asyncio.Event()
        self._look = asyncio.Event()
        self._chance = random.Random()  # noqa: S311 - jitter, no secret
        self._disk_looked_at: datetime | None = None
        self._disk_free = 0
        self.talk = self._create_talk(outside.ear) if outside.ear is not None else None
        self._desk = WebhookDesk(token, self._receive, self.metrics)
        self.web: FastAPI = create_web(
            webhook=self._desk,
            health=HealthDesk(token, lambda: self.readiness, self._books.figures),
            telegram=self.talk.door if self.talk is not None else None,
        )

    def _create_talk(self, ear: EarParty) -> Talk:
        desk = TalkDesk(
            stores=self.stores,
            inventory=self.inventory,
            outside=self._outside,
            ear=ear,
            renderer=self._renderer,
            metrics=self.metrics,
            clock=self._clock,
            readiness=lambda: self.readiness,
            start=self._errands.start,
            look_again=self.look_again,
        )
        return Talk(self._settings, desk)

    @property
    def steps(self) -> list[Step]:
        """List what the clock has to drive beside the delivery, once the store is open."""
        return [*self.watch.steps, *(self.talk.steps if self.talk is not None else ())]

    async def keep_folding(self) -> None:
        """Open the store, however long that takes, then fold webhooks for ever."""
        if not self._opened.is_set():
            await until_done(limits.STORE_REOPEN, self._open_or_refuse, name="store")
        await every(limits.FOLD_PASS, self._fold, name="fold", wake=self._arrived)

    async def keep_delivering(self) -> None:
        """Deliver for ever."""
        await self._opened.wait()
        await every(limits.DELIVERY_PASS, self._deliver, name="delivery", wake=self._wake)

    async def keep_checking(self) -> None:
        """Look at everything we depend on, for ever."""
        await every(limits.HEALTH_PASS, self._check, name="readiness", wake=self._look)

    async def keep_checking_destinations(self) -> None:
        """Ask every destination whether it takes messages, for ever."""
        await self._opened.wait()
        await every(limits.DESTINATION_PASS, self._check_destinations, name="destinations")

    async def keep_watching(self, step: Step) -> None:
        """Do one step of the watch, for ever, as soon as the store is open."""
        name, interval, work = step
        await self._opened.wait()
        await every(interval, work, name=name)

    async def keep_books(self) -> None:
        """Account for every alert, for ever."""
        await self._opened.wait()
        await every(limits.BALANCE_PASS, self._books.balance, name="balance")

    async def keep_purging(self) -> None:
        """Let go of old records, for ever."""
        await self._opened.wait()
        await every(limits.PURGE_PASS, self._books.purge, name="purge")

    def look_again(self) -> None:
        """Fold, deliver and check now instead of at the next turn."""
        self._wake_up()
        self._look.set()

    def _wake_up(self) -> None:
        self._arrived.set()
        self._wake.set()

    async def finish(self) -> None:
        """Let what is being sent end."""
        await self._errands.finish(within=GRACE)

    async def _receive(self, delivered: Delivered) -> int:
        now = self._clock.now()
        self._require_store()
        self._require_room(now)
        members = await receive_alerts(
            delivered.body,
            delivered.decoded,
            addressed=delivered.addressed,
            source=delivered.source,
            journal=self.stores.journal,
            now=now,
        )
        self._arrived.set()
        return members

    def _require_store(self) -> None:
        """Keep nothing in a store that has not been taken up.

        Raises:
            Outage: it has not.
        """
        if not self._opened.is_set():
            raise Outage("database", "not open yet")

    def _require_room(self, now: datetime) -> None:
        """Refuse what the disk has no room for while there is still some to settle in.

        Raises:
            Outage: the disk is nearly full.
        """
        looked_at = self._disk_looked_at
        if looked_at is None or abs(now - looked_at) >= limits.DISK_LOOK:
            self._disk_looked_at = now
            self._disk_free = shutil.disk_usage(self._settings.state_dir).free
        if self._disk_free < limits.DISK_RESERVE_BYTES:
            raise Outage("disk", f"{self._settings.state_dir} has no room left")

    async def open_store(self) -> None:
        """Open the database and take up what it holds.

        Raises:
            Outage: it cannot be opened or written now.
            Refused: it belongs to another bot.
        """
        await self._database.open()
        try:
            adopted = await self._take_up()
        except BaseException:
            # Nothing may be kept in, or sent from, a store that is not known to be ours.
            await self._database.let_go()
            raise
        self._opened.set()
        self.look_again()
        _log.info("the store is open", action="store_open", adopted=adopted)

    async def _take_up(self) -> int:
        """See that the store is this bot's, and take up what it holds."""
        await claim_state(
            State(self._database),
            bot_token=reveal_token(self._settings),
            api_base=self._settings.telegram_api_base,
            now=self._clock.now(),
        )
        await self.stores.outbox.release()
        return await self.stores.destinations.adopt(now=self._clock.now())

    async def _open_or_refuse(self) -> None:
        try:
            await self.open_store()
        except Refused as fault:
            self.refusal.set_result(fault)
            await asyncio.Event().wait()  # the program ends now

    async def _fold(self) -> None:
        began = time.perf_counter()
        folded = await fold_webhooks(journal=self.stores.journal, now=self._clock.now())
        if folded.webhooks:
            self._wake.set()
        self.watch.note_pipelines(folded.pipelines)
        for status, number in folded.members.items():
            self.metrics.alerts.labels(status).inc(number)
        if folded.has_more:
            self._arrived.set()
        if self._desk.inside >= limits.FOLD_RESTS_AT:
            # Answers come first: what is in the journal is safe.
            await self._rest(began, limits.FOLD_REST_SECONDS)

    async def _deliver(self) -> None:
        began = time.perf_counter()
        started = await deliver_messages(
            outbox=self.stores.outbox,
            start=self._errands.start,
            show=self._show,
            under_way=self._under_way,
            now=self._clock.now(),
        )
        if started:
            self._wake.set()
        else:  # nor would the next look, most likely, and every webhook asks for one
            await self._rest(began, limits.LOOK_REST_SECONDS)

    async def _rest(self, began: float, longest: float) -> None:
        """Leave the machine to the answers, eight times as long as was worked."""
        await self._clock.rest(min(8 * (time.perf_counter() - began), longest))

    async def _show(self, message: Claimed) -> None:
        self._under_way.add(message.destination.chat_id)
        try:
            verdict = await show_message(
                message,
                confirm=self._confirm,
                render=self._render,
                messenger=self._outside.telegram,
                outbox=self.stores.outbox,
                clock=self._clock.now,
                sleep=self._clock.sleep,
                chance=self._chance.random,
            )
        finally:
            self._under_way.discard(message.destination.chat_id)
            self._wake.set()
        self.watch.note_verdict(verdict)
        self._count(message, verdict)

    async def _confirm(self, members: Sequence[Member], now: datetime) -> Confirmed:
        card = CardFacts(members=tuple(members), group_labels={})
        if self._witness is None:
            return card.members, {}
        card, endings = await confirm_endings(
            card, witness=self._witness, patience=limits.CONFIRM_PATIENCE, now=now
        )
        return card.members, endings

    def _count(self, message: Claimed, verdict: Verdict) -> None:
        outcome = verdict.reason.value if verdict.reason else "shown"
        self.metrics.sends.labels(outcome, self._name_chat(message)).inc()
        if verdict.reason is None:
            waited = self._clock.now() - message.waiting_since
            self.metrics.delivery_seconds.observe(max(waited.total_seconds(), 0))
        else:
            _log.warning(
                "a message could not be shown and is tried again",
                action="send_failed",
                kind=message.kind.value,
                reason=outcome,
                detail=verdict.detail,
                chat=str(message.destination),
                again_at=verdict.due_at.isoformat(timespec="seconds"),
            )

    def _name_chat(self, message: Claimed) -> str:
        """Name a chat for the figures: strangers' addresses must not become series without end."""
        here = message.destination
        is_known = message.is_subscribed or here == self._settings.fallback_chat_id
        return str(here) if is_known else "other"

    def _render(self, message: Claimed, now: datetime) -> Content:
        chosen = message.preferences
        return self._renderer.render(
            message.facts,
            message.form,
            language=chosen.language if chosen.language in LANGUAGES else self._settings.language,
            zone=find_zone(chosen.zone) or self._settings.timezone,
            now=now,
        )

    def _note_template_fault(self, template: str, fault: Exception) -> None:
        self.metrics.template_faults.labels(template).inc()
        _log.error(
            "a template fails; the plain form is shown instead",
            action="template_fault",
            template=template,
            fault=str(fault),
        )

    async def _check(self) -> None:
        checks: dict[str, Check] = {
            "store": self._check_store,
            "audience": self._check_audience,
            "telegram": self._check_telegram,
            "pipeline": self._check_pipeline,
        }
        if self.talk is not None:
            checks["people"] = self._check_people
        for name, monitors in self._outside.monitors.items():
            checks[name] = partial(probe_all, monitors)
        self.readiness = await check_readiness(checks)
        self.watch.note_readiness(self.readiness)
        for name, problem in self.readiness.problems.items():
            self.metrics.ready.labels(name).set(0 if problem else 1)

    async def _check_store(self) -> str | None:
        self._require_store()
        self._require_room(self._clock.now())
        await self.stores.outbox.probe(now=self._clock.now())
        await self.stores.journal.probe(now=self._clock.now())
        return None

    async def _check_telegram(self) -> str | None:
        was_away = self.readiness.problems.get("telegram") is not None
        problem = await self._outside.telegram.probe()
        if was_away and problem is None:
            await self.stores.outbox.lift_pauses(_AWAY, now=self._clock.now())
            self._wake.set()
        return problem

    async def _check_people(self) -> str | None:
        return self.talk.problem if self.talk is not None else None

    async def _check_pipeline(self) -> str | None:
        if self.watch.is_pipeline_silent:
            return "the Watchdog alert no longer arrives: docs/runbooks/Watchdog.md"
        return None

    async def _check_audience(self) -> str | None:
        return await check_audience(
            chats=self.stores.chats,
            destinations=self.stores.destinations,
            outbox=self.stores.outbox,
            records=self.stores.records,
        )

    async def _check_destinations(self) -> None:
        await check_destinations(
            destinations=self.stores.destinations,
            messenger=self._outside.telegram,
            now=self._clock.now(),
        )
        self._wake.set()
