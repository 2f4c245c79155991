"""What the chat tells of a real host, beside what its own exporter says; both generations."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from bridge import limits
from bridge.clients.prometheus import Prometheus
from bridge.clock import SystemClock
from bridge.core.access import Scope
from bridge.core.alerts import Severity
from bridge.core.inventory import parse_inventory
from bridge.drawing import Drawing
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.fleet import Fleet
from bridge.inbound.chat.hosts import Hosts
from bridge.inbound.chat.pictures import Pictures, Times
from bridge.inbound.chat.queries import Queries
from bridge.inbound.chat.readings import Readings
from deploy.stack.plan import EXPORTER_MORE
from tests.fakes.chat import VIEWER, FakeChat, Said
from tests.live.conftest import PATIENCE, Programs, real, until
from tests.ports import free_port
from tests.programs import ROOT

pytestmark = pytest.mark.live
# An exporter that shares the machine may take some; the host of one that is late is down meanwhile.
SCRAPE = timedelta(seconds=6)
CLOCK = SystemClock()
CONFIGURATION = """
global: {{scrape_interval: 6s, scrape_timeout: 6s, evaluation_interval: 1s}}
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: node
    static_configs:
      - {{targets: ['127.0.0.1:{exporter}'], labels: {{host: Server}}}}
      - {{targets: ['127.0.0.1:{nobody}'], labels: {{host: Gone}}}}
  - job_name: prometheus
    static_configs: [{{targets: ['127.0.0.1:{prometheus}'], labels: {{host: Server}}}}]
"""


class _Alerts:
    async def firing(self, scope: Scope) -> Mapping[Severity, int]:
        del scope
        return {}


@dataclass
class Real:
    """A chat before a real Prometheus, and the exporter behind it."""

    chat: FakeChat
    prometheus: Prometheus
    exporter: str

    async def ask(self, text: str) -> Said:
        self.chat.now = CLOCK.now()
        [said] = await self.chat.say(text, VIEWER)
        return said

    async def hear(self, text: str) -> str:
        return (await self.ask(text)).text

    async def look(self) -> dict[str, float]:
        """Read what the exporter itself says at this moment."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            text = (await client.get(self.exporter)).text
        samples = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in samples}


