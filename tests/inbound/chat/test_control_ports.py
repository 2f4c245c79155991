"""What listens on hosts, and what runs there, as people in the chat see it."""

from __future__ import annotations

import pytest

from agent.wire import Verb
from bridge import limits
from tests.fakes.chat import VIEWER
from tests.fakes.hands import told
from tests.inbound.chat.world import World


async def test_ports_are_listed(world: World) -> None:
    ports = [
        {
            "port": 22,
            "protocol": "tcp",
            "addresses": ["*"],
            "processes": [{"name": "sshd", "pid": 7}],
        },
        {"port": 8080, "protocol": "tcp", "addresses": ["127.0.0.1"], "unknown": "no helper"},
        "nonsense",
    ]
    world.hands.says = lambda _: told(ports=ports)
    [said] = await world.say("/op_port web-1")
    assert said.text.index("22") < said.text.index("8080")
    assert "sshd" in said.text
    world.hands.says = lambda _: told(ports=[])
    [said] = await world.say("/op_port web-1")
    assert "⚠️" in said.text


@pytest.mark.parametrize("word", ["abc", "0", "65536", "1;id", "-1"])
async def test_what_is_no_port_reaches_no_host(world: World, word: str) -> None:
    [said] = await world.say(f"/op_stop web-1 {word}")
    assert "port" in said.text
    assert world.hands.asked == []


async def test_a_listener_is_ended_once_somebody_confirms(world: World) -> None:
    facts = {"free": True, "ended": [{"name": "nc", "pid": 5}]}
    world.hands.says = lambda _: told(**facts)
    [question] = await world.say("/op_stop web-1 8080")
    assert world.hands.asked == []
    assert "8080" in question.text
    asks, said = await world.press(question.buttons["✅ Yes, do it"])
    [order] = world.hands.of(Verb.CLOSE)
    assert order.arguments == {"port": 8080}
    assert "ending" in asks.text
    assert "free" in said.text
    assert asks.telegram_id == said.telegram_id, "the question has become the answer"
    begun, ended = world.kept.entries
    assert begun.what == ended.what == "/op_stop web-1 8080"
    assert begun.on == "web-1 tcp:8080"
    assert (begun.detail, ended.detail) == ("begun", "done, the port is free")


async def test_a_host_that_tells_of_more_processes_than_there_can_be_is_cut_short(
    world: World,
) -> None:
    many = [{"pid": 1}] * 20_000
    world.hands.says = lambda _: told(free=True, ended=[{}] * 20_000, killed=many, again=many)
    [question] = await world.say("/op_stop web-1 8080")
    said = await world.press(question.buttons["✅ Yes, do it"])
    most = limits.CLOSED_PROCESSES
    assert said[-1].text.count("⏹") == most
    assert said[-1].text.count("🔁") == most
    assert f"and {20_000 - most} more" in said[-1].text


async def test_top_shows_processes_to_viewers(world: World) -> None:
    rows = [{"pid": 1, "user": "root", "name": "init", "cpu": 1.5, "memory": 1024}]
    world.hands.says = lambda _: told(processes=rows)
    [said] = await world.say("/top web-1 mem 3", VIEWER)
    assert "init" in said.text
    assert world.hands.asked[0].arguments == {"by": "mem", "count": 3}
