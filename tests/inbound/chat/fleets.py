"""Chats whose hosts are known to Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.core.access import Person, Role, Scope, parse_scope
from bridge.core.alerts import Severity
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.fleet import Fleet
from bridge.inbound.chat.hosts import Hosts
from tests.fakes.chat import NOON, VIEWER, FakeChat
from tests.fakes.machines import know_host, know_numbers
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


def create_fleet() -> World:
    """Build a chat that is asked about hosts."""
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


def know_three(world: World) -> World:
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