@pytest.fixture
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take longer than a person would wait, for a picture too."""
    for name in ("CHART_PATIENCE_SECONDS", "CHART_SECONDS", "CHART_WORKER_SECONDS"):
        monkeypatch.setattr(limits, name, PATIENCE)
    monkeypatch.setattr(limits, "ANSWER_PATIENCE", timedelta(seconds=PATIENCE))
    monkeypatch.setattr(limits, "ANSWER_LONGEST", timedelta(seconds=2 * PATIENCE))


@pytest.fixture
async def told(generation: str, programs: Programs, _patience: None) -> AsyncIterator[Real]:
    """Start an exporter and a Prometheus with our rules, and wait until they know the host."""
    ports = {"exporter": free_port(), "prometheus": free_port(), "nobody": 9}
    exporter = f"http://127.0.0.1:{ports['exporter']}/metrics"
    url = f"http://127.0.0.1:{ports['prometheus']}"
    await programs.start(
        str(real(generation, "node_exporter")),
        f"--web.listen-address=127.0.0.1:{ports['exporter']}",
        *EXPORTER_MORE,
        ready=exporter,
    )
    shutil.copytree(ROOT / "prometheus" / "rules", programs.folder / "rules")
    (programs.folder / "prometheus.yml").write_text(CONFIGURATION.format(**ports))
    await programs.start(
        str(real(generation, "prometheus")),
        f"--config.file={programs.folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={programs.folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
        ready=f"{url}/-/ready",
    )
    prometheus = Prometheus(url)

    async def is_known() -> bool:
        series = ("host:network_receive_bits:rate5m", "host:cpu_busy_percent:rate2m")
        asked = [f'count_over_time({each}{{host="Server"}}[1m]) > 15' for each in series]
        return all([(await prometheus.fetch_values(each)).values for each in asked])

    await until(is_known, seconds=PATIENCE)
    async with Drawing(programs.folder / "drawing") as drawing:
        chat = create_chat(prometheus, drawing, ports["exporter"])
        yield Real(chat, prometheus, exporter)
    await prometheus.close()


def create_chat(prometheus: Prometheus, drawing: Drawing, exporter: int) -> FakeChat:
    commands = Commands()
    chat = FakeChat(commands, now=CLOCK.now())
    chat.inventory = parse_inventory(
        f"Server 127.0.0.1:{exporter}\nGone 127.0.0.1:9\nUnwatched 192.0.2.7:9100"
    )
    hosts = Hosts(inventory=lambda: chat.inventory)
    fleet = Fleet(hosts, prometheus=prometheus, alerts=_Alerts(), scrape=SCRAPE)
    readings = Readings(hosts, prometheus=prometheus, scrape=SCRAPE)
    times = Times(scrape=SCRAPE, retention=timedelta(days=1))
    pictures = Pictures(hosts, prometheus=prometheus, artist=drawing, times=times)
    for family in (fleet, readings, pictures, Queries(prometheus=prometheus)):
        for each in family.commands:
            commands.add(each)
    return chat


def percents(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"([0-9.]+) %", text)]


async def test_every_answer_is_true(told: Real) -> None:
    await check_lists(told)
    await check_card(told)
    await check_readings(told)
    await check_query(told)
    await check_pictures(told)


async def check_lists(told: Real) -> None:
    gone, unwatched, server = (await told.hear("/agents")).splitlines()[1:4]
    # What began before midnight has a date.
    assert re.match(r"❌ Gone · down since ([\d-]{10} )?\d\d:\d\d:\d\d UTC", gone)
    assert unwatched.startswith("❔ Unwatched · not watched by Prometheus")
    up = r"✅ Server · up since ([\d-]{10} )?\d\d:\d\d:\d\d UTC · asked 1?[0-9] s ago"
    assert re.match(up, server)
    assert re.search(r"· 100\.00 % in \d+ s · no agent$", server)
    assert "0.00 % in" in gone
    everything = await told.hear("/agents all")
    assert re.search(r"✅ Server prometheus 127\.0\.0\.1:\d+ · asked", everything)
    summary = await told.hear("/status")
    assert "3 hosts: 1 up, 1 down, 1 not watched" in summary
    assert "🔴 Gone · down since" in summary


async def check_card(told: Real) -> None:
    told.chat.places.zone = ZoneInfo("Asia/Taipei")
    card, own = await told.hear("/status Server"), await told.look()
    total = own["node_memory_MemTotal_bytes"] / 1024**3
    assert re.search(rf"[0-9.]+ [MG]iB of {total:.2f} GiB", card)
    most = own["node_filefd_maximum"]  # of most kernels the largest number there is: none
    assert (f"of {most:,.0f}" in card) is (most < 2**62)
    assert re.search(r"open files [0-9,]+", card)
    cores = len(
        [name for name in own if name.startswith("node_cpu_seconds_total") and "idle" in name]
    )
    assert f"{cores} core" in card
    uname = next(name for name in own if name.startswith("node_uname_info"))
    release = re.search(r'release="([^"]+)"', uname)
    assert release is not None
    assert f"Linux {release[1]}" in card
    system = next(name for name in own if name.startswith("node_os_info"))
    assert re.findall(r'pretty_name="([^"]+)"', system)[0] in card
    clock = re.search(r"running for (?:(\d+) days?, )?(\d\d):(\d\d):(\d\d)", card)
    assert clock is not None
    days, hours, minutes, seconds = (int(word or 0) for word in clock.groups())
    running = own["node_time_seconds"] - own["node_boot_time_seconds"]
    assert abs(days * 86400 + hours * 3600 + minutes * 60 + seconds - running) < 120

    async def processes_agree() -> bool:
        card, own = await told.hear("/status Server"), await told.look()
        shown = re.search(r"([0-9,]+) process", card)
        assert shown is not None
        return abs(int(shown[1].replace(",", "")) - own["node_processes_pids"]) < 40

    await until(processes_agree, seconds=PATIENCE)
    addresses = re.findall(
        r'node_network_address_info\{address="([0-9.]+)",device="eth\d+"', "\n".join(own)
    )
    assert all(each in card for each in addresses)
    for absent in ("None", "nan", "NaN"):
        assert absent not in card
    assert card.splitlines()[-1].endswith("CST")
    assert "Gone is down since" in await told.hear("/status Gone")
    assert "had none for a month" in await told.hear("/status Unwatched")


async def check_readings(told: Real) -> None:
    # What else runs on the machine may take much between the sample and the look.
    async def memory_agrees() -> bool:
        memory, own = await told.hear("/mon_mem"), await told.look()
        return percents(memory)[0] == pytest.approx(reckon_memory(own), abs=3)

    async def disks_agree() -> bool:
        disk, own = await told.hear("/mon_disk"), await told.look()
        assert re.search(r"^(?:🔴 )?/ ", disk, re.MULTILINE)
        return all(
            float(percent) == pytest.approx(reckon_as_df(own, place), abs=1)
            for place, percent in re.findall(r"^(?:🔴 )?(/\S*) ([0-9.]+) %", disk, re.MULTILINE)
        )

    await until(memory_agrees, seconds=PATIENCE)
    await until(disks_agree, seconds=PATIENCE)
    assert 0 <= percents(await told.hear("/mon_cpu"))[0] <= 100
    assert re.search(r"received [0-9.]+ [kMG]?bit/s\nsent", await told.hear("/mon_net"))
    for command, said in (
        ("/cpu", r"Server · CPU [0-9.]+ % · load ([0-9.]+ ?){3} · "),
        ("/ram", r"Server · RAM [0-9.]+ [GM]iB of [0-9.]+ GiB \([0-9.]+ %\) · "),
        ("/disk", r"Server · (🔴 )?/\S* [0-9.]+ [GMT]iB of"),
        ("/uptime", r"Server · running for (\d+ days?, )?\d\d:\d\d:\d\d · since "),
    ):
        assert re.match(said, await told.hear(command)), command
    for command in ("/mon_cpu", "/uptime"):
        assert "Gone is down since" in await told.hear(f"{command} Gone")
        assert "had none for a month" in await told.hear(f"{command} Unwatched")


def reckon_memory(own: Mapping[str, float]) -> float:
    """Work out from the exporter's own numbers how much of the memory is used, in percent."""
    return 100 - 100 * own["node_memory_MemAvailable_bytes"] / own["node_memory_MemTotal_bytes"]


