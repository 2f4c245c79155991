from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.promql import Unit
from bridge.views.chart_axes import MOST_MOMENTS, lay_out_time, lay_out_values, spread

BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = timezone(timedelta(hours=5, minutes=45))
ZONES = [UTC, BERLIN, KATHMANDU, *map(ZoneInfo, ("America/Sao_Paulo", "Australia/Lord_Howe"))]


def marks_of(start: str, end: str, zone: ZoneInfo = BERLIN) -> list[str]:
    first, last = (datetime.fromisoformat(text).replace(tzinfo=zone) for text in (start, end))
    moments = lay_out_time(first.timestamp(), last.timestamp(), zone)
    return [f"{each.label} {each.date}".strip() for each in moments]


@pytest.mark.parametrize(
    ("start", "end", "marks"),
    [
        (
            "2026-11-20 09:55",
            "2026-11-20 10:00",
            ["09:55", "09:56", "09:57", "09:58", "09:59", "10:00"],
        ),
        (
            "2026-11-20 09:07",
            "2026-11-20 10:07",
            ["09:10", "09:20", "09:30", "09:40", "09:50", "10:00"],
        ),
        (
            "2026-11-19 22:10",
            "2026-11-20 02:10",
            ["23:00 11-19", "00:00 11-20", "01:00", "02:00"],
        ),
        ("2026-11-19 10:00", "2026-11-20 10:00", ["12:00 11-19", "18:00", "00:00 11-20", "06:00"]),
        ("2026-11-13 10:00", "2026-11-20 10:00", ["11-14", "11-16", "11-18", "11-20"]),
        ("2026-05-24 10:00", "2026-08-20 10:00", ["2026-06", "2026-07", "2026-08"]),
        (
            "2025-11-24 10:00",
            "2026-11-20 10:00",
            ["2026-01", "2026-03", "2026-05", "2026-07", "2026-09", "2026-11"],
        ),
        # Clocks go from 02:00 to 03:00: no mark where no time was.
        (
            "2026-03-29 00:30",
            "2026-03-29 05:30",
            ["01:00", "03:00", "04:00", "05:00"],
        ),
        # They go back from 03:00 to 02:00: that hour is marked twice.
        (
            "2026-10-25 00:30",
            "2026-10-25 04:30",
            ["01:00", "02:00", "02:00", "03:00", "04:00"],
        ),
    ],
)
def test_the_time_axis_has_round_moments_of_the_local_clock(
    start: str, end: str, marks: list[str]
) -> None:
    assert marks_of(start, end) == marks


def test_half_an_hour_that_is_skipped_makes_no_odd_mark() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")  # 02:00 to 02:30 did not come on 4 October 2026
    assert marks_of("2026-10-04 00:30", "2026-10-04 06:30", zone) == [
        *("01:00", "03:00", "04:00", "05:00", "06:00"),
    ]


def test_days_begin_at_midnight_also_after_the_clocks_changed() -> None:
    start = datetime(2026, 3, 26, 12, tzinfo=BERLIN).timestamp()
    for moment in lay_out_time(start, start + 6 * 86400, BERLIN):
        assert datetime.fromtimestamp(moment.at, BERLIN).hour == 0


def test_a_day_without_a_midnight_begins_with_its_first_moment() -> None:
    zone = ZoneInfo("America/Sao_Paulo")  # 4 November 2018 began at 01:00
    start = datetime(2018, 11, 2, 12, tzinfo=zone).timestamp()
    moments = lay_out_time(start, start + 4 * 86400, zone)
    assert "11-04" in [each.label for each in moments]


@given(
    st.datetimes(datetime(2011, 1, 1), datetime(2031, 1, 1)),  # noqa: DTZ001 - made aware below
    st.timedeltas(timedelta(minutes=1), timedelta(days=3660)),
    st.sampled_from(ZONES),
)
def test_the_time_axis_has_a_few_marks_in_order(
    end: datetime, span: timedelta, zone: ZoneInfo
) -> None:
    last = end.replace(tzinfo=UTC).timestamp()
    first = last - span.total_seconds()
    moments = lay_out_time(first, last, zone)
    # One more where an hour comes twice, and as many as fit at the edges.
    assert len(moments) <= 2 * MOST_MOMENTS + 1
    assert all(first <= each.at <= last for each in moments)
    assert all(one.at < other.at for one, other in pairwise(moments))


