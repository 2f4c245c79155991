"""Builds the whole bridge in order and takes it down in reverse; the only module that knows all.

It is one straight line on purpose: every step needs what the steps before it made, and each
teardown stands beside its construction.
"""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import uvicorn
from fastapi import FastAPI

from bridge import __version__, limits
from bridge.clients.monitoring import Monitor
from bridge.clients.telegram import Telegram
from bridge.clock import Clock, SystemClock
from bridge.core.alerts import Notification
from bridge.core.audience import Destination
from bridge.core.cards import CardFacts, UnreadableFacts
from bridge.core.formatted import Formatted
from bridge.core.outbox import Claimed, Form, Verdict
from bridge.core.readiness import Readiness
from bridge.errors import Outage
from bridge.flows.check_readiness import Check, check_readiness
from bridge.flows.deliver_messages import deliver_messages
from bridge.flows.receive_alerts import receive_alerts
from bridge.flows.show_message import Messenger, show_message
from bridge.inbound.timers import Errands, every, until_done
from bridge.inbound.web import create_web
from bridge.inbound.web.health import HealthDesk
from bridge.inbound.web.webhook import WebhookDesk
from bridge.logs import create_log, set_up_logs
from bridge.metrics import Metrics
from bridge.premises import Premises
from bridge.settings import Secret, Settings
from bridge.store.database import Database
from bridge.store.outbox import Outbox
from bridge.views.cards import create_card_renderer

GRACE = timedelta(seconds=4)  # what is being sent may end; longer would feel like hanging
_log = create_log(__name__)


class TelegramParty(Messenger, Protocol):
    """Telegram as the app needs it."""

    async def probe(self) -> str | None:
        """Say what is wrong with the bot, or None."""
        ...


class MonitorParty(Protocol):
    """Prometheus or an Alertmanager as the app needs it."""

    async def probe(self) -> None:
        """Raise Outage unless it is there."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Everybody the bridge calls; tests pass their own."""

    telegram: TelegramParty
    monitors: Mapping[str, Sequence[MonitorParty]]
    """`prometheus`, `alertmanager` → all of that kind."""


class Bridge:
    """The running bridge: its parts, and the steps that the clock drives."""

    def __init__(
        self, settings: Settings, outside: Outside, *, token: str, clock: Clock, database: Database
    ) -> None:
        self.metrics = Metrics(__version__)
        self.readiness = Readiness()
        self.web: FastAPI = create_web(
            webhook=WebhookDesk(token, self._receive, self.metrics),
            health=HealthDesk(token, lambda: self.readiness, self._figures),
        )
        self._settings = settings
        self._outside = outside
        self._clock = clock
        self._database = database
        self._outbox = Outbox(database)
        self._renderer = create_card_renderer(self._note_template_fault, settings.templates_dir)
        self._errands = Errands()
        self._is_taken_up = False
        self._under_way: set[int] = set()
        self._wake = asyncio.Event()
        self._look = asyncio.Event()
        self._chance = random.Random()  # noqa: S311 - jitter, no secret

    async def keep_delivering(self) -> None:
        """Open the store, however long that takes, then deliver for ever."""
        if not self._is_taken_up:
            await until_done(limits.STORE_REOPEN, self.open_store, name="store")
        await every(limits.DELIVERY_PASS, self._deliver, name="delivery", wake=self._wake)

    async def keep_checking(self) -> None:
        """Look at everything we depend on, for ever."""
        await every(limits.HEALTH_PASS, self._check, name="readiness", wake=self._look)

    def look_again(self) -> None:
        """Deliver and check now instead of at the next turn."""
        self._wake.set()
        self._look.set()

    async def finish(self) -> None:
        """Let what is being sent end."""
        await self._errands.finish(within=GRACE)

    async def _receive(self, body: object, addressed: Destination | None) -> Notification:
        notification = await receive_alerts(
            body,
            addressed=addressed,
            subscribed=self._settings.alert_chat_id,
            outbox=self._outbox,
            now=self._clock.now(),
        )
        self._wake.set()
        return notification

    async def open_store(self) -> None:
        """Open the database and take up what it holds.

        Raises:
            Outage: it cannot be opened or written now.
        """
        await self._database.open()
        await self._outbox.release()
        adopted = await self._outbox.adopt(self._settings.alert_chat_id, now=self._clock.now())
        self._is_taken_up = True
        _log.info("the store is open", action="store_open", adopted=adopted)

    async def _deliver(self) -> None:
        await deliver_messages(
            outbox=self._outbox,
            start=self._errands.start,
            show=self._show,
            under_way=self._under_way,
            now=self._clock.now(),
        )

    async def _show(self, message: Claimed) -> None:
        self._under_way.add(message.destination.chat_id)
        try:
            verdict = await show_message(
                message,
                render=self._render,
                messenger=self._outside.telegram,
                outbox=self._outbox,
                clock=self._clock.now,
                sleep=self._clock.sleep,
                chance=self._chance.random,
            )
        finally:
            self._under_way.discard(message.destination.chat_id)
            self._wake.set()
        self._count(message, verdict)

    def _count(self, message: Claimed, verdict: Verdict) -> None:
        outcome = verdict.reason.value if verdict.reason else "shown"
        self.metrics.sends.labels(outcome).inc()
        if verdict.reason is None:
            waited = self._clock.now() - message.waiting_since
            self.metrics.delivery_seconds.observe(max(waited.total_seconds(), 0))
        else:
            _log.warning(
                "a message could not be shown and is tried again",
                action="send_failed",
                reason=outcome,
                detail=verdict.detail,
                chat=str(message.destination),
                again_at=verdict.due_at.isoformat(timespec="seconds"),
            )

    def _render(self, facts: CardFacts | UnreadableFacts, form: Form, now: datetime) -> Formatted:
        if form is Form.PLAIN:
            return self._renderer.render_plain(facts)
        language, zone = self._settings.language, self._settings.timezone
        if isinstance(facts, UnreadableFacts):
            return self._renderer.render_unreadable(facts, language=language, zone=zone, now=now)
        return self._renderer.render_card(facts, language=language, zone=zone, now=now)

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
            "telegram": self._outside.telegram.probe,
        }
        for name, monitors in self._outside.monitors.items():
            checks[name] = partial(_check_monitors, monitors)
        self.readiness = await check_readiness(checks)
        for name, problem in self.readiness.problems.items():
            self.metrics.ready.labels(name).set(0 if problem else 1)

    async def _check_store(self) -> str | None:
        await self._outbox.probe(now=self._clock.now())
        return None

    async def _check_audience(self) -> str | None:
        unheard = (await self._outbox.depth()).unheard
        if self._settings.alert_chat_id:
            return None
        return (
            "no chat hears alerts: set ALERT_CHAT_ID to a chat's id and start again; "
            f"{unheard} messages wait for it"
        )

    async def _figures(self) -> bytes:
        try:
            depth = await self._outbox.depth()
        except Outage:
            self.metrics.forget_depth()
        else:
            now = self._clock.now()
            age = now - (depth.oldest or now)
            self.metrics.note_depth(depth.waiting, depth.unheard, age.total_seconds())
        return self.metrics.render()


