"""What a host does now, as people in the chat read it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.core.access import Person, Role, parse_scope
from bridge.core.inventory import Inventory, parse_inventory
from bridge.core.keyboards import name_host
from bridge.errors import Late, Outage
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.hosts import Hosts
from bridge.inbound.chat.readings import Readings
from tests.fakes.chat import NOON, STRANGER, VIEWER, FakeChat
from tests.fakes.machines import know_host, know_machine, know_numbers
from tests.fakes.prometheus import FakePrometheus

DB_VIEWER = 21
SCRAPE = timedelta(seconds=15)
COMMANDS = (
    *("mon_cpu", "mon_mem", "mon_disk", "mon_net", "mon_cpu_local", "mon_mem_local"),
    *("mon_disk_local", "cpu", "ram", "disk", "uptime"),
)


@dataclass
class World:
    chat: FakeChat
    prometheus: FakePrometheus

    async def hear(self, text: str, user_id: int = VIEWER) -> str:
        [said] = await self.chat.say(text, user_id)
        return said.text


def create_world(usual: str | None = None) -> World:
    commands, prometheus = Commands(), FakePrometheus()
    chat = FakeChat(commands)
    hosts = Hosts(inventory=lambda: chat.inventory, usual=usual)
    for each in Readings(hosts, prometheus=prometheus, scrape=SCRAPE).commands:
        commands.add(each)
    chat.people.known[DB_VIEWER] = Person(
        user_id=DB_VIEWER, role=Role.VIEWER, scope=parse_scope(["group=db"])
    )
    for name, cpu in (("Server", 30.0), ("Agent1", 41.0), ("Agent2", 52.0)):
        know_host(prometheus, name, NOON)
        know_numbers(prometheus, name, NOON, cpu=cpu)
        know_machine(prometheus, name, NOON)
    return World(chat, prometheus)


@pytest.fixture
def world() -> World:
    return create_world()


@pytest.mark.parametrize(
    ("text", "host", "value"),
    [
        ("/mon_cpu", "Server", "30.00 %"),
        ("/mon_cpu Agent1", "Agent1", "41.00 %"),
        ("/mon_cpu agent1", "Agent1", "41.00 %"),
        ("/mon_cpu 146.190.147.94:9100", "Agent1", "41.00 %"),
        ("/mon_cpu 146.190.147.94", "Agent1", "41.00 %"),
        ("/MON_CPU  AGENT2 ", "Agent2", "52.00 %"),
        ("/mon_cpu_local", "Server", "30.00 %"),
        ("/mon_mem", "Server", "90.00 %"),
        ("/mon_mem_local Agent2", "Agent2", "90.00 %"),
        ("/mon_disk", "Server", "/ 95.00 % · 5.00 GiB free"),
        ("/mon_disk_local", "Server", "/ 95.00 %"),
        ("/mon_net Agent1", "Agent1", "received 12.50 Mbit/s\nsent 3.00 kbit/s"),
    ],
)
async def test_a_number_comes_with_its_host_and_its_time(
    world: World, text: str, host: str, value: str
) -> None:
    world.chat.places.zone = ZoneInfo("Asia/Taipei")
    said = await world.hear(text)
    assert said.startswith(f"{host} · ")
    assert value in said
    assert said.endswith("🕙 18:00:00 CST")
    assert len(world.prometheus.asked) == 1


async def test_the_configured_host_is_meant_where_none_is_named() -> None:
    assert "Agent2 · CPU used" in await create_world("agent2").hear("/mon_cpu")
    assert "Server · CPU used" in await create_world("gone").hear("/mon_cpu")
    # Whoever may not see it gets the first of their own.
    assert "Agent1 · CPU used" in await create_world("Server").hear("/mon_cpu", DB_VIEWER)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("30", "30 is no host."),
        ("²", "² is no host."),
        ("Agent1 Agent2", "Agent2 is one word too many."),
        ("Agent9", "there is no host Agent9; did you mean Agent"),
        ("zzz", "there is no host zzz; try Server, Agent1, Agent2"),
        ('x",foo=~".*:', "there is no host"),
        ("Server" * 300, "there is no host"),
        ("10.0.0.1:9100", "there is no host 10.0.0.1:9100"),
    ],
)
async def test_words_that_name_no_host_are_answered_and_asked_of_nobody(
    world: World, command: str, words: str, said: str
) -> None:
    text = await world.hear(f"/{command} {words}")
    assert said in text
    assert world.prometheus.asked == []


async def test_what_is_typed_wrong_yields_usage_with_a_host_that_exists(world: World) -> None:
    text = await world.hear("/mon_cpu 30")
    assert "/mon_cpu [host]" in text
    assert "/mon_cpu Server" in text


async def test_above_its_threshold_a_number_is_marked(world: World) -> None:
    text = await world.hear("/mon_mem")
    assert "🔴 90.00 %" in text
    assert "threshold 85.00 %" in text
    assert "🔴" not in await world.hear("/mon_cpu")


async def test_the_fullest_file_system_comes_first_and_many_are_counted(world: World) -> None:
    world.prometheus.samples.clear()
    know_host(world.prometheus, "Server", NOON)
    disks = {f"/data/{number:02}": float(number) for number in range(40)}
    know_numbers(world.prometheus, "Server", NOON, disks=disks)
    lines = (await world.hear("/mon_disk")).splitlines()
    assert lines[1] == "/data/39 39.00 % · 61.00 GiB free"
    assert "and 32 file systems more" in lines


@pytest.mark.parametrize("command", COMMANDS)
async def test_old_absent_down_and_unreachable_are_four_different_sentences(command: str) -> None:
    old, absent, down, silent = (create_world() for _ in range(4))
    at = NOON - timedelta(minutes=4)
    old.prometheus.samples = [replace(each, at=at) for each in old.prometheus.samples]
    absent.prometheus.samples = [
        replace(each, is_gone=True, at=NOON - timedelta(hours=7))
        for each in absent.prometheus.samples
    ]
    down.prometheus.samples.clear()
    know_host(down.prometheus, "Server", NOON, is_up=False, since=timedelta(minutes=12))
    silent.prometheus.fault = Outage("Prometheus", "cannot be asked (ConnectionError)")
    said = [await each.hear(f"/{command}") for each in (old, absent, down, silent)]
    assert "This is 4 min old; Prometheus has nothing younger." in said[0]
    assert "Prometheus has no data about Server" in said[1]
    assert "the last is of 03:00:00 UTC (7 h ago)" in said[1]
    assert "Server is down since 09:48:00 UTC (12 min)." in said[2]
    assert "Prometheus cannot be asked now." in said[3]
    assert "%" in said[0] or "bit/s" in said[0] or "running for" in said[0]
    for text in said[1:]:
        assert " %" not in text


async def test_what_was_never_seen_says_so(world: World) -> None:
    world.prometheus.samples.clear()
    text = await world.hear("/mon_cpu")
    assert "Prometheus has no data about Server, CPU used, and had none for a month." in text


async def test_a_slow_prometheus_is_no_answer_either(world: World) -> None:
    world.prometheus.fault = Late("Prometheus", "no whole answer within 8 s")
    assert "no whole answer within 8 s" in await world.hear("/ram")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_what_is_no_number_is_no_data(world: World, value: float) -> None:
    world.prometheus.samples = [
        replace(each, value=value) if each.name.startswith("host:cpu_busy") else each
        for each in world.prometheus.samples
    ]
    for text in ("/mon_cpu", "/cpu"):
        assert "Prometheus has no data about Server, CPU used" in await world.hear(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/cpu", "Server · CPU 30.00 % · load 0.50 0.40 0.30 · 09:59:55 UTC"),
        ("/ram", "Server · RAM 7.20 GiB of 8.00 GiB (90.00 %) · 09:59:55 UTC"),
        ("/disk", "Server · 🔴 / 90.00 GiB of 100.00 GiB (95.00 %) · 09:59:55 UTC"),
        (
            "/uptime agent2",
            "Agent2 · running for 3 days, 04:05:06 · since 2025-06-06 05:55:00 UTC · 09:59:55 UTC",
        ),
    ],
)
async def test_the_short_commands_answer_in_one_line(world: World, text: str, line: str) -> None:
    assert await world.hear(text) == line


async def test_the_line_about_disks_counts_the_others(world: World) -> None:
    world.prometheus.samples = [
        each for each in world.prometheus.samples if "filesystem" not in each.name
    ]
    know_numbers(world.prometheus, "Server", NOON, disks={"/": 10, "/log": 20, "/srv": 15})
    text = await world.hear("/disk")
    assert text == "Server · /log 20.00 % · and 2 file systems more · 09:59:55 UTC"


async def test_russian_reads_commas_and_russian_units() -> None:
    world = create_world()
    world.chat.places.language = "ru"
    assert "30,00 %" in await world.hear("/mon_cpu")
    assert "12,50 Мбит/с" in await world.hear("/mon_net")  # noqa: RUF001 - Russian
    assert "7,20 ГиБ из 8,00 ГиБ" in await world.hear("/ram")


async def test_buttons_lead_on_to_other_metrics_pictures_and_the_same_again(world: World) -> None:
    [said] = await world.chat.say("/mon_cpu agent1", VIEWER)
    where = name_host("Agent1")
    assert said.buttons == {
        "memory": f"mon_mem {where}",
        "disk": f"mon_disk {where}",
        "network": f"mon_net {where}",
        "📈 1 h": f"mon_cpu_picture {where} 60",
        "📈 24 h": f"mon_cpu_picture {where} 1440",
        "🔄": f"mon_cpu {where}",
    }
    [after] = await world.chat.press(said.buttons["memory"], VIEWER)
    assert after.telegram_id == 400
    assert after.text.startswith("Agent1 · memory used")


async def test_there_are_no_hosts_yet(world: World) -> None:
    world.chat.inventory = Inventory(hosts=())
    assert "there are no hosts here yet" in await world.hear("/mon_cpu")


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_hidden_host_is_as_good_as_none(world: World, command: str) -> None:
    for word in ("Server", "server", "10.107.26.176", "10.107.26.176:9100", name_host("Server")):
        hidden = await world.hear(f"/{command} {word}", DB_VIEWER)
        world.chat.inventory = parse_inventory(
            "\n".join(
                f"{name} {address} group=db"
                for name, address in (
                    ("Agent1", "146.190.147.94:9100"),
                    ("Agent2", "10.107.12.213:9100"),
                )
            )
        )
        none = await world.hear(f"/{command} {word}", DB_VIEWER)
        world.chat.inventory = FakeChat(Commands()).inventory
        assert hidden == none
    assert world.prometheus.asked == []


@pytest.mark.parametrize("command", ["cpu", "ram", "disk", "uptime", "mon_cpu"])
@pytest.mark.parametrize("host", ["Server", "unknown"])
async def test_what_may_not_be_all_is_told_as_that(world: World, command: str, host: str) -> None:
    world.chat.inventory = parse_inventory("Server 192.0.2.1:9100\nunknown 192.0.2.2:9100")
    world.prometheus.warnings = ("one of two stores did not answer",)
    said = await world.hear(f"/{command} {host}")
    assert "⚠️ one of two stores did not answer" in said
    limited = Person(user_id=VIEWER, role=Role.VIEWER, scope=parse_scope([f"host={host}"]))
    world.chat.people.known[VIEWER] = limited
    said = await world.hear(f"/{command} {host}")
    assert "stores" not in said
    assert "⚠️ Prometheus says that this may not be all." in said


async def test_a_stranger_is_refused(world: World) -> None:
    [said] = await world.chat.say("/mon_cpu", STRANGER)
    assert "no access" in said.text
    assert world.prometheus.asked == []
