from __future__ import annotations

import math
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from bridge.core.answers import Answer, Kind
from bridge.core.charts import (
    ChartFacts,
    Curve,
    Look,
    Shade,
    Threshold,
    compose_chart,
    compose_query_chart,
    name_apart,
)
from bridge.core.promql import CPU, DISK, LOAD, NETWORK, Metric
from bridge.core.series import Series
from bridge.core.windows import Window
from bridge.limits import CHART_CURVES

NOON = 1_763_640_000
WINDOW = Window(
    start=datetime.fromtimestamp(NOON, UTC), end=datetime.fromtimestamp(NOON + 300, UTC)
)
STEP = timedelta(seconds=30)
LOOK = Look(zone="Europe/Berlin", dark=True, say=lambda message: f"~{message}")


def series(asked: str, *values: float, start: int = NOON, **labels: str) -> Series:
    points = tuple((start + 30.0 * index, value) for index, value in enumerate(values))
    return Series(labels={"host": "web-1", "asked": asked, **labels}, points=points)


def compose(metric: Metric, *found: Series, left_out: int = 0) -> ChartFacts:
    answer = Answer(kind=Kind.MATRIX, series=found, left_out=left_out)
    return compose_chart(metric, "web-1", answer, window=WINDOW, step=STEP, look=LOOK)


def test_a_metric_of_one_line_is_a_curve_without_a_name() -> None:
    chart = compose(CPU, series("cpu.one.mean", 1, 2))
    assert chart.curves == (Curve(name="", points=((NOON, 1.0), (NOON + 30, 2.0))),)
    assert (chart.host, chart.title, chart.low, chart.high) == ("web-1", "~CPU used", 0, 100)
    assert (chart.start, chart.end, chart.gap) == (NOON, NOON + 300, 45)
    assert chart.words.more == ""


def test_the_least_and_the_most_of_a_step_are_a_band() -> None:
    chart = compose(
        CPU,
        series("cpu.one.most", 5, 6),
        series("cpu.one.mean", 3, 4, 5),
        series("cpu.one.least", 1, 2, 3, 4),
    )
    assert chart.curves[0].band == ((NOON, 1.0, 5.0), (NOON + 30, 2.0, 6.0))


def test_the_directions_of_a_network_have_names_and_an_order() -> None:
    chart = compose(NETWORK, series("net.out.mean", 1), series("net.in.mean", 2))
    assert [each.name for each in chart.curves] == ["~received", "~sent"]


def test_file_systems_are_named_by_where_they_are_the_root_first_and_none_twice() -> None:
    found = [
        series("disk.one.mean", 1, mountpoint=place, device=device)
        for place, device in {"/var": "b", "/bind": "a", "/": "a"}.items()
    ]
    assert [each.name for each in compose(DISK, *found).curves] == ["/", "/var"]


def test_what_is_too_much_for_one_picture_is_counted() -> None:
    found = [
        series("disk.one.mean", each, mountpoint=f"/{each:02}", device=f"{each}")
        for each in range(CHART_CURVES + 3)
    ]
    chart = compose(DISK, *found, left_out=4)
    assert [each.name for each in chart.curves] == [
        f"/{each + 3:02}" for each in range(CHART_CURVES)
    ]
    assert chart.words.more == "~and 7 more"


def test_the_threshold_is_the_last_one_there_was() -> None:
    chart = compose(CPU, series("cpu.one.mean", 1), series("cpu.threshold", 80, 80, 90))
    assert chart.thresholds == (Threshold(value=90, label="~threshold"),)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 100.5, 1e9])
def test_a_threshold_that_nothing_reaches_is_none_and_leaves_the_curve_its_height(
    value: float,
) -> None:
    chart = compose(CPU, series("cpu.one.mean", 1), series("cpu.threshold", 80, value))
    assert chart.thresholds == ()
    assert compose(CPU, series("cpu.one.mean", 1), series("cpu.threshold", 100)).thresholds


def test_where_there_is_no_most_any_threshold_may_be_reached() -> None:
    load = compose(LOAD, series("load.one.mean", 1), series("load.threshold", 250))
    assert [each.value for each in load.thresholds] == [250]
    assert not compose(
        LOAD, series("load.one.mean", 1), series("load.threshold", math.inf)
    ).thresholds


def test_each_time_an_alert_fired_is_a_shade() -> None:
    fired = series("cpu.firing", 1, 1, start=NOON + 30, alertname="AgentHighCPU")
    again = series("cpu.firing", 1, 1, start=NOON + 270, alertname="AgentHighCPU", severity="x")
    chart = compose(CPU, fired, again)
    assert chart.shades == (
        Shade(start=NOON, end=NOON + 60, label="AgentHighCPU"),
        Shade(start=NOON + 240, end=NOON + 300, label="AgentHighCPU"),
    )


def test_a_chart_of_nothing_is_a_chart() -> None:
    assert compose(CPU).curves == ()


def test_a_query_of_ones_own_is_its_own_title() -> None:
    found = [
        Series(labels={"__name__": "up", "job": job}, points=((NOON, 1.0),)) for job in ("a", "b")
    ]
    answer = Answer(kind=Kind.MATRIX, series=tuple(found))
    chart = compose_query_chart("up \n {}", answer, window=WINDOW, step=STEP, look=LOOK)
    assert chart.title == "up {}"
    assert [each.name for each in chart.curves] == ["a", "b"]
    assert (chart.low, chart.high) == (None, None)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([], []),
        ([{"__name__": "up", "job": "node"}], ["up"]),
        ([{"job": "node"}], [""]),
        ([{"job": "node", "host": "a"}, {"job": "node", "host": "b"}], ["a", "b"]),
        (
            [{"job": "n", "host": "a"}, {"job": "x", "host": "b"}],
            ["job=n, host=a", "job=x, host=b"],
        ),
        ([{"host": "a"}, {}], ["a", ""]),
    ],
)
def test_series_are_named_by_what_tells_them_apart(
    labels: list[dict[str, str]], names: list[str]
) -> None:
    assert name_apart(labels) == names


def test_a_chart_travels_to_another_process_and_is_the_same_there() -> None:
    chart = compose(CPU, series("cpu.one.mean", 1), series("cpu.threshold", 80))
    assert pickle.loads(pickle.dumps(chart)) == chart  # noqa: S301 - our own
    assert hash(chart) == hash(compose(CPU, series("cpu.one.mean", 1), series("cpu.threshold", 80)))
