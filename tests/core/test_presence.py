"""Which hosts answer, since when, and how much of the time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.access import EVERYWHERE, parse_scope
from bridge.core.answers import Value
from bridge.core.inventory import Host
from bridge.core.presence import (
    MONTH,
    State,
    choose_hosts,
    narrow,
    read_instant,
    read_presence,
    read_states,
    read_targets,
    write_presence,
)
from tests.fakes.prometheus import FakePrometheus, evaluate, split_alternatives

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON = NOW.timestamp()


def host(name: str, *, agent: bool = False) -> Host:
    return Host(
        name=name, node_address="10.0.0.1:9100", agent_address="a:1" if agent else None, line=1
    )


def value(name: str, asked: str, number: float, job: str = "") -> Value:
    labels = {"host": name, "asked": asked, **({"job": job} if job else {})}
    return Value(labels=labels, at=NOON, value=number)


def test_those_that_are_down_come_first_then_those_nobody_watches() -> None:
    up = {"a": 1.0, "b": 0.0, "d": 1.0, "hidden": 0.0}
    values = [Value(labels={"host": name}, at=NOON, value=state) for name, state in up.items()]
    found = read_states(values, [host(name) for name in "abcd"])
    assert [(each.name, state) for each, state in found] == [
        ("b", State.DOWN),
        ("c", State.UNSEEN),
        ("a", State.UP),
        ("d", State.UP),
    ]


def test_an_agent_that_is_up_does_not_make_its_host_up() -> None:
    values = [value("a", "up", 0, "node"), value("a", "up", 1, "agent")]
    (found,) = read_presence(values, [host("a", agent=True)], now=NOW)
    assert (found.state, found.agent) == (State.DOWN, State.UP)


def test_a_host_without_an_agent_has_none_whatever_prometheus_says() -> None:
    (found,) = read_presence([value("a", "up", 1, "agent")], [host("a")], now=NOW)
    assert found.agent is None


def ceiling(level: str, number: float = 1.0) -> Value:
    labels = {"host": "a", "asked": "ceiling", "level": level}
    return Value(labels=labels, at=NOON, value=number)


@pytest.mark.parametrize(
    ("claimed", "shown"),
    [
        ({"monitor": 0, "actions": 1, "shell": 0}, "actions"),
        ({"monitor": 1, "actions": 0, "shell": 0}, "monitor"),
        ({"monitor": 1, "actions": 0, "shell": 1}, "shell"),
        ({"root": 1}, ""),
        ({}, ""),
    ],
)
def test_what_a_host_allows_is_what_its_agent_says_and_of_two_the_higher(
    claimed: dict[str, float], shown: str
) -> None:
    values = [value("a", "up", 1, "agent")]
    values += [ceiling(level, number) for level, number in claimed.items()]
    (found,) = read_presence(values, [host("a", agent=True)], now=NOW)
    assert found.ceiling == shown


@pytest.mark.parametrize("up", [0.0, None])
def test_what_a_host_allowed_once_is_not_what_it_allows_unheard(up: float | None) -> None:
    values = [ceiling("actions")] + ([] if up is None else [value("a", "up", up, "agent")])
    (found,) = read_presence(values, [host("a", agent=True)], now=NOW)
    assert found.ceiling == ""


def test_without_an_agent_there_is_no_ceiling_whatever_prometheus_says() -> None:
    values = [value("a", "up", 1, "agent"), ceiling("shell")]
    (found,) = read_presence(values, [host("a")], now=NOW)
    assert found.ceiling == ""


def test_hosts_that_are_not_asked_for_are_not_shown() -> None:
    found = read_presence([value("hidden", "up", 0, "node")], [host("a")], now=NOW)
    assert [each.host.name for each in found] == ["a"]


@pytest.mark.parametrize(
    ("first", "hours", "observed"),
    [
        (timedelta(minutes=12), None, timedelta(minutes=12)),
        (timedelta(hours=5), 5, timedelta(hours=5)),
        # Prometheus was away and has forgotten when it first saw the host; the hours are kept.
        (timedelta(minutes=2), 481, timedelta(hours=480)),
        (timedelta(days=400), 721, MONTH),
        (timedelta(days=29, hours=23, minutes=30), 720, MONTH),
        (None, 11, timedelta(hours=10)),
        (None, None, timedelta(hours=1)),
        (timedelta(hours=-1), None, timedelta(0)),
    ],
)
def test_availability_is_that_of_the_time_a_host_was_watched(
    first: timedelta | None, hours: int | None, observed: timedelta
) -> None:
    values = [value("a", "up", 1, "node"), value("a", "share" if hours else "lately", 0.5)]
    if first is not None:
        values.append(value("a", "first", (NOW - first).timestamp()))
    if hours is not None:
        values.append(value("a", "hours", hours))
    (found,) = read_presence(values, [host("a")], now=NOW)
    assert (found.share, found.observed) == (0.5, observed)


@given(
    numbers=st.lists(
        st.tuples(
            st.sampled_from(["up", "at", "since", "first", "share", "hours", "lately"]), st.floats()
        )
    )
)
def test_whatever_numbers_come_each_host_stands_somehow(numbers: list[tuple[str, float]]) -> None:
    values = [
        value("a", asked, number, "node" if asked in {"up", "at"} else "")
        for asked, number in numbers
    ]
    (found,) = read_presence(values, [host("a")], now=NOW)
    assert found.observed is None or timedelta(0) <= found.observed <= MONTH


@pytest.mark.parametrize("seconds", [None, float("nan"), float("inf"), -1.0, 1e300])
def test_what_is_no_moment_is_none(seconds: float | None) -> None:
    assert read_instant(seconds) is None


def test_few_hosts_are_asked_about_by_name_and_many_all_at_once() -> None:
    scope = parse_scope(["group=db"])
    few = [host(f"h{number}") for number in range(limits.ASKED_HOSTS)]
    assert narrow(few, scope) == [each.name for each in few]
    assert narrow([*few, host("one-more")], scope) is None
    assert narrow(few, EVERYWHERE) is None


@given(name=st.text(min_size=1, max_size=60))
def test_no_name_of_a_host_breaks_out_of_the_question(name: str) -> None:
    written = choose_hosts([name, "b"], 'job="node"')
    match = re.fullmatch(r'\{job="node",host=~"((?:[^"\\\n]|\\.)*)"\}', written)
    assert match is not None
    assert len(split_alternatives(write_presence([name]))) == len(
        split_alternatives(write_presence(["a"]))
    )


def test_the_question_is_about_the_hosts_alone_and_everything_asked_is_answered() -> None:
    prometheus = FakePrometheus()
    for name in ("a", "b"):
        prometheus.know("up", 1.0, NOW, host=name, job="node")
        prometheus.know("host:up:since", 5.0, NOW, host=name)
    found = list(evaluate(write_presence(["a"]), prometheus.samples))
    assert {each.labels["host"] for each in found} == {"a"}
    assert {each.labels["asked"] for each in found} == {"up", "at", "since", "lately"}


def test_targets_of_hidden_hosts_and_of_no_host_are_for_those_who_see_all() -> None:
    values = [
        Value(labels={"asked": "up", "job": "http", "host": "a", "instance": "x"}, at=0, value=1),
        Value(labels={"asked": "up", "job": "http", "host": "b", "instance": "y"}, at=0, value=0),
        Value(labels={"asked": "up", "job": "cadvisor", "instance": "z"}, at=0, value=1),
        Value(
            labels={"asked": "at", "job": "http", "host": "a", "instance": "x"}, at=0, value=NOON
        ),
    ]
    assert [each.name for each in read_targets(values, None)] == ["b", "z", "a"]
    (seen,) = read_targets(values, ["a"])
    assert (seen.name, seen.is_up, seen.sampled_at) == ("a", True, NOW)
