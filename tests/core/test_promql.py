from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.promql import (
    CPU,
    DISK,
    METRICS,
    NETWORK,
    Metric,
    align,
    choose_moments,
    step_for,
    write_current,
    write_last_seen,
    write_range,
)
from bridge.core.windows import Window, last
from bridge.limits import CHART_POINTS, PROMETHEUS_POINTS
from tests.core.test_quoting import read_string

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
NOW = datetime(2026, 11, 20, 14, 6, 22, 500_000, tzinfo=UTC)
SCRAPE = timedelta(seconds=15)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


def write_all(metric: Metric, host: str) -> list[str]:
    return [
        write_current([metric], [host]),
        write_last_seen(metric, host),
        write_range(metric, host, step=SCRAPE, scrape=SCRAPE),
        write_range(metric, host, step=4 * SCRAPE, scrape=SCRAPE),
    ]


def shape(query: str) -> str:
    """Leave out what the strings hold."""
    return STRING.sub('""', query)


@given(NAMES, st.sampled_from(list(METRICS.values())))
def test_no_name_of_a_host_changes_the_shape_of_a_query(name: str, metric: Metric) -> None:
    for hostile, plain in zip(write_all(metric, name), write_all(metric, "web-1"), strict=True):
        assert shape(hostile) == shape(plain)
        strings = [read_string(each) for each in STRING.findall(hostile)]
        assert strings.count(name) >= plain.count('"web-1"')


@pytest.mark.parametrize(
    "name", ['x",foo=~".*', 'x"} or vector(1) #', "x\\", "x\n", 'x\\"', "x\\\\"]
)
def test_a_hostile_name_stays_within_its_quotes(name: str) -> None:
    for query in write_all(CPU, name):
        assert shape(query) in map(shape, write_all(CPU, "web-1"))


def test_every_series_that_is_asked_for_is_recorded() -> None:
    groups = yaml.safe_load((RULES / "hosts.yml").read_text())["groups"]
    recorded = {rule["record"] for group in groups for rule in group["rules"]}
    asked = {line.series for metric in METRICS.values() for line in metric.lines}
    asked |= {metric.threshold for metric in METRICS.values() if metric.threshold}
    assert asked <= recorded


def test_the_alerts_of_a_metric_are_those_that_name_its_resource() -> None:
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    labels = [rule["labels"] for group in groups for rule in group["rules"]]
    resources = {each["resource"] for each in labels if "resource" in each}
    assert resources <= {metric.resource for metric in METRICS.values()}
    assert "AgentDown" in {rule["alert"] for group in groups for rule in group["rules"]}


def test_many_hosts_and_all_hosts_are_one_question() -> None:
    assert 'up{job="node",host=~"a\\\\.b|web-1"}' in write_current([CPU], ["a.b", "web-1"])
    everywhere = write_current([CPU, DISK], None)
    assert 'up{job="node"}' in everywhere
    assert "host=" not in everywhere


def test_a_step_that_hides_samples_asks_for_the_least_and_the_most_as_well() -> None:
    sharp = write_range(NETWORK, "web-1", step=SCRAPE, scrape=SCRAPE)
    assert sharp.count("last_over_time(host:network") == 2
    assert "[30s]" in sharp
    assert "min_over_time" not in sharp
    long = write_range(NETWORK, "web-1", step=8 * SCRAPE, scrape=SCRAPE)
    for function in ("avg_over_time", "min_over_time", "max_over_time"):
        assert f'{function}(host:network_transmit_bits:rate5m{{host="web-1"}}[2m])' in long


SPANS = st.timedeltas(timedelta(minutes=1), timedelta(days=3660))
SCRAPES = st.sampled_from([timedelta(seconds=each) for each in (1, 5, 15, 60, 120)])


@given(SPANS, SCRAPES, st.integers(1, 20_000))
def test_no_picture_asks_for_more_points_than_prometheus_gives(
    span: timedelta, scrape: timedelta, points: int
) -> None:
    window = Window(start=NOW - span, end=NOW)
    step = step_for(window, scrape, points)
    start, end = align(window, step)
    assert (end - start) // step.total_seconds() + 1 <= min(points + 2, PROMETHEUS_POINTS + 1)
    assert step >= scrape
    assert step % timedelta(seconds=1) == timedelta(0)


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        (timedelta(minutes=5), 15),
        (timedelta(hours=1), 15),
        (timedelta(minutes=125), 15),
        (timedelta(days=1), 180),
        (timedelta(days=30), 5190),
        (timedelta(days=180), 31110),
    ],
)
def test_a_picture_is_as_sharp_as_it_can_be_shown(span: timedelta, seconds: int) -> None:
    step = step_for(last(span, NOW), SCRAPE)
    assert step == timedelta(seconds=seconds)
    assert step == SCRAPE or span / step > 0.95 * CHART_POINTS


def test_the_same_picture_a_moment_later_has_the_same_points() -> None:
    window, later = (last(timedelta(days=1), NOW + timedelta(seconds=each)) for each in (0, 40))
    step = step_for(window, SCRAPE)
    assert step_for(later, SCRAPE) == step
    assert align(window, step) == align(later, step)
    assert all(moment % 180 == 0 for moment in align(window, step))


@given(
    span=st.timedeltas(min_value=timedelta(minutes=1), max_value=timedelta(days=180)),
    scrape=st.integers(1, 120),
    at=st.integers(1_700_000_000, 1_800_000_000),
)
def test_the_last_moment_asked_for_is_the_last_scrape_whatever_the_step(
    span: timedelta, scrape: int, at: int
) -> None:
    end = datetime.fromtimestamp(at, UTC)
    window = Window(start=end - span, end=end)
    step = step_for(window, timedelta(seconds=scrape))
    first, last = choose_moments(window, step=step, scrape=timedelta(seconds=scrape))
    assert 0 <= at - last < scrape
    assert (last - first) % (step // timedelta(seconds=1)) == 0
    assert first >= window.start.timestamp() - scrape
    assert (last - first) / step.total_seconds() <= CHART_POINTS
