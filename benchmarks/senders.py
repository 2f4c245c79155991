"""How a storm gets in: straight to the bridge, or through a real Alertmanager to everybody."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.bodies import write_moment, write_webhook
from benchmarks.bridges import RunningBridge, open_bridge_process
from benchmarks.outage import Key, Trouble
from benchmarks.storms import BRIDGE, NATIVE, Storm
from benchmarks.telegrams import RunningTelegram
from tests.live.conftest import Programs
from tests.ports import free_port

TRIES, TRY_AGAIN_SECONDS = 60, 1.0  # of a webhook that is not answered 200, as Alertmanager does

ROUTES = """\
route:
  receiver: witness
  group_by: [host]
  group_wait: {wait}s
  group_interval: {interval}s
  repeat_interval: 1h
  routes:
    - {{receiver: witness, continue: true}}
{routes}
receivers:
  - name: witness
    webhook_configs:
      - url: http://127.0.0.1:{witness_port}/
"""
NATIVE_RECEIVER = """\
  - name: native
    telegram_configs:
      - api_url: {telegram}
        bot_token: {bot_token}
        chat_id: {chat}
        parse_mode: ""
        message: |-
          {{{{ range .Alerts }}}}{{{{.Status}}}} {{{{ .Labels.host }}}} {{{{ .Labels.alertname }}}}
          {{{{ end }}}}
"""
BRIDGE_RECEIVER = """\
  - name: bridge
    webhook_configs:
      - url: {url}/alerts
        http_config: {{authorization: {{credentials_file: secrets/webhook_token}}}}
"""

Send = Callable[[Trouble, Sequence[Trouble], float, float], Coroutine[Any, Any, None]]
"""Sends one change: the alert that changed, its group, the storm's beginning, and the moment."""


@asynccontextmanager
async def open_senders(
    storm: Storm,
    programs: Programs,
    telegrams: dict[str, RunningTelegram],
    arrived: dict[Key, float],
) -> AsyncIterator[Send]:
    """Start what the storm goes through, and give the way in."""
    port = free_port()
    async with AsyncExitStack() as stack:
        bridge = None
        if BRIDGE in telegrams:
            settings = {
                "BOT_TOKEN": telegrams[BRIDGE].bot_token,
                "TELEGRAM_API_BASE": telegrams[BRIDGE].url,
            }
            if not storm.is_direct:
                settings["ALERTMANAGER_URL"] = f"http://127.0.0.1:{port}"
            bridge = await stack.enter_async_context(open_bridge_process(programs, settings))
        if storm.is_direct:
            assert bridge is not None  # noqa: S101 - the options are checked before
            yield _Direct(bridge, arrived).send
            return
        witness = await stack.enter_async_context(_open_witness(arrived))
        configuration = _configure(storm, telegrams, bridge, witness)
        await programs.alertmanager(storm.generation, configuration, port)
        yield (await stack.enter_async_context(_open_alertmanager(port))).send


class _Direct:
    """Posts every change of a group to the bridge at once, the whole group each time."""

    def __init__(self, bridge: RunningBridge, arrived: dict[Key, float]) -> None:
        self._bridge = bridge
        self._arrived = arrived
        self._told_over: set[Key] = set()
        self._orders: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def send(
        self, changed: Trouble, group: Sequence[Trouble], epoch: float, at: float
    ) -> None:
        """Post the group as it is at that moment; Alertmanager sends a group's news in order."""
        members = []
        for each in group:
            over = each.ends is not None and each.ends <= at
            if each.begins <= at and each.key not in self._told_over:
                members.append(each.member(epoch, over=over))
            if over:
                self._told_over.add(each.key)
        body = json.dumps(write_webhook(changed.key[0], members)).encode()
        async with self._orders[changed.key[0]]:
            self._arrived.setdefault(changed.key, time.time())
            for _ in range(TRIES):
                if await self._bridge.post(body) == 200:
                    return
                await asyncio.sleep(TRY_AGAIN_SECONDS)
        raise RuntimeError("the bridge took no webhook for a minute")


class _ThroughAlertmanager:
    """Posts every change to Alertmanager, as Prometheus does."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def send(
        self, changed: Trouble, _group: Sequence[Trouble], epoch: float, at: float
    ) -> None:
        """Post the alert alone."""
        over = changed.ends is not None and changed.ends <= at
        alert = {
            "labels": changed.labels(),
            "annotations": changed.annotations(),
            "startsAt": write_moment(epoch + changed.begins),
            "endsAt": write_moment(epoch + (at if over else at + timedelta(hours=1).seconds)),
        }
        async with self._session.post(f"{self._url}/api/v2/alerts", json=[alert]) as answer:
            answer.raise_for_status()


@asynccontextmanager
async def _open_alertmanager(port: int) -> AsyncIterator[_ThroughAlertmanager]:
    async with aiohttp.ClientSession() as session:
        yield _ThroughAlertmanager(f"http://127.0.0.1:{port}", session)


@asynccontextmanager
async def _open_witness(arrived: dict[Key, float]) -> AsyncIterator[int]:
    """Note when Alertmanager sends each alert for the first time; give the port."""

    async def note(request: web.Request) -> web.Response:
        now = time.time()
        for alert in (await request.json())["alerts"]:
            labels = alert["labels"]
            arrived.setdefault((labels["host"], labels["alertname"]), now)
        return web.Response()

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/", note)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _configure(
    storm: Storm,
    telegrams: dict[str, RunningTelegram],
    bridge: RunningBridge | None,
    witness_port: int,
) -> str:
    """Write a configuration that sends everything to everybody, each in a route of its own."""
    routes = "\n".join(f"    - {{receiver: {name}, continue: true}}" for name in telegrams)
    written = ROUTES.format(
        wait=storm.group_wait,
        interval=storm.group_interval,
        routes=routes,
        witness_port=witness_port,
    )
    if native := telegrams.get(NATIVE):
        written += NATIVE_RECEIVER.format(
            telegram=native.url, bot_token=native.bot_token, chat=storm.native_chat
        )
    if bridge is not None:
        written += BRIDGE_RECEIVER.format(url=bridge.url)
    return written
