"""All hosts and each of them, as people in the chat see them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bridge.core.access import Person, Role, Scope, parse_scope
from bridge.core.alerts import Severity
from bridge.core.inventory import Inventory, parse_inventory
from bridge.core.keyboards import name_host
from bridge.errors import Late, Outage
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.fleet import Fleet
from bridge.inbound.chat.hosts import Hosts
from tests.fakes.chat import ADMIN, NOON, STRANGER, VIEWER, FakeChat
from tests.fakes.machines import know_agent, know_host, know_machine, know_numbers
from tests.fakes.prometheus import FakePrometheus

DB_VIEWER = 21
SCRAPE = timedelta(seconds=15)


@dataclass
class FakeAlerts:
    counts: dict[Severity, int] = field(default_factory=dict)
    scopes: list[Scope] = field(default_factory=list)

    async def firing(self, scope: Scope) -> Mapping[Severity, int]:
        self.scopes.append(scope)
        return self.counts


@dataclass
class World:
    chat: FakeChat
    prometheus: FakePrometheus
    alerts: FakeAlerts

    async def hear(self, text: str, user_id: int = VIEWER) -> str:
        [said] = await self.chat.say(text, user_id)
        return said.text


@pytest.fixture
def world() -> World:
    commands, prometheus, alerts = Commands(), FakePrometheus(), FakeAlerts()
    chat = FakeChat(commands)
    hosts = Hosts(inventory=lambda: chat.inventory)
    family = Fleet(hosts, prometheus=prometheus, alerts=alerts, scrape=SCRAPE)
    for each in family.commands:
        commands.add(each)
    chat.people.known[DB_VIEWER] = Person(
        user_id=DB_VIEWER, role=Role.VIEWER, scope=parse_scope(["group=db"])
    )
    return World(chat, prometheus, alerts)


@pytest.fixture
def three(world: World) -> World:
    """Two hosts are up, the last one is down; an agent and Prometheus itself are asked as well."""
    know_host(world.prometheus, "Server", NOON)
    know_host(world.prometheus, "Agent1", NOON, share=719 / 720)
    know_host(world.prometheus, "Agent2", NOON, is_up=False, since=timedelta(minutes=12))
    for name in ("Server", "Agent1"):
        know_numbers(world.prometheus, name, NOON, cpu=12.5, memory=40.0, disks={"/": 50.0})
    world.prometheus.know(
        "up", 1.0, NOON, host="Server", job="prometheus", instance="127.0.0.1:9090"
    )
    world.prometheus.know("up", 0.0, NOON, job="cadvisor", instance="10.9.9.9:8080")
    return world


async def test_agents_lists_every_host_of_the_inventory_a_line_each(three: World) -> None:
    lines = (await three.hear("/agents")).splitlines()
    assert lines[0] == "🖥 3 hosts: 2 up, 1 down"
    assert lines[1:] == [
        "❌ Agent2 · down since 09:48:00 UTC · asked 5 s ago · 100.00 % in 30 d · no agent",
        "✅ Server · up since 07:00:00 UTC · asked 5 s ago · 100.00 % in 30 d · no agent",
        "✅ Agent1 · up since 07:00:00 UTC · asked 5 s ago · 99.86 % in 30 d · no agent",
    ]
    assert len(three.prometheus.asked) == 2


async def test_prometheus_s_own_jobs_are_shown_to_who_asks_for_all(three: World) -> None:
    text = await three.hear("/hosts ALL")
    assert "✅ Server prometheus 127.0.0.1:9090 · asked 0 s ago" in text
    assert "❌ 10.9.9.9:8080 cadvisor" in text
    assert len(three.prometheus.asked) == 3


async def test_a_host_with_an_agent_shows_how_it_stands(three: World) -> None:
    three.chat.inventory = parse_inventory(
        "Server 10.0.0.1:9100 10.0.0.1:8001\nAgent1 10.0.0.2:9100 10.0.0.2:8001\n"
        "Added 10.0.0.3:9100 10.0.0.3:8001"
    )
    three.prometheus.know("up", 1.0, NOON, host="Server", job="agent")
    three.prometheus.know("up", 0.0, NOON, host="Agent1", job="agent")
    text = await three.hear("/agents")
    assert [line.rpartition(" · ")[2] for line in text.splitlines()[1:]] == [
        "agent not watched",
        "agent up",
        "agent down",
    ]
    assert "❔ Added · not watched by Prometheus · agent not watched" in text


async def test_what_each_host_allows_stands_beside_it(three: World) -> None:
    names = ("Server", "Agent1", "Agent2", "Bare")
    written = [f"{name} 10.0.0.{at}:9100 10.0.0.{at}:8001" for at, name in enumerate(names)]
    three.chat.inventory = parse_inventory("\n".join(written).removesuffix(" 10.0.0.3:8001"))
    know_agent(three.prometheus, "Server", NOON, ceiling="shell")
    know_agent(three.prometheus, "Agent1", NOON, ceiling="monitor")
    know_agent(three.prometheus, "Agent2", NOON, is_up=False)
    lines = (await three.hear("/agents")).splitlines()[1:]
    ends = ("agent up · ceiling shell", "agent up · ceiling monitor", "agent down", "no agent")
    for name, end in zip(names, ends, strict=True):
        [line] = [each for each in lines if each.split()[1] == name]
        assert line.endswith(f" · {end}")
    assert len(three.prometheus.asked) == 2
    assert "agent up · ceiling shell" in await three.hear("/status Server")


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0.2, "in 12 min"), (5, "in 5 h"), (73, "in 3 d 1 h"), (719.5, "in 30 d")],
)
async def test_a_young_host_s_availability_is_that_of_its_own_time(
    world: World, hours: float, said: str
) -> None:
    know_host(world.prometheus, "Server", NOON, share=0.5, hours=hours)
    assert f"50.00 % {said}" in await world.hear("/agents")


async def test_before_the_first_whole_hour_the_last_one_counts(world: World) -> None:
    know_host(world.prometheus, "Server", NOON, share=None, hours=0.5)
    assert "100.00 % in 30 min" in await world.hear("/agents")


async def test_a_prometheus_without_our_rules_tells_who_is_up(world: World) -> None:
    world.prometheus.know("up", 1.0, NOON, host="Server", job="node")
    text = await world.hear("/agents")
    assert "✅ Server · up · asked 0 s ago · 100.00 % in 1 h · no agent" in text


async def test_without_hosts_it_says_so(world: World) -> None:
    world.chat.inventory = Inventory(hosts=())
    assert await world.hear("/agents") == "There are no hosts here yet."
    assert "There are no hosts here yet." in await world.hear("/status")
    assert await world.hear("/stat") == "There are no hosts here yet."
    assert "agents.txt" in await world.hear("/stat", ADMIN)


@pytest.mark.parametrize("command", ["/agents", "/agents all", "/status Server"])
@pytest.mark.parametrize(
    "fault", [Outage("Prometheus", "cannot be asked (ConnectionError)"), Late("Prometheus", "slow")]
)
async def test_a_prometheus_that_is_down_is_named(
    three: World, command: str, fault: Outage
) -> None:
    three.prometheus.fault = fault
    text = await three.hear(command)
    assert "Prometheus cannot be asked now." in text
    assert fault.reason in text


async def test_what_fires_is_told_even_while_prometheus_is_down(three: World) -> None:
    three.prometheus.fault = Outage("Prometheus", "cannot be asked (ConnectionError)")
    three.alerts.counts = {Severity.CRITICAL: 2, Severity.WARNING: 1}
    text = await three.hear("/status")
    assert "Prometheus cannot be asked now." in text
    assert "🔔 firing 🔴 2 · 🟡 1" in text


async def test_a_stranger_is_refused(three: World) -> None:
    [said] = await three.chat.say("/agents", STRANGER)
    assert "no access" in said.text
    assert three.prometheus.asked == []


async def test_a_long_list_has_pages(world: World) -> None:
    names = [f"host-{number:04}" for number in range(234)]
    world.chat.inventory = parse_inventory(
        "\n".join(f"{name} 10.0.{n // 250}.{n % 250 + 1}:9100" for n, name in enumerate(names))
    )
    for name in names:
        know_host(world.prometheus, name, NOON, is_up=name != "host-0200")
    [first] = await world.chat.say("/agents", VIEWER)
    assert "❌ host-0200" in first.text.splitlines()[1]
    assert "page 1 of 12" in first.text
    assert first.buttons == {"▶": "agents 2", "🔄": "agents 1"}
    [middle] = await world.chat.press("agents 2", VIEWER)
    assert middle.telegram_id == 400, "it takes the place of the page before"
    assert middle.buttons == {"◀": "agents 1", "▶": "agents 3", "🔄": "agents 2"}
    [last] = await world.chat.press("agents 12", VIEWER)
    assert last.buttons == {"◀": "agents 11", "🔄": "agents 12"}
    assert "page 12 of 12" in (await world.chat.press("agents 99999999999", VIEWER))[0].text
    seen = Counter[str]()
    for page in range(1, 13):
        [said] = await world.chat.press(f"agents {page}", VIEWER)
        assert len(said.text) <= 4096
        seen.update(line.split()[1] for line in said.text.splitlines() if line[:1] in set("✅❌"))
    assert seen == Counter(names)


@pytest.mark.parametrize(
    "text", ["/agents nonsense", "/agents all 2 3", "/agents 1 2", "/agents -1", "/agents all x"]
)
async def test_nonsense_behind_agents_yields_usage(three: World, text: str) -> None:
    said = await three.hear(text)
    assert "/agents [all]" in said


async def test_status_sums_the_fleet_up(three: World) -> None:
    know_numbers(three.prometheus, "Server", NOON, cpu=91, memory=86, disks={"/": 50, "/log": 97})
    three.alerts.counts = {Severity.WARNING: 3}
    for number, outcome in enumerate((1.0, 1.0, 0.0)):
        labels = {"job": "http", "host": "shop", "instance": f"https://shop/{number}"}
        three.prometheus.know("probe_success", outcome, NOON, **labels)
    [said] = await three.chat.say("/status", VIEWER)
    assert said.text.splitlines() == [
        "🔴 3 hosts: 2 up, 1 down",
        "🔔 firing 🟡 3",
        "🔎 checks: 2 of 3 well · shop",
        "",
        "Worst off",
        "🔴 Agent2 · down since 09:48:00 UTC",
        "🟡 Server · CPU used 91.00 % · disk used /log 97.00 % · memory used 86.00 %",
        "🟢 Agent1 · disk used / 50.00 %",
        "",
        "as of 10:00:00 UTC",
    ]
    assert said.buttons == {
        "❌ Agent2": f"status {name_host('Agent2')}",
        "✅ Server": f"status {name_host('Server')}",
        "✅ Agent1": f"status {name_host('Agent1')}",
        "🖥 all hosts": "agents",
        "🔔 alerts": "alerts",
        "🔄": "status",
    }
    assert len(three.prometheus.asked) == 5


async def test_status_names_five_hosts_at_most(world: World) -> None:
    names = [f"host-{number}" for number in range(30)]
    world.chat.inventory = parse_inventory(
        "\n".join(f"{name} 10.0.0.{n + 1}:9100" for n, name in enumerate(names))
    )
    for number, name in enumerate(names):
        know_host(world.prometheus, name, NOON)
        know_numbers(world.prometheus, name, NOON, cpu=50.0 + number, memory=10, disks={"/": 10})
    text = await world.hear("/status")
    assert "🟢 30 hosts: 30 up" in text
    assert [line.split()[1] for line in text.splitlines() if "CPU" in line] == names[:-6:-1]
    assert "Nearest to their limits" in text
    assert "nothing fires" in text


async def test_a_host_s_card_tells_everything(three: World) -> None:
    three.prometheus.samples = [
        each for each in three.prometheus.samples if "used_percent" not in each.name
    ]
    know_numbers(three.prometheus, "Server", NOON, cpu=12.5, memory=90, disks={"/": 95})
    know_machine(three.prometheus, "Server", NOON)
    [said] = await three.chat.say("/status server", VIEWER)
    assert said.text.splitlines() == [
        "✅ Server 10.107.26.176:9100",
        "⏱ running for 3 days, 04:05:06 · since 2025-06-06 05:55:00 UTC",
        "▫️ CPU 12.50 % · waiting for disks 0.50 % · taken by others 0.00 %",
        "▫️ 2 cores · Intel Xeon E5-2680 v4 · 2.40 GHz",
        "▫️ load 0.50 0.40 0.30 · 0.25 per core",
        "🔴 RAM 90.00 % · 7.20 GiB of 8.00 GiB",
        "▫️ swap 512.00 MiB of 2.00 GiB (25.00 %)",
        "🔴 / 95.00 % · 90.00 GiB of 100.00 GiB · full in 2 h",
        "▫️ network ↓ 12.50 Mbit/s ↑ 3.00 kbit/s · in all ↓ 5.00 GiB ↑ 2.50 GiB",
        "▫️ Debian GNU/Linux 12 (bookworm) · Linux 6.1.0-18-amd64 x86_64",
        "▫️ addresses 10.107.26.176, fd00::2",
        "▫️ 87 processes, 3 running",
        "▫️ open files 615 of 2,470,938",
        "▫️ up 100.00 % in 30 d",
        "▫️ no agent",
        "",
        "as of 09:59:55 UTC",
    ]
    where = name_host("Server")
    assert said.buttons == {
        "📈 CPU": f"mon_cpu_picture {where} 60",
        "📈 memory": f"mon_mem_picture {where} 60",
        "📈 disk": f"mon_disk_picture {where} 60",
        "📈 network": f"mon_net_picture {where} 60",
        "🔄": f"status {where}",
        "🖥 all hosts": "agents",
    }


async def test_what_an_exporter_does_not_have_is_left_out(three: World) -> None:
    text = await three.hear("/status Agent1")
    assert "CPU 12.50 %" in text
    for absent in ("None", "nan", "swap", "cores", "addresses", "processes", "open files", " · \n"):
        assert absent not in text


async def test_many_file_systems_are_counted(three: World) -> None:
    disks = {f"/data/{number:03}": 10.0 + number / 10 for number in range(300)}
    three.prometheus.samples.clear()
    know_host(three.prometheus, "Server", NOON)
    know_numbers(three.prometheus, "Server", NOON, disks=disks)
    text = await three.hear("/status Server")
    assert "/data/299 39.90 %" in text
    assert "and 292 file systems more" in text


async def test_a_host_that_is_down_says_since_when(three: World) -> None:
    [said] = await three.chat.say("/status Agent2", VIEWER)
    assert "⚠️ Agent2 is down since 09:48:00 UTC (12 min)." in said.text
    assert "CPU" not in said.text
    assert "📈 CPU" in said.buttons


async def test_a_host_that_prometheus_does_not_know_says_when_it_was_last_seen(
    world: World,
) -> None:
    assert "had none for a month" in await world.hear("/status Server")
    at = NOON - timedelta(days=2)
    world.prometheus.know("host:uptime_seconds", 5.0, at, host="Server")
    world.prometheus.samples = [
        type(each)(**{**vars(each), "is_gone": True}) for each in world.prometheus.samples
    ]
    assert "the last is of 2025-06-07 10:00:00 UTC (2 d ago)" in await world.hear("/status Server")


async def test_a_prometheus_that_stands_still_is_noticed(world: World) -> None:
    at = NOON - timedelta(minutes=4)
    world.prometheus.know("up", 1.0, at, host="Server", job="node")
    know_numbers(world.prometheus, "Server", at)
    assert "This is 4 min old; Prometheus has nothing younger." in await world.hear(
        "/status Server"
    )


async def test_warnings_of_prometheus_are_passed_on(three: World) -> None:
    three.prometheus.warnings = ("one of two stores did not answer",)
    for command in ("/agents", "/status", "/status Server"):
        assert "⚠️ one of two stores did not answer" in await three.hear(command)


async def test_stat_offers_the_hosts_two_a_row(three: World) -> None:
    [said] = await three.chat.say("/stat", VIEWER)
    assert said.text == "Which host?"
    assert said.content.keyboard is not None
    assert [len(row) for row in said.content.keyboard.rows] == [2, 1]
    assert said.buttons["Server 10.107.26.176"] == f"status {name_host('Server')}"
    [card] = await three.chat.press(said.buttons["Server 10.107.26.176"], VIEWER)
    assert "✅ Server" in card.text
    assert card.telegram_id == 400


async def test_stat_pages_through_many(world: World) -> None:
    world.chat.inventory = parse_inventory(
        "\n".join(f"host-{n} 10.0.0.{n + 1}:9100" for n in range(45))
    )
    [said] = await world.chat.say("/stat 3", VIEWER)
    assert [label for label in said.buttons if "host-4" in label][:1] == ["host-40 10.0.0.41"]
    assert said.buttons["◀"] == "stat 2"
    assert "▶" not in said.buttons


async def test_an_old_button_of_a_host_that_is_gone_is_harmless(three: World) -> None:
    pressed = f"status {name_host('Agent1')}"
    three.chat.inventory = parse_inventory("Server 10.107.26.176:9100")
    [said] = await three.chat.press(pressed, VIEWER)
    assert "🚫" in said.text
    assert "Agent1" not in said.text


@pytest.mark.parametrize(
    "text",
    [
        "/agents",
        "/agents all",
        "/status",
        "/stat",
        "/status Server",
        "/status serv",
        "/status 30",
        f"/status {name_host('Server')}",
        "/status Agent1",
    ],
)
async def test_nothing_of_a_hidden_host_shows(three: World, text: str) -> None:
    know_numbers(three.prometheus, "Server", NOON, cpu=88.77)
    three.prometheus.warnings = ("Server: 10.107.26.176 did not answer",)
    [said] = await three.chat.say(text, DB_VIEWER)
    shown = f"{said.text} {said.buttons}"
    assert "10.107.26.176" not in shown
    assert "cadvisor" not in shown
    assert name_host("Server") not in shown
    assert "Server" not in shown.replace("no host Server", "")
    assert "88.77" not in shown
    assert "3 hosts" not in shown


async def test_a_limited_person_s_questions_name_their_hosts(three: World) -> None:
    await three.hear("/agents", DB_VIEWER)
    await three.hear("/status", DB_VIEWER)
    for question in three.prometheus.asked:
        is_named = 'host=~"Agent1|Agent2"' in question or 'host=~"Agent2|Agent1"' in question
        assert is_named or "probe_success" in question
        assert "Server" not in question
    assert [str(each) for each in three.alerts.scopes] == ["group=db"]


async def test_who_sees_no_host_asks_nothing(three: World) -> None:
    three.chat.people.known[DB_VIEWER] = Person(
        user_id=DB_VIEWER, role=Role.VIEWER, scope=parse_scope(["group=none"])
    )
    for text in ("/agents", "/agents all", "/status", "/stat"):
        assert "There are no hosts here yet." in await three.hear(text, DB_VIEWER)
    assert three.prometheus.asked == []


async def test_hosts_that_are_not_ours_hide_none_of_the_worst(world: World) -> None:
    for number in range(60):
        know_numbers(world.prometheus, f"foreign-{number}", NOON, cpu=99.0)
    for name in ("Server", "Agent1", "Agent2"):
        know_host(world.prometheus, name, NOON)
        know_numbers(world.prometheus, name, NOON, cpu=10.0, memory=88.0, disks={"/": 1})
    text = await world.hear("/status")
    assert text.count("memory used 88.00 %") == 3
    assert "foreign" not in text


async def test_somebody_limited_to_many_hosts_sees_those_alone(world: World) -> None:
    world.chat.inventory = parse_inventory(
        "\n".join(
            f"host-{n} 10.0.{n // 200}.{n % 200 + 1}:9100 group={'db' if n % 2 else 'web'}"
            for n in range(200)
        )
    )
    for number in range(200):
        is_up = number not in {10, 11}
        know_host(world.prometheus, f"host-{number}", NOON, is_up=is_up)
        know_numbers(world.prometheus, f"host-{number}", NOON, cpu=90.0 + number / 100)
    assert "100 hosts: 99 up, 1 down" in await world.hear("/agents", DB_VIEWER)
    text = await world.hear("/status", DB_VIEWER)
    assert "100 hosts: 99 up, 1 down" in text
    assert "host-11" in text
    assert "host-199" in text
    assert "host-10 " not in text
    assert "host-198" not in text


@pytest.mark.parametrize("language", ["ru", "zh_TW"])
async def test_every_word_is_of_the_chat_s_language(three: World, language: str) -> None:
    know_machine(three.prometheus, "Server", NOON)
    agents = "Server 10.0.0.1:9100 10.0.0.1:8001\nAgent2 10.0.0.2:9100 10.0.0.2:8001"
    three.chat.inventory = parse_inventory(agents)
    know_agent(three.prometheus, "Server", NOON)
    three.prometheus.know("probe_success", 0.0, NOON, job="http", host="shop", instance="x")
    three.alerts.counts = {Severity.INFO: 1}
    three.chat.places.language = language
    told = [
        await three.hear(text)
        for text in (
            "/agents",
            "/agents all",
            "/status",
            "/status Server",
            "/status Agent2",
            "/stat",
        )
    ]
    english = re.compile(
        r"\b(up|down|since|asked|no|hosts?|in|of|running|for|waiting|taken|load|swap|full|network"
        r"|agent|ceiling|all|addresses|process|open|files|firing|checks|well|worst|as|which|core|nearest)\b"
    )
    for text in told:
        assert english.search(text) is None
