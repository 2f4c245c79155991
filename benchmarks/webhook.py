"""How long a webhook waits for its answer while Telegram is down, beside a bare commit to disk.

Nothing listens where the bridge's Telegram should be. Webhooks of 40 alerts each, all of them news,
first come at a steady rate, whatever the answers take, then as fast as 16 connections carry them.
Then the bridge is killed without a warning and its database is counted: everything that was
answered has to be there. In the same run, before and after, one row of the same bytes is committed
to a bare SQLite file, with the same promise to survive a power cut.

Run from the top of the project: `.venv/bin/python -m benchmarks.webhook`.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.bodies import Batches
from benchmarks.bridges import RunningBridge, open_bridge_process
from benchmarks.printing import print_spread, share_of
from tests.live.conftest import Programs

ALERTS = 40  # in each webhook
COMMITS, COMMIT_SPACING_SECONDS = 150, 1 / 33
P99_MILLISECONDS, AT_MOST_A_SECOND = 50, 300  # the bars


@dataclass(frozen=True)
class Load:
    """What is asked of the bridge."""

    rate: float = 33
    seconds: float = 30
    connections: int = 16
    most_seconds: float = 10


@dataclass
class Answers:
    """What the bridge answered."""

    milliseconds: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)

    def note(self, code: int, began: float) -> None:
        """Keep one answer."""
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        self.codes[code] += 1


async def main(load: Load, folder: Path | None) -> None:
    """Measure and print."""
    batches = Batches(ALERTS)
    body = batches.firing(0, time.time())
    print(f"{ALERTS} alerts in each webhook, {len(body):,} bytes", flush=True)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        bare = await asyncio.to_thread(time_commits, Path(own) / "bare.db", body)
        print_spread("bare commit, before", bare, unit="ms")
        async with AsyncExitStack() as stack:
            programs = Programs(Path(own), stack)
            bridge = await stack.enter_async_context(open_bridge_process(programs))
            numbers = count()
            steady = await post_steadily(bridge, batches, load, numbers)
            print_spread(f"webhook at {load.rate:g} a second", steady.milliseconds, unit="ms")
            most, took = await post_most(bridge, batches, load, numbers)
            print_spread(f"webhook at {load.connections} at once", most.milliseconds, unit="ms")
            await bridge.program.kill()
            stored = (await bridge.stored()).alerts(ALERTS)
        bare += await asyncio.to_thread(time_commits, Path(own) / "bare.db", body)
        print_spread("bare commit, before and after", bare, unit="ms")
    codes = steady.codes + most.codes
    print_verdict(steady, most.codes[200] / took, bare)
    print(f"answers: {dict(codes)}")
    print(f"killed; answered 200: {codes[200] * ALERTS:,} alerts; in the store: {stored:,}")
    if stored < codes[200] * ALERTS:
        sys.exit("alerts were answered and are not in the store")
    if set(codes) != {200}:
        sys.exit("not every webhook was answered 200")


def print_verdict(steady: Answers, rate: float, bare: list[float]) -> None:
    """Print the ratios and the bars."""
    ours, floor = sorted(steady.milliseconds), sorted(bare)
    for share in (0.5, 0.99):
        ratio = share_of(ours, share) / share_of(floor, share)
        print(f"ratio to a bare commit at p{share * 100:g}: {ratio:.1f}")
    late = share_of(ours, 0.99)
    print(f"p99 {late:.1f} ms (bar: at most {P99_MILLISECONDS} ms)")
    print(f"answers a second {rate:.0f} (bar: at least {AT_MOST_A_SECOND})")


def time_commits(path: Path, body: bytes) -> list[float]:
    """Commit rows of these bytes at the steady load's pace; give the milliseconds of each."""
    taken = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB)")
        for _ in range(COMMITS):
            began = time.perf_counter()
            connection.execute("INSERT INTO rows (body) VALUES (?)", (body,))
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(COMMIT_SPACING_SECONDS)
    return taken


async def post_steadily(
    bridge: RunningBridge, batches: Batches, load: Load, numbers: count[int]
) -> Answers:
    """Post at a fixed rate; each time counts from when the webhook was due, not from its turn."""
    answers = Answers()

    async def post(number: int, due: float) -> None:
        answers.note(await bridge.post(batches.firing(number, time.time())), due)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as posting:
        for turn in range(int(load.rate * load.seconds)):
            due = began + turn / load.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            posting.create_task(post(next(numbers), due))
            if turn and turn % int(load.rate * 10) == 0:
                print(f"{turn / load.rate:4.0f} s: {dict(answers.codes)}", flush=True)
    return answers


async def post_most(
    bridge: RunningBridge, batches: Batches, load: Load, numbers: count[int]
) -> tuple[Answers, float]:
    """Post as fast as the answers come, on so many connections; also give the seconds it took."""
    answers = Answers()
    began = time.perf_counter()

    async def post_on() -> None:
        while time.perf_counter() - began < load.most_seconds:
            sent = time.perf_counter()
            answers.note(await bridge.post(batches.firing(next(numbers), time.time())), sent)

    async with asyncio.TaskGroup() as posting:
        for _ in range(load.connections):
            posting.create_task(post_on())
    return answers, time.perf_counter() - began


def _read_options() -> tuple[Load, Path | None]:
    plain = Load()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.webhook",
        description="How long a webhook waits for its answer while Telegram is down.",
    )
    parser.add_argument("--rate", type=float, default=plain.rate, help="webhooks a second")
    parser.add_argument("--seconds", type=float, default=plain.seconds, help="of the steady load")
    parser.add_argument("--connections", type=int, default=plain.connections)
    parser.add_argument(
        "--most-seconds", type=float, default=plain.most_seconds, help="of the load at most"
    )
    parser.add_argument("--folder", type=Path, help="a folder on the disk to measure")
    given = parser.parse_args()
    load = Load(given.rate, given.seconds, given.connections, given.most_seconds)
    return load, given.folder


if __name__ == "__main__":
    asyncio.run(main(*_read_options()))
