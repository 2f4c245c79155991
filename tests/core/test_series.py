from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.series import (
    Point,
    Series,
    Statistics,
    choose_drawn,
    leave_out_twins,
    split_at_gaps,
    summarise,
)

VALUES = st.floats(allow_nan=True, allow_infinity=True)


def points(*values: float) -> tuple[Point, ...]:
    return tuple((15.0 * index, value) for index, value in enumerate(values))


def series(*values: float, **labels: str) -> Series:
    return Series(labels=labels, points=points(*values))


def test_what_stands_out_is_reckoned_from_numbers_alone() -> None:
    found = summarise(points(2, math.nan, 4, math.inf, 0, -math.inf))
    assert found == Statistics(last=0, least=0, mean=2, most=4)


@pytest.mark.parametrize("values", [(), (math.nan,), (math.inf, -math.inf)])
def test_without_a_number_nothing_stands_out(values: tuple[float, ...]) -> None:
    assert summarise(points(*values)) is None


@given(st.lists(VALUES))
def test_what_stands_out_is_always_a_number_between_the_extremes(values: list[float]) -> None:
    found = summarise(points(*values))
    if found is None:
        assert not any(map(math.isfinite, values))
        return
    slack = 1e-9 * max(abs(found.least), abs(found.most))
    assert found.least - slack <= found.mean <= found.most + slack
    assert found.least <= found.last <= found.most


def test_a_series_is_parted_where_samples_are_missing() -> None:
    given_points = [(0.0, 1.0), (15.0, 2.0), (60.0, 3.0), (75.0, math.nan), (90.0, 4.0)]
    first, second = split_at_gaps(given_points, 30)
    assert first == ((0.0, 1.0), (15.0, 2.0))
    assert second == ((60.0, 3.0), (90.0, 4.0))
    assert split_at_gaps(given_points, 29)[1:] == (((60.0, 3.0),), ((90.0, 4.0),))


@given(st.lists(st.tuples(st.floats(0, 1e6), VALUES)), st.floats(1, 1e5))
def test_parting_loses_no_number_and_leaves_no_gap(found: list[Point], longest: float) -> None:
    ordered = sorted(found, key=lambda point: point[0])
    segments = split_at_gaps(ordered, longest)
    assert [point for segment in segments for point in segment] == [
        point for point in ordered if math.isfinite(point[1])
    ]
    for segment in segments:
        assert segment
        assert all(b[0] - a[0] <= longest for a, b in pairwise(segment))


def test_the_series_that_reach_highest_are_drawn_and_the_others_counted() -> None:
    many = [series(each, name=str(each)) for each in (1, 9, 3, 7)]
    drawn, rest = choose_drawn([*many, series(math.nan, name="none")], 2)
    assert [each.labels["name"] for each in drawn] == ["9", "7"]
    assert rest == 2
    assert choose_drawn(many, 10) == (tuple(many), 0)


def test_a_file_system_that_is_mounted_twice_is_one() -> None:
    found = [
        series(1, device="/dev/sda1", mountpoint="/srv/data", host="a"),
        series(1, device="/dev/sda1", mountpoint="/", host="a"),
        series(1, device="/dev/sda1", mountpoint="/", host="b"),
        series(2, device="/dev/sdb1", mountpoint="/home", host="a"),
        series(3, mountpoint="C:", host="w"),
        series(3, mountpoint="D:", host="w"),
    ]
    assert [each.labels["mountpoint"] for each in leave_out_twins(found)] == [
        *("/", "/", "/home", "C:", "D:"),
    ]
