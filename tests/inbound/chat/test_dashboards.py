"""Answers in the chat lead to the dashboards of somebody's Grafana."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from bridge.core.access import Scope
from bridge.core.alerts import Severity
from bridge.core.stats import StatsFacts
from bridge.inbound.chat.books import BooksCommands
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.fleet import Fleet
from bridge.inbound.chat.hosts import Hosts
from bridge.inbound.chat.pictures import Pictures, Times
from bridge.inbound.chat.readings import Readings
from bridge.views.dashboards import NO_DASHBOARDS, Dashboards
from tests.fakes.artist import FakeArtist
from tests.fakes.chat import ADMIN, NOON, FakeChat
from tests.fakes.machines import know_host, know_machine, know_numbers
from tests.fakes.prometheus import FakePrometheus
from tests.inbound.chat.test_books import FullAudit

SCRAPE = timedelta(seconds=15)
GRAFANA = "https://grafana.example.com"
HOST = f"{GRAFANA}/d/opswire-host/host?var-host=Agent1"
ONE_HOUR = f"from={NOON.timestamp() - 3600:.0f}000&to={NOON.timestamp():.0f}000"


class FakeAlerts:
    async def firing(self, scope: Scope) -> Mapping[Severity, int]:
        del scope
        return {}


async def tell_stats() -> StatsFacts:
    return StatsFacts(
        version="1",
        started_at=NOON,
        checks={},
        waiting=0,
        unheard=0,
        oldest=None,
        unaccounted=0,
        sends={},
        commands=0,
        alerts=0,
        hearing=1,
        broken={},
        people=1,
    )


async def ask(text: str, dashboards: Dashboards) -> list[str]:
    """Ask in a chat that knows three hosts; give the addresses in the answer."""
    commands, prometheus = Commands(), FakePrometheus()
    chat = FakeChat(commands, dashboards=dashboards)
    hosts = Hosts(inventory=lambda: chat.inventory)
    times = Times(scrape=SCRAPE, retention=timedelta(days=180))
    families = (
        Fleet(hosts, prometheus=prometheus, alerts=FakeAlerts(), scrape=SCRAPE),
        Readings(hosts, prometheus=prometheus, scrape=SCRAPE),
        Pictures(hosts, prometheus=prometheus, artist=FakeArtist(), times=times),
        BooksCommands(tell_stats, FullAudit(1)),
    )
    for each in (command for family in families for command in family.commands):
        commands.add(each)
    for name in ("Server", "Agent1", "Agent2"):
        know_host(prometheus, name, NOON)
        know_numbers(prometheus, name, NOON)
        know_machine(prometheus, name, NOON)
    [said] = await chat.say(text, ADMIN)
    assert chat.faults == []
    return [str(each.url) for each in said.content.text.entities if each.kind == "text_link"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/mon_cpu_picture Agent1 60", f"{HOST}&{ONE_HOUR}&viewPanel=21"),
        ("/mon_mem_picture Agent1 60", f"{HOST}&{ONE_HOUR}&viewPanel=23"),
        ("/mon_disk_picture Agent1 60", f"{HOST}&{ONE_HOUR}&viewPanel=31"),
        ("/mon_net_picture Agent1 60", f"{HOST}&{ONE_HOUR}&viewPanel=41"),
        ("/mon_load_picture Agent1 60", f"{HOST}&{ONE_HOUR}&viewPanel=22"),
        ("/mon_cpu Agent1", f"{HOST}&from=now-1h&to=now&viewPanel=21"),
        ("/mon_disk Agent1", f"{HOST}&from=now-1h&to=now&viewPanel=31"),
        ("/status Agent1", f"{HOST}&from=now-1h&to=now"),
        ("/status", f"{GRAFANA}/d/opswire-fleet/fleet?from=now-1h&to=now"),
        ("/stats", f"{GRAFANA}/d/opswire-bridge/opswire?from=now-1h&to=now"),
    ],
)
async def test_an_answer_leads_to_what_it_is_about(text: str, address: str) -> None:
    assert await ask(text, Dashboards(GRAFANA)) == [address]
    assert await ask(text, NO_DASHBOARDS) == []


async def test_a_picture_of_nothing_leads_there_all_the_same() -> None:
    commands = Commands()
    chat = FakeChat(commands, dashboards=Dashboards(GRAFANA))
    family = Pictures(
        Hosts(inventory=lambda: chat.inventory),
        prometheus=FakePrometheus(),
        artist=FakeArtist(),
        times=Times(scrape=SCRAPE, retention=timedelta(days=180)),
    )
    for each in family.commands:
        commands.add(each)
    [said] = await chat.say("/mon_cpu_picture Agent1 60", ADMIN)
    assert said.content.photo is None
    [link] = [each for each in said.content.text.entities if each.kind == "text_link"]
    assert link.url == f"{HOST}&{ONE_HOUR}&viewPanel=21"
