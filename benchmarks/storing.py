"""Alerts stored a second, from the webhook to their episodes, beside bare SQLite.

Webhooks of 40 alerts each: all of them news, then the same again, then all of them over. Each
round ends when the bridge has read and kept everything. Nothing listens where Telegram should be,
so the figures are those of receiving and storing alone. In the same run the same alerts are written
to a bare SQLite file: a row each, a transaction and a sync to disk a webhook, one after another.

Run from the top of the project: `.venv/bin/python -m benchmarks.storing`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

from benchmarks.bodies import Batches
from benchmarks.bridges import RunningBridge, open_bridge_process
from tests.live.conftest import Programs

ALERTS = 40  # in each webhook
WEBHOOKS, CONNECTIONS = 500, 16
PATIENCE_SECONDS = 600
LOOK_SECONDS, TELL_SECONDS = 0.1, 10


async def main(webhooks: int, connections: int) -> None:
    """Measure and print."""
    batches, alerts = Batches(ALERTS), webhooks * ALERTS
    print(f"{webhooks} webhooks of {ALERTS} alerts on {connections} connections", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bare = alerts / await asyncio.to_thread(
            time_bare, Path(folder) / "bare.db", batches, webhooks
        )
        print_rate("bare SQLite", bare, bare)
        async with AsyncExitStack() as stack:
            programs = Programs(Path(folder), stack)
            bridge = await stack.enter_async_context(
                open_bridge_process(programs, connections=connections)
            )
            since = time.time()
            for title, write in (
                ("the bridge: new", lambda number: batches.firing(number, since)),
                ("the bridge: repeated", lambda number: batches.firing(number, since)),
                (
                    "the bridge: resolved",
                    lambda number: batches.resolved(number, since, time.time()),
                ),
            ):
                answered, stored = await time_round(bridge, write, webhooks, connections)
                print_rate(f"{title}, answered", alerts / answered, bare)
                print_rate(f"{title}, stored", alerts / stored, bare)
                episodes = (await bridge.stored()).episodes
                if episodes != alerts:
                    sys.exit(f"{alerts:,} alerts were posted; the store has {episodes:,} episodes")


def print_rate(name: str, rate: float, bare: float) -> None:
    """Print alerts a second, and how they compare."""
    print(f"{name:32} {rate:10,.0f} alerts a second   ratio {rate / bare:.2f}", flush=True)


def time_bare(path: Path, batches: Batches, webhooks: int) -> float:
    """Write the same alerts to a bare file; give the seconds it took."""
    members = json.loads(batches.firing(0, time.time()))["alerts"]
    bodies = [json.dumps(member) for member in members]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT, body TEXT)")
        connection.execute("CREATE UNIQUE INDEX names ON rows (name)")
        began = time.perf_counter()
        for number in range(webhooks):
            rows = [(f"{number}-{place}", body) for place, body in enumerate(bodies)]
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO rows (name, body) VALUES (?, ?)", rows)
            connection.execute("COMMIT")
        return time.perf_counter() - began


async def time_round(
    bridge: RunningBridge, write: Callable[[int], bytes], webhooks: int, connections: int
) -> tuple[float, float]:
    """Post everything once; give the seconds until all was answered, and until all was stored."""
    waiting = list(range(webhooks))[::-1]
    began = time.perf_counter()

    async def post_on() -> None:
        while waiting:
            code = await bridge.post(write(waiting.pop()))
            if code != 200:
                raise RuntimeError(f"a webhook was answered {code}")

    async with asyncio.TaskGroup() as posting:
        for _ in range(connections):
            posting.create_task(post_on())
    answered = time.perf_counter() - began
    await wait_until_read(bridge)
    return answered, time.perf_counter() - began


async def wait_until_read(bridge: RunningBridge) -> None:
    """Wait until the bridge has read every webhook that it keeps."""
    told = time.monotonic()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while left := (await bridge.stored()).journal:
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                print(f"  {left} webhooks wait to be read", flush=True)
            await asyncio.sleep(LOOK_SECONDS)


def _read_options() -> tuple[int, int]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.storing", description="Alerts stored a second."
    )
    parser.add_argument("--webhooks", type=int, default=WEBHOOKS, help="in each round")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    given = parser.parse_args()
    return given.webhooks, given.connections


if __name__ == "__main__":
    asyncio.run(main(*_read_options()))
