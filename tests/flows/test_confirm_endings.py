from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from bridge import limits
from bridge.core.cards import CardFacts, Ending, Member
from bridge.core.endings import Sample
from bridge.errors import Outage
from bridge.flows.confirm_endings import Witness, confirm_endings
from tests.fakes.clock import NOON

PATIENCE = timedelta(milliseconds=50)


class FakePrometheus:
    """Knows the `up` of hosts, and which questions were asked."""

    def __init__(self, **hosts: float) -> None:
        self.hosts = hosts
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_down = False

    async def fetch(self, promql: str) -> list[Sample]:
        self.asked.append(promql)
        await self.gate.wait()
        if self.is_down:
            raise Outage("Prometheus", "cannot be asked")
        return [
            Sample(labels={"host": host, "job": "node"}, value=value)
            for host, value in self.hosts.items()
            if host in promql
        ]


def member(
    host: str,
    number: int,
    *,
    is_firing: bool = False,
    ending: Ending | None = None,
    labels: Mapping[str, str] | None = None,
) -> Member:
    return Member(
        labels=labels or {"host": host, "feed": "node", "scope": "host"},
        annotations={},
        started_at=NOON - timedelta(hours=1),
        ended_at=None if is_firing else NOON,
        ending=ending,
        episode_id=number,
    )


def card(*members: Member) -> CardFacts:
    return CardFacts(members=members, group_labels={})


async def test_a_dead_host_and_one_that_was_removed_have_not_recovered() -> None:
    prometheus = FakePrometheus(alive=1, dead=0, removed=2)
    shown, news = await confirm_endings(
        card(
            *(member(host, n) for n, host in enumerate(("alive", "dead", "removed", "foreign"), 1)),
            member("dead", 5, is_firing=True),
            member("", 6, labels={"alertname": "Nightly", "scope": "pipeline"}),
        ),
        witness=Witness(prometheus),
        patience=PATIENCE,
        now=NOON,
    )
    assert [each.ending for each in shown.members] == [
        Ending.RECOVERED,
        Ending.UNREACHABLE,
        Ending.UNMONITORED,
        Ending.RECOVERED,
        None,
        Ending.RECOVERED,
    ]
    assert news == {n: each.ending for n, each in enumerate(shown.members, 1) if each.ending}
    assert len(prometheus.asked) == 1


async def test_a_card_that_only_fires_or_is_confirmed_asks_nobody() -> None:
    prometheus = FakePrometheus()
    facts = card(member("a", 1, is_firing=True), member("b", 2, ending=Ending.RECOVERED))
    shown, news = await confirm_endings(
        facts, witness=Witness(prometheus), patience=PATIENCE, now=NOON
    )
    assert (shown, news, prometheus.asked) == (facts, {}, [])


async def test_a_host_that_answers_again_turns_green_at_the_next_look() -> None:
    prometheus = FakePrometheus(web=0)
    witness = Witness(prometheus)
    shown, _ = await confirm_endings(
        card(member("web", 1)), witness=witness, patience=PATIENCE, now=NOON
    )
    prometheus.hosts["web"] = 1
    later = NOON + limits.CONFIRM_MEMORY
    shown, news = await confirm_endings(shown, witness=witness, patience=PATIENCE, now=later)
    assert shown.members[0].ending is Ending.RECOVERED
    assert news == {1: Ending.RECOVERED}


async def test_a_slow_prometheus_delays_no_card_and_is_not_waited_for_twice() -> None:
    prometheus = FakePrometheus(web=1)
    prometheus.gate.clear()
    witness = Witness(prometheus)
    for _ in range(20):
        async with asyncio.timeout(60):
            shown, _ = await confirm_endings(
                card(member("web", 1)), witness=witness, patience=PATIENCE, now=NOON
            )
        assert shown.members[0].ending is Ending.UNCONFIRMED
    assert len(prometheus.asked) == 1
    prometheus.gate.set()
    shown, _ = await confirm_endings(
        shown, witness=witness, patience=PATIENCE, now=NOON + limits.CONFIRM_MEMORY
    )
    assert shown.members[0].ending is Ending.RECOVERED


