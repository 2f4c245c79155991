"""What fires, as somebody in the chat asks for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bridge.core.access import Person, Role, Scope, parse_scope
from bridge.core.alerts import Severity
from bridge.core.audience import Destination
from bridge.core.cards import CardFacts, Member
from bridge.core.firing import FiringAlert, FiringFacts
from bridge.core.formatted import Content, Formatted
from bridge.core.keyboards import name_host
from bridge.inbound.chat.alerts import AlertsCommands
from bridge.inbound.chat.command import Asked, Commands
from tests.fakes.chat import NOON, VIEWER, FakeChat, Said
from tests.views.samples import alert

NOTHING: Any = None  # what these commands do not touch
RETENTION = timedelta(days=180)


@dataclass
class World:
    """A chat in which alerts fire, and one card stands."""

    chat: FakeChat
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """What the chart's button has asked of other commands."""


def create_world(*firing: Member, left_out: int = 0) -> World:
    """Build it; there may be more alerts than are told one by one."""

    class Firing:
        async def find(self, *, scope: Scope, host: str = "") -> FiringFacts:
            del scope
            alerts = tuple(FiringAlert(member=each) for each in firing)
            counts = Counter(each.severity for each in firing)
            counts[Severity.WARNING] += left_out
            return FiringFacts(alerts=alerts, counts=counts, host=host)

    class Cards:
        async def find(
            self, card_id: int, *, here: Destination, scope: Scope, below: int | None = None
        ) -> CardFacts:
            del card_id, here, scope, below
            return CardFacts(members=firing, group_labels={})

    async def note(asked: Asked, name: str, words: tuple[str, ...]) -> Content:
        world.asked.append((name, words))
        return Content(text=Formatted(asked.command))

    commands = Commands()
    world = World(FakeChat(commands))
    family = AlertsCommands(
        Firing(),
        Cards(),
        lambda: world.chat.inventory,
        render_list=NOTHING,
        ask=note,
        retention=RETENTION,
    )
    for each in family.commands:
        commands.add(each)
    return world


async def ask(*firing: Member, text: str = "/alerts", scope: str = "") -> Said:
    """Ask what fires where this does."""
    world = create_world(*firing)
    world.chat.people.known[VIEWER] = Person(
        user_id=VIEWER, role=Role.VIEWER, scope=parse_scope(scope.split())
    )
    [said] = await world.chat.say(text, VIEWER)
    return said


async def test_the_hosts_that_are_worst_off_are_offered() -> None:
    firing = [alert(host) for host in ("Agent1", "agent2", "Agent1", "Server")]
    said = await ask(*firing)
    assert said.text.startswith("🔴 4 alerts fire")
    assert said.buttons == {
        "🔄 Refresh": "alerts",
        "Agent1": f"status {name_host('Agent1')}",
        "Agent2": f"status {name_host('Agent2')}",
        "Server": f"status {name_host('Server')}",
    }


async def test_a_button_leads_to_hosts_that_can_be_asked_about_and_to_no_other() -> None:
    firing = [alert(host) for host in ("opswire", " ", "x" * 5000, "Agent1")]
    said = await ask(*firing)
    assert [*said.buttons] == ["🔄 Refresh", "Agent1"]
    said = await ask(*firing, scope="group=web")
    assert [*said.buttons] == ["🔄 Refresh"]


@pytest.mark.parametrize("language", ["en", "ru", "zh_TW"])
@pytest.mark.parametrize("count", [1, 16, 17, 50])
async def test_of_many_as_many_are_told_as_fit_and_the_rest_is_counted(
    language: str, count: int
) -> None:
    firing = [alert(f"{'h' * 58}{each:02}", "N" * 60, started_at=NOON) for each in range(count)]
    world = create_world(*firing, left_out=7)
    world.chat.places.language = language
    [said] = await world.chat.say("/alerts", VIEWER)
    assert len(said.text) <= 4096
    assert len(said.content.text.entities) <= 100
    _, *lines, last = said.text.splitlines()
    assert len(lines) >= min(count, 15)
    assert str(7 + count - len(lines)) in last


async def test_how_long_each_has_fired_is_told() -> None:
    said = await ask(alert("Agent1", started_at=NOON), text="/alerts agent1")
    assert said.text.splitlines() == [
        "🔴 1 alert fires · Agent1",
        "🔴 AgentDown · 0 s · Agent1 does not answer",
    ]
    assert said.buttons["🔄 Refresh"] == f"alerts {name_host('Agent1')}"


@pytest.mark.parametrize(
    ("began", "over", "times"),
    [
        (timedelta(minutes=2), None, ("60",)),
        (timedelta(hours=5), None, ("330",)),
        (timedelta(hours=7), timedelta(hours=6, minutes=30), ("0315", "45")),
        (timedelta(days=3), timedelta(days=2), ("4350",)),
    ],
)
async def test_the_chart_behind_a_card_shows_the_time_in_which_its_alert_fired(
    began: timedelta, over: timedelta | None, times: tuple[str, ...]
) -> None:
    ended_at = NOON - over if over else None
    fired = alert(
        "web-1", "AgentHighCPU", started_at=NOON - began, ended_at=ended_at, resource="cpu"
    )
    world = create_world(fired)
    await world.chat.press("chart 1", VIEWER)
    assert world.asked == [("mon_cpu_picture", ("web-1", *times))]
