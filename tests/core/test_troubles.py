"""What is bad about hosts, the worst first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.core.answers import Value
from bridge.core.inventory import Host
from bridge.core.presence import Presence, State
from bridge.core.troubles import Troubled, choose_worst, read_checks

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def presence(name: str, state: State = State.UP) -> Presence:
    return Presence(host=Host(name=name, node_address="10.0.0.1:9100", line=1), state=state)


def value(host: str, asked: str, number: float, **labels: str) -> Value:
    return Value(labels={"host": host, "asked": asked, **labels}, at=0.0, value=number)


def told(found: tuple[Troubled, ...]) -> list[tuple[str, list[str], bool]]:
    return [
        (each.presence.host.name, [trouble.metric.key for trouble in each.troubles], each.is_bad)
        for each in found
    ]


def test_the_worst_is_down_then_whoever_is_furthest_beyond_a_threshold() -> None:
    hosts = [presence("calm"), presence("busy"), presence("full"), presence("gone", State.DOWN)]
    values = [
        value("calm", "cpu", 10.0),
        value("calm", "mem", 20.0),
        value("busy", "cpu", 88.0),
        value("busy", "mem", 86.0),
        value("full", "disk", 100.0, mountpoint="/srv"),
        value("full", "cpu", 1.0),
        value("gone", "cpu", 100.0),
    ]
    found = choose_worst(hosts, values, 5)
    assert told(found) == [
        ("gone", [], True),
        ("full", ["disk"], True),
        ("busy", ["cpu", "mem"], True),
        ("calm", ["mem"], False),
    ]
    assert found[1].troubles[0].place == "/srv"
    assert told(choose_worst(hosts, values, 2)) == told(found)[:2]


def test_at_its_threshold_a_number_is_not_yet_bad() -> None:
    (found,) = choose_worst([presence("a")], [value("a", "cpu", 80.0)], 5)
    assert not found.is_bad
    (found,) = choose_worst([presence("a")], [value("a", "cpu", 80.01)], 5)
    assert found.is_bad


def test_a_host_s_own_threshold_counts() -> None:
    values = [value("a", "cpu", 90.0), value("a", "cpu threshold", 95.0)]
    (found,) = choose_worst([presence("a")], values, 5)
    assert not found.is_bad


def test_a_host_without_a_threshold_that_others_have_is_never_bad() -> None:
    values = [value("a", "cpu", 99.0), value("b", "cpu", 81.0), value("b", "cpu threshold", 80.0)]
    found = choose_worst([presence("a"), presence("b")], values, 5)
    assert [(each.presence.host.name, each.is_bad) for each in found] == [
        ("b", True),
        ("a", False),
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_no_trouble(number: float) -> None:
    assert choose_worst([presence("a")], [value("a", "cpu", number)], 5) == ()


def test_hosts_of_which_nothing_is_known_are_not_named() -> None:
    assert choose_worst([presence("a"), presence("b", State.UNSEEN)], [], 5) == ()


def test_numbers_of_other_hosts_count_for_nothing() -> None:
    assert choose_worst([presence("a")], [value("hidden", "cpu", 100.0)], 5) == ()


def test_checks_are_counted_and_those_that_fail_named() -> None:
    values = [
        Value(labels={"host": "a", "instance": "x"}, at=0, value=1),
        Value(labels={"host": "b", "instance": "y"}, at=0, value=0),
        Value(labels={"instance": "z"}, at=0, value=0),
    ]
    everything = read_checks(values, None)
    assert (everything.total, everything.failing) == (3, ("b", "z"))
    some = read_checks(values, ["a"])
    assert (some.total, some.failing) == (1, ())
