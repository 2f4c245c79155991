"""A picture of an hour, asked of a real Prometheus and drawn, beside the seed project's way.

The seed asks with `requests`, draws with `pyplot` within the handler, and saves every picture
under the same name. The bridge asks in a thread and draws in a process of its own. Both show an
hour of the same hosts; the loop's lag is how late a sleep of a millisecond ends.

Run from the top of the project: `.venv/bin/python -m benchmarks.charts`.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.printing import print_spread
from bridge import limits
from bridge.clients.prometheus import Prometheus
from bridge.core.charts import Look, compose_chart
from bridge.core.promql import CPU, align, step_for, write_range
from bridge.core.windows import last
from bridge.drawing import Drawing
from deploy.stack.binaries import GENERATIONS
from tests.live.conftest import Programs, real
from tests.ports import free_port

HOUR = timedelta(hours=1)
SCRAPE = timedelta(seconds=15)
Ask = Callable[[str], Awaitable[bytes]]
"""Makes a picture of a host."""


def write_samples(hosts: list[str], now: int) -> str:
    """Write an hour and a half of what a Prometheus would have recorded, as OpenMetrics."""
    lines = ["# TYPE host:cpu_busy_percent:rate2m gauge"]
    for number, host in enumerate(hosts):
        lines += [
            f'host:cpu_busy_percent:rate2m{{host="{host}"}} {(number * 7 + at // 15) % 90} {at}'
            for at in range(now - 5400, now + 1, 15)
        ]
    lines.append("# TYPE host:threshold:cpu gauge")
    lines += [
        f'host:threshold:cpu{{host="{host}"}} 80 {at}'
        for host in hosts
        for at in range(now - 5400, now + 1, 15)
    ]
    return "\n".join([*lines, "# EOF", ""])


@asynccontextmanager
async def open_prometheus(
    folder: Path, generation: str, hosts: list[str]
) -> AsyncIterator[tuple[str, datetime]]:
    """Run a Prometheus that has seen the hosts for an hour and a half."""
    now = int(time.time()) // 15 * 15
    (folder / "samples").write_text(write_samples(hosts, now))
    (folder / "prometheus.yml").write_text("global: {}\n")
    promtool = await asyncio.create_subprocess_exec(
        str(real(generation, "promtool")),
        *("tsdb", "create-blocks-from", "openmetrics", "samples", "data"),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await promtool.wait()
    url = f"127.0.0.1:{free_port()}"
    async with AsyncExitStack() as stack:
        await Programs(folder, stack).start(
            str(real(generation, "prometheus")),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address={url}",
            ready=f"http://{url}/-/ready",
        )
        yield f"http://{url}", datetime.fromtimestamp(now, UTC)


def as_the_seed_does(url: str, now: datetime, folder: Path) -> Ask:
    """Ask and draw within the handler, as that project is described to do it."""
    import matplotlib as mpl  # noqa: PLC0415 - the bridge's own process does without

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415,TID251 - what is measured
    import requests  # noqa: PLC0415,TID251 - what is measured

    def draw(host: str) -> bytes:
        params: dict[str, Any] = {
            "query": f'host:cpu_busy_percent:rate2m{{host="{host}"}}',
            "start": (now - HOUR).timestamp(),
            "end": now.timestamp(),
            "step": "15s",
        }
        answer = requests.get(f"{url}/api/v1/query_range", params=params, timeout=10).json()
        samples = answer["data"]["result"][0]["values"]
        times: Any = [datetime.fromtimestamp(at, UTC) for at, _ in samples]
        plt.figure(figsize=(10, 4))
        plt.plot(times, [float(value) for _, value in samples], "--", color="green", linewidth=3)
        plt.ylim(0, 100)
        plt.title(f"{host} CPU")
        plt.xlabel("time")
        plt.ylabel("%")
        plt.grid(visible=True)
        path = folder / "chart.png"
        plt.savefig(path)
        plt.close()
        return path.read_bytes()

    async def ask(host: str) -> bytes:
        return draw(host)

    return ask


def as_the_bridge_does(prometheus: Prometheus, drawing: Drawing, now: datetime) -> Ask:
    """Ask in a thread, draw in another process."""
    look = Look(zone="Europe/Berlin", dark=True, say=str)

    async def ask(host: str) -> bytes:
        window = last(HOUR, now)
        step = step_for(window, SCRAPE)
        promql = write_range(CPU, host, step=step, scrape=SCRAPE)
        answer = await prometheus.fetch_range(promql, *align(window, step), step)
        facts = compose_chart(CPU, host, answer, window=window, step=step, look=look)
        return await drawing.draw(facts)

    return ask


async def measure_way(name: str, ask: Ask, hosts: list[str], count: int) -> None:
    """Ask one after the other, then for all hosts at once, and print how it went."""
    for host in hosts[:3]:
        await ask(host)
    async with watch_lag() as lags:
        one_by_one = [await _timed(ask, hosts[each % len(hosts)]) for each in range(count)]
    print_spread(f"{name}: one by one", one_by_one, unit="ms")
    print_spread(f"{name}: lag meanwhile", lags, unit="ms")
    began = time.perf_counter()
    async with watch_lag() as lags:
        pictures = await asyncio.gather(*(ask(host) for host in hosts))
    taken = time.perf_counter() - began
    print_spread(f"{name}: lag with {len(hosts)} at once", lags, unit="ms")
    print(f"{name}: {len(hosts)} at once at {len(hosts) / taken:.1f} a second", flush=True)
    titles = [_title(png) for png in pictures]
    if all(titles):
        right = sum(title.startswith(f"{host} ") for host, title in zip(hosts, titles, strict=True))
        print(f"{name}: {right} of {len(hosts)} show the host that was asked for")


async def _timed(ask: Ask, host: str) -> float:
    await asyncio.sleep(0)  # as between two updates
    began = time.perf_counter()
    await ask(host)
    return 1000 * (time.perf_counter() - began)


@asynccontextmanager
async def watch_lag() -> AsyncIterator[list[float]]:
    """Note, in milliseconds, how late the loop comes to a sleep of one."""
    lags: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(1000 * (time.perf_counter() - began) - 1)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield lags
    finally:
        await asyncio.sleep(0.002)  # the last lag is over
        watching.cancel()
        await asyncio.wait({watching})


def _title(png: bytes) -> str:
    with Image.open(io.BytesIO(png)) as image:
        return str(image.info.get("Title", ""))


def read_memory(process: int) -> float:
    """Read how much of a process is in memory, in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def measure_memory(ask: Ask, drawing: Drawing, hosts: list[str], charts: int) -> None:
    """Draw many, and print how much memory the worker has on the way."""
    for count in range(1, charts + 1):
        await ask(hosts[count % len(hosts)])
        if count in {1, charts // 10, charts // 2, charts}:
            worker = drawing._worker  # noqa: SLF001 - whose memory is asked for
            assert worker is not None  # noqa: S101 - it has just drawn
            megabytes = read_memory(worker._process.pid)  # noqa: SLF001 - the same
            print(f"worker after {count:5} more pictures: {megabytes:6.1f} MB", flush=True)


async def main() -> None:
    """Measure both ways."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.charts",
        description="Pictures of an hour, asked of a real Prometheus and drawn.",
    )
    parser.add_argument("--hosts", type=int, default=50, help="asked for at once")
    parser.add_argument("--count", type=int, default=200, help="pictures one by one")
    parser.add_argument("--memory", type=int, default=1000, help="pictures for the memory")
    parser.add_argument("--generation", choices=GENERATIONS, default="current")
    given = parser.parse_args()
    sys.setswitchinterval(limits.THREAD_TURN_SECONDS)  # as the bridge does
    hosts = [f"web-{number}" for number in range(given.hosts)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_prometheus(folder, given.generation, hosts) as (url, now):
            prometheus = Prometheus(url)
            async with Drawing(folder / "charts") as drawing:
                ask = as_the_bridge_does(prometheus, drawing, now)
                await measure_way("the bridge", ask, hosts, given.count)
                await measure_memory(ask, drawing, hosts, given.memory)
            await prometheus.close()
            seed = as_the_seed_does(url, now, folder)
            await measure_way("the seed's way", seed, hosts, given.count)


if __name__ == "__main__":
    asyncio.run(main())
