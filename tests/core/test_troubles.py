"""What is bad about hosts, the worst first."""

from __future__ import annotations

import pytest

from bridge.core.answers import Value
from bridge.core.inventory import Host
from bridge.core.presence import Presence, State
from bridge.core.troubles import Troubled, choose_worst, read_checks, read_troubles


def host(name: str) -> Host:
    return Host(name=name, node_address="10.0.0.1:9100", line=1)


def presence(name: str, state: State = State.UP) -> Presence:
    return Presence(host=host(name), state=state)


def value(name: str, asked: str, number: float, **labels: str) -> Value:
    return Value(labels={"host": name, "asked": asked, **labels}, at=0.0, value=number)


def worst(values: list[Value], states: dict[str, State], most: int = 5) -> tuple[list[str], bool]:
    found, is_certain = choose_worst(
        [(host(name), state) for name, state in states.items()], values, most
    )
    return [each.name for each in found], is_certain


def test_the_worst_are_down_then_whoever_is_furthest_beyond_any_threshold() -> None:
    states = {"calm": State.UP, "busy": State.UP, "full": State.UP, "gone": State.DOWN}
    values = [
        value("calm", "cpu", 0.1),
        value("busy", "cpu", 1.1),
        value("busy", "mem", 1.2),
        value("full", "disk", 1.3),
        value("full", "cpu", 0.01),
        value("gone", "cpu", 0.5),
    ]
    assert worst(values, states) == (["gone", "full", "busy", "calm"], True)
    assert worst(values, states, most=2) == (["gone", "full"], True)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_no_trouble(number: float) -> None:
    assert worst([value("a", "cpu", number)], {"a": State.UP}) == ([], True)


def test_hosts_of_which_nothing_is_known_are_not_named() -> None:
    assert worst([], {"a": State.UP, "b": State.UNSEEN}) == ([], True)


def test_numbers_of_other_hosts_count_for_nothing() -> None:
    assert worst([value("hidden", "cpu", 9.0)], {"a": State.UP}) == ([], True)


def test_where_other_hosts_fill_the_answer_it_is_not_certain() -> None:
    others = [value(f"other-{number}", "cpu", 9.0) for number in range(46)]
    own = [value(name, "cpu", 2.0) for name in "abcd"]
    states = dict.fromkeys("abcdef", State.UP)
    assert worst([*others, *own], states) == (list("abcd"), False)
    assert worst([*others[1:], *own], states) == (list("abcd"), True)
    assert worst([*others, *own, value("e", "cpu", 1.0)], states) == (list("abcde"), True)


def told(*values: Value) -> Troubled:
    (found,) = read_troubles([presence("a")], values)
    return found


def test_all_that_is_bad_is_told_the_worst_first() -> None:
    found = told(
        value("a", "cpu", 88.0),
        value("a", "cpu threshold", 80.0),
        value("a", "mem", 20.0),
        value("a", "mem threshold", 85.0),
        value("a", "disk", 100.0, mountpoint="/srv"),
        value("a", "disk threshold", 90.0),
    )
    assert [(each.metric.key, each.place) for each in found.troubles] == [
        ("disk", "/srv"),
        ("cpu", ""),
    ]
    assert found.is_bad


def test_of_a_host_that_is_well_the_nearest_is_told() -> None:
    found = told(
        value("a", "cpu", 8.0),
        value("a", "cpu threshold", 80.0),
        value("a", "mem", 20.0),
        value("a", "mem threshold", 85.0),
    )
    assert [each.metric.key for each in found.troubles] == ["mem"]
    assert not found.is_bad


def test_at_its_threshold_a_number_is_not_yet_bad() -> None:
    assert not told(value("a", "cpu", 80.0), value("a", "cpu threshold", 80.0)).is_bad
    assert told(value("a", "cpu", 80.01), value("a", "cpu threshold", 80.0)).is_bad


def test_without_a_threshold_nothing_is_bad() -> None:
    found = told(value("a", "cpu", 99.0))
    assert found.troubles == ()
    assert not found.is_bad


def test_nothing_more_is_told_of_a_host_that_is_down() -> None:
    values = [value("a", "cpu", 99.0), value("a", "cpu threshold", 80.0)]
    (found,) = read_troubles([presence("a", State.DOWN)], values)
    assert found.troubles == ()
    assert found.is_bad


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