@pytest.mark.parametrize(
    ("values", "unit", "bounds", "labels", "symbol"),
    [
        ([1, 40], Unit.PERCENT, (0, 100), ["0", "25", "50", "75", "100"], "%"),
        ([], Unit.PERCENT, (0, 100), ["0", "25", "50", "75", "100"], "%"),
        ([0.1, 0.62], Unit.NUMBER, (0, None), ["0.0", "0.2", "0.4", "0.6", "0.8"], ""),
        ([0, 1.1], Unit.NUMBER, (0, None), ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"], ""),
        ([0, 11], Unit.NUMBER, (0, None), ["0.0", "2.5", "5.0", "7.5", "10.0", "12.5"], ""),
        ([3_400_000], Unit.BITS, (0, None), ["0", "1", "2", "3", "4"], "Mbit/s"),
        ([900 * 1024**3], Unit.BYTES, (0, None), ["0", "256", "512", "768", "1024"], "GiB"),
        ([5, 5], Unit.NUMBER, (None, None), ["2", "3", "4", "5", "6", "7", "8"], ""),
        ([0, 0], Unit.NUMBER, (0, None), ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"], ""),
        ([-40, 40], Unit.NUMBER, (None, None), ["-40", "-20", "0", "20", "40"], ""),
        ([], Unit.NUMBER, (None, None), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], ""),
        ([120], Unit.PERCENT, (0, 100), ["0", "25", "50", "75", "100", "125"], "%"),
    ],
)
def test_the_axis_of_values_has_round_marks_around_all_of_them(
    values: list[float],
    unit: Unit,
    bounds: tuple[float | None, float | None],
    labels: list[str],
    symbol: str,
) -> None:
    axis = lay_out_values(values, unit, low=bounds[0], high=bounds[1])
    assert [label for _, label in axis.marks] == labels
    assert axis.symbol == symbol


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False)),
    st.sampled_from(Unit),
    st.sampled_from([None, 0.0]),
)
def test_whatever_the_values_the_axis_holds_them_and_has_few_short_marks(
    values: list[float], unit: Unit, low: float | None
) -> None:
    axis = lay_out_values(values, unit, low=low, high=None)
    assert axis.low < axis.high
    slack = 1e-6 * (axis.high - axis.low)
    assert all(
        axis.low - slack <= each <= axis.high + slack for each in values if abs(each) < 1e299
    )
    assert 2 <= len(axis.marks) <= 9
    assert all(len(label) <= 10 for _, label in axis.marks)


def test_labels_that_would_overlap_are_moved_apart_evenly() -> None:
    assert spread([100, 102], 20, low=0, high=300) == [91, 111]
    assert spread([5, 0], 20, low=0, high=300) == [20, 0]
    assert spread([290, 295, 10], 20, low=0, high=300) == [280, 300, 10]
    assert spread([1, 2, 3], 50, low=0, high=40) == [0, 20, 40]
    assert spread([], 50, low=0, high=40) == []


@given(st.lists(st.floats(0, 400), max_size=9), st.floats(1, 60))
def test_moved_labels_keep_their_order_their_distance_and_the_bounds(
    wanted: list[float], apart: float
) -> None:
    placed = spread(wanted, apart, low=0, high=400)
    apart = min(apart, 400 / max(len(wanted) - 1, 1))
    by_place = sorted(range(len(wanted)), key=lambda index: placed[index])
    assert [wanted[index] for index in by_place] == sorted(wanted)
    assert all(b - a >= apart - 1e-6 for a, b in pairwise(sorted(placed)))
    assert all(-1e-6 <= each <= 400 + 1e-6 for each in placed)
