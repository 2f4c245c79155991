"""Builds the whole bridge in order and takes it down in reverse; the only module that knows all.

It is one straight line on purpose: every step needs what the steps before it made, and each
teardown stands beside its construction.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import uvicorn

from bridge import limits
from bridge.agents_door import open_door
from bridge.bookkeeping import Bookkeeping
from bridge.clients.agents import Agents
from bridge.clients.alertmanager import Alertmanager
from bridge.clients.authority import FOLDER, open_authority
from bridge.clients.heartbeat import Heartbeat
from bridge.clients.monitoring import Monitor
from bridge.clients.notifications import Notifications
from bridge.clients.prometheus import Prometheus
from bridge.clients.telegram import Telegram
from bridge.clients.telegram_updates import TelegramUpdates
from bridge.clock import Clock, SystemClock
from bridge.drawing import Drawing
from bridge.errors import Mistake, Outage, Refused, TooNew
from bridge.hands import WayToHosts
from bridge.logs import create_log, set_up_logs
from bridge.parties import Outside, Watched
from bridge.premises import Premises, take_descriptors
from bridge.running import GRACE, Bridge
from bridge.settings import Fault, Secret, Settings, SettingsError
from bridge.store.database import Database
from bridge.store.filling import has_entry

SAMPLES = {"zh_TW": "主機圖表", "ru": "Хост график"}
"""A word of each language that not every font can write."""
_log = create_log(__name__)


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
        parties = outside or await _open_outside(settings, token, stack)
        bridge = Bridge(
            settings, parties, token=token, clock=clock or SystemClock(), database=database
        )
        stack.push_async_callback(bridge.finish)
        books = Bookkeeping(settings, database, clock=clock or SystemClock())
        stack.push_async_callback(books.finish)
        if bridge.talk is not None:
            stack.push_async_callback(bridge.talk.finish)  # before the audit is signed at last
        try:
            await bridge.open_store()
        except Outage:
            pass  # said again, and tried again, by keep_folding
        except Refused as fault:
            raise _not_ours(fault) from fault
        steps = (
            bridge.keep_folding,
            bridge.keep_delivering,
            bridge.keep_checking,
            bridge.keep_checking_destinations,
            bridge.keep_books,
            bridge.keep_purging,
        )
        watching = [bridge.keep_watching(step) for step in (*bridge.steps, *books.steps)]
        for work in (*(step() for step in steps), *watching):
            task = asyncio.create_task(work)
            stack.push_async_callback(_stop, task)
        yield bridge


async def run(settings: Settings) -> None:
    """Run the bridge until it is told to stop."""
    sys.setswitchinterval(limits.THREAD_TURN_SECONDS)
    take_descriptors()
    has_been = partial(has_entry, settings.database_url.reveal())
    with Premises(settings, has_been) as premises:
        hidden = (*settings.secrets(), Secret(premises.token))
        set_up_logs(settings.log_level, settings.log_format, hidden)
        async with open_bridge(settings, token=premises.token) as bridge:
            # What the libraries brought stays for good: looking through it again and again delays
            # answers by tens of milliseconds.
            gc.collect()
            gc.freeze()
            _log.info("the bridge listens", action="listening", url=settings.server_url)
            async with _open_door(settings, bridge):
                await _serve(bridge, premises.socket)


@asynccontextmanager
async def _open_door(settings: Settings, bridge: Bridge) -> AsyncIterator[None]:
    """Let agents in, where there is a way to hosts."""
    commanding = bridge.talk.commanding if bridge.talk is not None else None
    if commanding is None:
        yield
        return
    async with open_door(settings, commanding.authority, commanding.web):
        yield


async def _serve(bridge: Bridge, door: socket.socket) -> None:
    """Serve until we are told to stop, or the store turns out to be another bot's.

    Raises:
        SettingsError: it has.
    """
    config = uvicorn.Config(
        bridge.web,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=int(GRACE.total_seconds()),
    )
    # uvicorn raises the signal it was ended by once more; ours must not end us before teardown.
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, lambda: None)
    server = uvicorn.Server(config)
    bridge.refusal.add_done_callback(lambda _: setattr(server, "should_exit", True))
    await server.serve(sockets=[door])
    if bridge.refusal.done():
        fault = bridge.refusal.result()
        raise _not_ours(fault) from fault


def _not_ours(fault: Refused) -> SettingsError:
    if isinstance(fault, TooNew):
        form = "a database of this version or an earlier one; docs/backup-and-upgrade.md"
        return SettingsError((Fault("DATABASE_URL", fault.sentence, form),))
    form = "the bot and Bot API server it belongs to; or another STATE_DIR or DATABASE_URL"
    return SettingsError((Fault("BOT_TOKEN", fault.sentence, form),))


async def _open_outside(settings: Settings, token: str, stack: AsyncExitStack) -> Outside:
    if settings.bot_token is None:
        raise Outage("Telegram", "BOT_TOKEN is not set")
    way = _open_way(settings, stack)
    telegram = Telegram(
        settings.bot_token.reveal(),
        api_base=settings.telegram_api_base,
        proxy=_reveal(settings.telegram_proxy),
        unsaid=(token, way.authority.metrics_token) if way else (token,),
    )
    stack.push_async_callback(telegram.close)
    ear = TelegramUpdates(
        settings.bot_token.reveal(),
        api_base=settings.telegram_api_base,
        proxy=_reveal(settings.telegram_proxy),
    )
    stack.push_async_callback(ear.close)
    artist = Drawing(
        settings.state_dir / "charts",
        fonts=settings.chart_fonts,
        samples=SAMPLES,
    )
    await stack.enter_async_context(artist)
    access = {
        "user": settings.prometheus_user,
        "password": _reveal(settings.prometheus_password),
    }
    witness = Prometheus(settings.prometheus_url, **access)
    stack.push_async_callback(witness.close)
    prometheus = Monitor("Prometheus", settings.prometheus_url, **access)
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
        ear=ear,
        artist=artist,
        way=way,
        monitors={"prometheus": [prometheus], "alertmanager": alertmanagers},
        prometheus=witness,
        watched=_open_watched(settings, stack),
    )


def _open_way(settings: Settings, stack: AsyncExitStack) -> WayToHosts | None:
    """Open the way to hosts; where its keys cannot be kept, alerts are delivered all the same."""
    folder = settings.state_dir / FOLDER
    try:
        authority = open_authority(folder, door=settings.agents_address, now=SystemClock().now())
    except Outage as fault:
        _log.error(
            "there are no commands for hosts until this is mended and the bridge started again",
            action="way_to_hosts",
            reason=fault.reason,
        )
        return None
    lines = Agents(authority.create_calling_context(), authority.sign)
    stack.push_async_callback(lines.close)
    return WayToHosts(authority=authority, lines=lines)


def _open_watched(settings: Settings, stack: AsyncExitStack) -> Watched:
    lists = [
        Alertmanager(
            url,
            user=settings.alertmanager_user,
            password=_reveal(settings.alertmanager_password),
        )
        for url in settings.alertmanager_url
    ]
    for each in lists:
        stack.push_async_callback(each.close)
    heartbeat = Heartbeat(settings.heartbeat_url.reveal()) if settings.heartbeat_url else None
    if heartbeat is not None:
        stack.push_async_callback(heartbeat.close)
    return Watched(
        alertmanagers=lists, second_ways=_open_second_ways(settings), heartbeat=heartbeat
    )


def _open_second_ways(settings: Settings) -> Notifications | None:
    given = settings.notify_urls_file
    if given is None:
        return None
    try:
        return Notifications((number, line.reveal()) for number, line in given.lines)
    except Mistake as fault:
        form = "one address of Apprise a line, such as mailto://… or ntfy://…"
        raise SettingsError((Fault("NOTIFY_URLS_FILE", fault.sentence, form),)) from fault