async def _check_monitors(monitors: Sequence[MonitorParty]) -> str | None:
    for monitor in monitors:
        await monitor.probe()
    return None


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _reveal(secret: Secret | None) -> str | None:
    return secret.reveal() if secret else None


@asynccontextmanager
async def open_bridge(
    settings: Settings,
    *,
    token: str,
    outside: Outside | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Bridge]:
    """Build the bridge and keep its steps running until the context ends."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url.reveal())
        stack.push_async_callback(database.close)
        parties = outside or await _open_outside(settings, stack)
        bridge = Bridge(
            settings, parties, token=token, clock=clock or SystemClock(), database=database
        )
        stack.push_async_callback(bridge.finish)
        with suppress(Outage):  # said again, and tried again, by keep_delivering
            await bridge.open_store()
        for step in (bridge.keep_delivering, bridge.keep_checking):
            task = asyncio.create_task(step())
            stack.push_async_callback(_stop, task)
        yield bridge


async def run(settings: Settings) -> None:
    """Run the bridge until it is told to stop."""
    with Premises(settings) as premises:
        hidden = (*settings.secrets(), Secret(premises.token))
        set_up_logs(settings.log_level, settings.log_format, hidden)
        async with open_bridge(settings, token=premises.token) as bridge:
            _log.info("the bridge listens", action="listening", url=settings.server_url)
            await _serve(bridge.web, premises.socket)


async def _serve(web: FastAPI, door: socket.socket) -> None:
    config = uvicorn.Config(
        web,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=int(GRACE.total_seconds()),
    )
    # uvicorn raises the signal it was ended by once more; ours must not end us before teardown.
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, lambda: None)
    await uvicorn.Server(config).serve(sockets=[door])


async def _open_outside(settings: Settings, stack: AsyncExitStack) -> Outside:
    if settings.bot_token is None:
        raise Outage("Telegram", "BOT_TOKEN is not set")
    telegram = Telegram(
        settings.bot_token.reveal(),
        api_base=settings.telegram_api_base,
        proxy=_reveal(settings.telegram_proxy),
    )
    stack.push_async_callback(telegram.close)
    prometheus = Monitor(
        "Prometheus",
        settings.prometheus_url,
        user=settings.prometheus_user,
        password=_reveal(settings.prometheus_password),
    )
    alertmanagers = [
        Monitor(
            "Alertmanager",
            url,
            user=settings.alertmanager_user,
            password=_reveal(settings.alertmanager_password),
        )
        for url in settings.alertmanager_url
    ]
    for monitor in (prometheus, *alertmanagers):
        stack.push_async_callback(monitor.close)
    return Outside(
        telegram=telegram,
        monitors={"prometheus": [prometheus], "alertmanager": alertmanagers},
    )
