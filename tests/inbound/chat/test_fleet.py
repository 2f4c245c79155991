"""All hosts and each of them, as people in the chat see them."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from bridge.core.access import Person, Role, parse_scope
from bridge.core.alerts import Severity
from bridge.core.inventory import Inventory, parse_inventory
from bridge.core.keyboards import name_host
from bridge.errors import Late, Outage
from tests.fakes.chat import ADMIN, NOON, STRANGER, VIEWER
from tests.fakes.machines import know_agent, know_host, know_machine, know_numbers
from tests.inbound.chat.fleets import DB_VIEWER, World, create_fleet, know_three


@pytest.fixture
def world() -> World:
    return create_fleet()


@pytest.fixture
def three(world: World) -> World:
    return know_three(world)


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
