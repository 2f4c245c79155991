from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.core.answers import Value
from bridge.core.promql import CPU, DISK, NETWORK, Metric
from bridge.core.readings import Condition, Reading, read_current, read_last_seen
from tests.fakes.clock import NOON

SCRAPE = timedelta(seconds=15)


def sampled(asked: str, value: float, *, ago: float = 5, **labels: str) -> Iterator[Value]:
    """Answer as Prometheus does: a value and its time bear the time of the question."""
    now = NOON.timestamp()
    own = {"host": "web-1", **labels}
    yield Value(labels={**own, "asked": f"{asked}.value"}, at=now, value=value)
    yield Value(labels={**own, "asked": f"{asked}.time"}, at=now, value=now - ago)


def read(metric: Metric, *values: Value) -> Reading:
    return read_current(values, metric, ["web-1"], now=NOON, scrape=SCRAPE)["web-1"]


UP = tuple(sampled("up", 1, job="node", instance="10.0.0.1:9100"))
DOWN = tuple(sampled("up", 0, job="node", instance="10.0.0.1:9100"))


def test_a_young_sample_is_fresh_and_bears_its_own_time() -> None:
    reading = read(CPU, *UP, *sampled("cpu.one", 12.34))
    assert reading.condition is Condition.FRESH
    assert [number.value for number in reading.numbers] == [12.34]
    assert reading.at == reading.numbers[0].at == NOON - timedelta(seconds=5)
    assert reading.scraped_at == NOON - timedelta(seconds=5)


@pytest.mark.parametrize(("ago", "condition"), [(45, Condition.FRESH), (46, Condition.OLD)])
def test_a_sample_that_a_younger_one_should_have_followed_is_old(
    ago: int, condition: Condition
) -> None:
    assert read(CPU, *UP, *sampled("cpu.one", 1, ago=ago)).condition is condition


def test_a_host_that_does_not_answer_is_down_whatever_is_left_of_it() -> None:
    assert read(CPU, *DOWN, *sampled("cpu.one", 12)).condition is Condition.DOWN
    assert read(CPU, *DOWN).condition is Condition.DOWN


def test_a_host_that_answers_without_the_metric_has_none() -> None:
    assert read(CPU, *UP).condition is Condition.ABSENT
    assert read(CPU, *UP, *sampled("cpu.one", math.nan)).condition is Condition.ABSENT
    assert read(CPU).condition is Condition.ABSENT


def test_the_threshold_comes_along() -> None:
    threshold = Value(labels={"host": "web-1", "asked": "cpu.threshold"}, at=0, value=80)
    assert read(CPU, *UP, threshold).threshold == 80
    assert read(CPU, *UP).threshold is None
    for value in (math.inf, math.nan):  # an alert that is switched off
        assert read(CPU, *UP, replace(threshold, value=value)).threshold is None


def test_file_systems_are_in_order_the_root_first_and_none_twice() -> None:
    places = {"/var": "sdb", "/": "sda", "/bind": "sda", "/home": "sdc"}
    values = [
        value
        for mountpoint, device in places.items()
        for value in sampled("disk.one", 50, mountpoint=mountpoint, device=device)
    ]
    numbers = read(DISK, *UP, *values).numbers
    assert [number.labels["mountpoint"] for number in numbers] == ["/", "/home", "/var"]


def test_the_directions_are_told_apart() -> None:
    values = [*sampled("net.out", 5), *sampled("net.in", 7)]
    reading = read(NETWORK, *UP, *values)
    assert [(number.line, number.value) for number in reading.numbers] == [("in", 7), ("out", 5)]


def test_each_host_of_an_answer_gets_its_own_and_one_without_any_is_absent() -> None:
    values = [*UP, *sampled("cpu.one", 1), *sampled("cpu.one", 2, host="web-2")]
    readings = read_current(values, CPU, ["web-1", "web-2", "web-3"], now=NOON, scrape=SCRAPE)
    assert [each.numbers[0].value for each in list(readings.values())[:2]] == [1, 2]
    assert readings["web-3"].condition is Condition.ABSENT


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, 1e300])
def test_a_time_that_is_none_breaks_nothing(value: float) -> None:
    time = Value(labels={"host": "web-1", "asked": "cpu.one.time"}, at=0, value=value)
    number, _ = sampled("cpu.one", 1)
    assert read(CPU, number, time).at is not None


def test_the_last_sample_of_a_silent_host_is_told_if_there_was_one() -> None:
    seen = (NOON - timedelta(days=3)).timestamp()
    assert read_last_seen([Value(labels={}, at=0, value=seen)]) == NOON - timedelta(days=3)
    assert read_last_seen([]) is None