async def test_a_prometheus_that_is_down_leaves_ends_unconfirmed_and_takes_nothing_back() -> None:
    prometheus = FakePrometheus()
    prometheus.is_down = True
    shown, news = await confirm_endings(
        card(member("web", 1), member("db", 2, ending=Ending.UNREACHABLE)),
        witness=Witness(prometheus),
        patience=PATIENCE,
        now=NOON,
    )
    assert [each.ending for each in shown.members] == [Ending.UNCONFIRMED, Ending.UNREACHABLE]
    assert news == {1: Ending.UNCONFIRMED}


async def test_what_one_question_has_answered_is_kept_when_the_next_fails() -> None:
    hosts = {f"h{each:03}-{'x' * 60}": 1.0 for each in range(120)}
    prometheus = FakePrometheus(**hosts)
    witness = Witness(prometheus)
    facts = card(*(member(host, n) for n, host in enumerate(hosts, 1)))
    fetch = prometheus.fetch

    async def fail_after_the_first(promql: str) -> list[Sample]:
        prometheus.is_down = len(prometheus.asked) > 0
        return await fetch(promql)

    prometheus.fetch = fail_after_the_first  # type: ignore[method-assign]  # the outage
    shown, _ = await confirm_endings(facts, witness=witness, patience=PATIENCE, now=NOON)
    endings = [each.ending for each in shown.members]
    assert set(endings) == {Ending.RECOVERED, Ending.UNCONFIRMED}
    for each in shown.members:
        is_asked = each.labels["host"] in prometheus.asked[0]
        assert each.ending is (Ending.RECOVERED if is_asked else Ending.UNCONFIRMED)
    assert len(prometheus.asked) == 2


async def test_a_wave_of_ends_costs_two_questions() -> None:
    hosts = {f"web{each}": 1.0 for each in range(100)}
    prometheus = FakePrometheus(**hosts)
    prometheus.gate.clear()
    witness = Witness(prometheus)

    async def confirm(host: str) -> CardFacts:
        return (
            await confirm_endings(
                card(member(host, 1)), witness=witness, patience=timedelta(minutes=1), now=NOON
            )
        )[0]

    tasks = [asyncio.create_task(confirm(host)) for host in hosts]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    prometheus.gate.set()
    shown = await asyncio.gather(*tasks)
    assert {each.members[0].ending for each in shown} == {Ending.RECOVERED}
    assert len(prometheus.asked) <= 2


async def test_an_answer_is_remembered_for_a_moment_only() -> None:
    prometheus = FakePrometheus(web=1)
    witness = Witness(prometheus)
    for seconds, questions in ((0, 1), (4, 1), (5, 2)):
        now = NOON + timedelta(seconds=seconds)
        await confirm_endings(card(member("web", 1)), witness=witness, patience=PATIENCE, now=now)
        assert len(prometheus.asked) == questions


async def test_what_is_no_hosts_is_green_only_while_prometheus_answers() -> None:
    nightly = member("", 1, labels={"alertname": "Nightly", "scope": "pipeline"})
    prometheus = FakePrometheus()
    witness = Witness(prometheus)
    prometheus.is_down = True
    shown, _ = await confirm_endings(card(nightly), witness=witness, patience=PATIENCE, now=NOON)
    assert shown.members[0].ending is Ending.UNCONFIRMED
    prometheus.is_down = False
    later = NOON + limits.CONFIRM_MEMORY
    shown, news = await confirm_endings(shown, witness=witness, patience=PATIENCE, now=later)
    assert news == {1: Ending.RECOVERED}
    assert prometheus.asked == ["vector(1)", "vector(1)"]