def reckon_as_df(own: Mapping[str, float], place: str) -> float:
    """Work out from the exporter's own numbers what `df` would say."""

    def find(name: str) -> float:
        wanted = f'mountpoint="{place}"'
        return next(
            value
            for key, value in own.items()
            if key.startswith(f"node_filesystem_{name}_bytes{{") and wanted in key
        )

    used = find("size") - find("free")
    return 100 * used / (used + find("avail"))


async def check_query(told: Real) -> None:
    table = await told.hear('/query up{job="node"}')
    assert re.search(r"^1  .*Server", table, re.MULTILINE)
    assert re.search(r"^0  .*Gone", table, re.MULTILINE)
    assert "\n3\n" in await told.hear("/query 1 + 2")
    assert "no data" in await told.hear("/query nothing_of_the_kind")
    assert "NaN" in await told.hear("/query vector(0) / 0")
    assert "parse error" in await told.hear("/query up{")
    assert "samples)" in await told.hear('/query up{host="Server"}[40s]')
    fault = await told.hear("/query up * on (host) up")
    assert "found duplicate series for the match group" in fault
    assert "many-to-many matching not allowed" in fault, "in Prometheus's words, however many"


async def check_pictures(told: Real) -> None:
    for command in ("cpu", "mem", "disk", "net", "load"):
        said = await told.ask(f"/mon_{command}_picture Server 1")
        assert (said.content.photo or b"").startswith(b"\x89PNG"), said.text
        assert re.search(r"last [0-9.]+", said.text)

    async def picture_agrees() -> bool:
        memory, own = await told.hear("/mon_mem_picture Server 60"), await told.look()
        last = re.search(r"last ([0-9.]+) %", memory)
        assert last is not None
        return float(last[1]) == pytest.approx(reckon_memory(own), abs=3)

    await until(picture_agrees, seconds=PATIENCE)
    pie = await told.ask("/graph")
    assert (pie.content.photo or b"").startswith(b"\x89PNG")
    queried = await told.ask("/graph_query node_load1 * 2 5")
    assert (queried.content.photo or b"").startswith(b"\x89PNG")
    gone = await told.ask("/mon_cpu_picture Gone 60")
    assert gone.content.photo is None
    assert "Gone is down since" in gone.text
    assert "nor in the last month" in await told.hear("/mon_cpu_picture Unwatched")
    assert "nothing of Server in this time; now it does." in await told.hear(
        f"/mon_cpu_picture Server {told.chat.now - timedelta(hours=3):%H%M} 10"
    )
