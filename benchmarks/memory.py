"""The bridge's memory over 100,000 alerts that fire and are over.

A local Telegram that paces nobody answers. Hosts break one after another, 40 alerts each in a
webhook; some break again later, and only so many are broken at a time. Every 10,000 alerts the
bridge may read what it keeps, then its resident memory is noted.

Run from the top of the project: `.venv/bin/python -m benchmarks.memory`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bodies import Batches
from benchmarks.bridges import GROUP, RunningBridge, open_bridge_process
from benchmarks.storing import wait_until_read
from benchmarks.telegrams import RunningTelegram, open_telegram_process
from tests.live.conftest import Programs

ALERTS = 40  # in each webhook
REPORT = 10_000  # alerts between two looks
WARM_UP = 20_000  # alerts before memory has to be flat
FLAT = 0.05


@dataclass(frozen=True)
class Wear:
    """What the bridge goes through."""

    alerts: int = 100_000
    hosts: int = 500
    broken: int = 25
    """How many hosts are broken at a time."""
    chats: int = 1
    pause_seconds: float = 0.05
    """Between two webhooks; without it the run is one flood."""


async def main(wear: Wear) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            programs = Programs(Path(folder), stack)
            telegram = await stack.enter_async_context(
                open_telegram_process(programs, "unpaced", paced=False)
            )
            chats = await create_chats(telegram, wear.chats)
            bridge = await stack.enter_async_context(
                open_bridge_process(
                    programs,
                    {"BOT_TOKEN": telegram.bot_token, "TELEGRAM_API_BASE": telegram.url},
                )
            )
            print_memory(0, bridge.memory(), time.monotonic())
            flat = await wear_out(bridge, chats, wear)
    print_verdict(flat)


async def create_chats(telegram: RunningTelegram, number: int) -> list[int]:
    """Give the group that is there, and as many more as asked for."""
    chats = [GROUP]
    for count in range(1, number):
        title = f"On call {count + 1}"
        made = await telegram.post("/chats", kind="group", title=title, members=[1001])
        chats.append(made["chat"]["id"])
    return chats


async def wear_out(bridge: RunningBridge, chats: list[int], wear: Wear) -> list[float]:
    """Let hosts break and recover; give the memory at each look after the warm-up, in MB."""
    batches, looks, began = Batches(ALERTS), list[float](), time.monotonic()
    broken: deque[tuple[int, float]] = deque()
    for turn in range(wear.alerts // ALERTS):
        host, now = turn % wear.hosts, time.time()
        broken.append((host, now))
        await post(bridge, batches.firing(host, now), chats[host % len(chats)])
        if len(broken) > wear.broken:
            host, since = broken.popleft()
            body = batches.resolved(host, since, time.time())
            await post(bridge, body, chats[host % len(chats)])
        await asyncio.sleep(wear.pause_seconds)
        fired = (turn + 1) * ALERTS
        if fired % REPORT == 0:
            await wait_until_read(bridge)
            memory = bridge.memory()
            print_memory(fired, memory, began)
            looks += [memory] if fired >= WARM_UP else []
    return looks


async def post(bridge: RunningBridge, body: bytes, chat: int) -> None:
    """Post a webhook to a chat."""
    code = await bridge.post(body, f"/alerts/{chat}")
    if code != 200:
        raise RuntimeError(f"a webhook was answered {code}")


def print_memory(alerts: int, memory: float, began: float) -> None:
    """Print one look."""
    gone = time.monotonic() - began
    print(f"{alerts:8,} alerts  {memory:8.1f} MB  after {gone:4.0f} s", flush=True)


def print_verdict(looks: list[float]) -> None:
    """Print how far memory strays from its middle."""
    if not looks:
        sys.exit(f"memory is judged from {WARM_UP:,} alerts on; ask for more")
    middle = statistics.median(looks)
    print(f"from {WARM_UP:,} alerts on: {min(looks):.1f} to {max(looks):.1f} MB")
    print(f"ratio of most to least: {max(looks) / min(looks):.3f}")
    strays = max(max(looks) / middle - 1, 1 - min(looks) / middle)
    print(f"strays from the median by {strays:.1%} (bar: at most {FLAT:.0%})")


def _read_options() -> Wear:
    plain = Wear()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory",
        description="The bridge's memory over many alerts that fire and are over.",
    )
    parser.add_argument("--alerts", type=int, default=plain.alerts)
    parser.add_argument("--hosts", type=int, default=plain.hosts)
    parser.add_argument("--broken", type=int, default=plain.broken, help="hosts at a time")
    parser.add_argument("--chats", type=int, default=plain.chats, help="groups that hear them")
    parser.add_argument(
        "--pause", type=float, default=plain.pause_seconds, help="seconds between webhooks"
    )
    given = parser.parse_args()
    if given.hosts <= given.broken:
        parser.error("--hosts is more than --broken: a host heals before it breaks again")
    return Wear(given.alerts, given.hosts, given.broken, given.chats, given.pause)


if __name__ == "__main__":
    asyncio.run(main(_read_options()))
