"""`/agents` and `/status` with 2,000 hosts: from the update to the answer.

A stand-in for Prometheus, in a process of its own, answers with the JSON of the real one at once.
What is timed is the bridge: the gate, the questions, reading megabytes of JSON, and the words. The
lag is how much later than due a timer of the same event loop fires meanwhile. With --real it is a
real Prometheus with the shipped rules, which asks one real exporter in the name of 200 hosts.

Run from the top of the project: `.venv/bin/python -m benchmarks.fleet`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path

from benchmarks.printing import print_spread
from benchmarks.stand_in import NOW, name_hosts
from bridge import limits
from bridge.clients.prometheus import Prometheus
from bridge.clock import SystemClock
from bridge.core.access import Scope
from bridge.core.alerts import Severity
from bridge.core.inventory import Inventory, parse_inventory
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.fleet import Fleet
from bridge.inbound.chat.hosts import Hosts
from tests.fakes.chat import VIEWER, FakeChat
from tests.live.conftest import Programs, until
from tests.ports import free_port
from tests.programs import ROOT, program

ASKED = ("/agents", "/agents 9", "/agents all", "/status", "/status {host}", "/stat")
_TICK = 0.005


class _Alerts:
    """Nothing but a count."""

    async def firing(self, scope: Scope) -> Mapping[Severity, int]:
        """Count what fires."""
        del scope
        return {Severity.CRITICAL: 40, Severity.WARNING: 300}


def write_inventory(number: int) -> Inventory:
    """Write down the hosts of the stand-in."""
    places = [f"10.{at // 62500}.{at // 250 % 250}.{at % 250 + 1}" for at in range(number)]
    return parse_inventory(
        "\n".join(
            f"{name} {place}:9100 {place}:8001 group=g{at % 20}"
            for at, (name, place) in enumerate(zip(name_hosts(number), places, strict=True))
        )
    )


async def measure(hosts: int, rounds: int, *, is_real: bool) -> None:
    """Ask and print."""
    sys.setswitchinterval(limits.THREAD_TURN_SECONDS)  # as the bridge does
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        start = _start_real if is_real else _start_stand_in
        prometheus = Prometheus(await start(Programs(folder, stack), hosts))
        stack.push_async_callback(prometheus.close)
        chat = create_chat(prometheus, write_inventory(hosts))
        if is_real:
            chat.now = SystemClock().now()
            await until(lambda: _know_all(prometheus, hosts), seconds=300, step=1)
        asked = [each.format(host=name_hosts(hosts)[-1]) for each in ASKED]
        for text in asked:
            await chat.say(text, VIEWER)  # the stand-in works its answers out
        lags: list[float] = []
        watching = asyncio.create_task(_watch_lag(lags))
        for text in asked:
            print_spread(f"{text}, {hosts} hosts", await _time(chat, text, rounds), unit="ms")
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        print_spread("lag of the event loop meanwhile", lags, unit="ms")


async def _start_stand_in(programs: Programs, hosts: int) -> str:
    """Start the stand-in; give its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "benchmarks.stand_in")
    await programs.start(*command, "--hosts", str(hosts), "--port", str(port), ready=url)
    return url


async def _start_real(programs: Programs, hosts: int) -> str:
    """Start an exporter, and a Prometheus that asks it in the name of so many hosts."""
    own, exporter = free_port(), free_port()
    url = f"http://127.0.0.1:{own}"
    await programs.start(
        str(program("node_exporter", "stable")),
        f"--web.listen-address=127.0.0.1:{exporter}",
        ready=f"http://127.0.0.1:{exporter}/",
    )
    shutil.copytree(ROOT / "prometheus" / "rules", programs.folder / "rules")
    groups = [
        {"targets": [f"127.0.0.1:{exporter}"], "labels": {"host": name}}
        for name in name_hosts(hosts)
    ]
    (programs.folder / "node.json").write_text(json.dumps(groups))
    (programs.folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 15s, evaluation_interval: 15s}\n"
        "rule_files: [rules/*.yml]\n"
        "scrape_configs: [{job_name: node, file_sd_configs: [{files: [node.json]}]}]\n"
    )
    await programs.start(
        str(program("prometheus", "stable")),
        f"--config.file={programs.folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={programs.folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{own}",
        ready=f"{url}/-/ready",
    )
    return url


async def _know_all(prometheus: Prometheus, hosts: int) -> bool:
    answer = await prometheus.fetch_fleet("host:cpu_busy_percent:rate2m")
    return len(answer.values) == hosts


def create_chat(prometheus: Prometheus, inventory: Inventory) -> FakeChat:
    """Make a chat that asks that Prometheus."""
    commands = Commands()
    chat = FakeChat(commands, inventory=inventory, now=NOW)
    hosts = Hosts(inventory=lambda: chat.inventory)
    scrape = timedelta(seconds=15)
    family = Fleet(hosts, prometheus=prometheus, alerts=_Alerts(), scrape=scrape)
    for each in family.commands:
        commands.add(each)
    return chat


async def _time(chat: FakeChat, text: str, rounds: int) -> list[float]:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        [said] = await chat.say(text, VIEWER)
        took.append(1000 * (time.perf_counter() - began))
        if "cannot be asked" in said.text:
            raise RuntimeError(said.text)
    return took


async def _watch_lag(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + _TICK
        await asyncio.sleep(_TICK)
        lags.append(1000 * (time.perf_counter() - due))


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    hosts = chosen.hosts or (200 if chosen.real else 2000)
    asyncio.run(measure(hosts, chosen.rounds, is_real=chosen.real))


if __name__ == "__main__":
    main()
