"""What fires, as somebody in the chat asks for it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bridge.core.access import Person, Role, Scope, parse_scope
from bridge.core.cards import Member
from bridge.core.firing import FiringAlert, FiringFacts
from bridge.core.keyboards import name_host
from bridge.inbound.chat.alerts import AlertsCommands
from bridge.inbound.chat.command import Commands
from tests.fakes.chat import NOON, VIEWER, FakeChat, Said
from tests.views.samples import alert

NOTHING: Any = None  # what these commands do not touch


async def ask(*firing: Member, text: str = "/alerts", scope: str = "") -> Said:
    """Ask what fires where this does."""

    class Firing:
        async def find(self, *, scope: Scope, host: str = "") -> FiringFacts:
            del scope
            alerts = tuple(FiringAlert(member=each) for each in firing)
            counts = Counter(each.severity for each in firing)
            return FiringFacts(alerts=alerts, counts=counts, host=host)

    commands = Commands()
    chat = FakeChat(commands)
    family = AlertsCommands(
        Firing(), NOTHING, lambda: chat.inventory, render_list=NOTHING, ask=NOTHING
    )
    for each in family.commands:
        commands.add(each)
    chat.people.known[VIEWER] = Person(
        user_id=VIEWER, role=Role.VIEWER, scope=parse_scope(scope.split())
    )
    [said] = await chat.say(text, VIEWER)
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


async def test_how_long_each_has_fired_is_told() -> None:
    said = await ask(alert("Agent1", started_at=NOON), text="/alerts agent1")
    assert said.text.splitlines() == [
        "🔴 1 alert fires · Agent1",
        "🔴 AgentDown · 0 s · Agent1 does not answer",
    ]
    assert said.buttons["🔄 Refresh"] == f"alerts {name_host('Agent1')}"
