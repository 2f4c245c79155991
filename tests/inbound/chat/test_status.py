"""All hosts at a glance, and each of them, as people in the chat see them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.core.alerts import Severity
from bridge.core.inventory import parse_inventory
from bridge.core.keyboards import name_host
from tests.fakes.chat import NOON, VIEWER
from tests.fakes.machines import know_host, know_machine, know_numbers
from tests.inbound.chat.fleets import World, create_fleet, know_three


@pytest.fixture
def world() -> World:
    return create_fleet()


@pytest.fixture
def three(world: World) -> World:
    return know_three(world)


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


async def test_a_kernel_without_a_bound_of_open_files_has_none_in_the_card(three: World) -> None:
    know_machine(three.prometheus, "Server", NOON)
    three.prometheus.know("node_filefd_maximum", float(2**63 - 1), NOON, host="Server")
    card = await three.hear("/status Server")
    assert "▫️ open files 615\n" in card


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
