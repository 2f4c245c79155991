from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.spans import LONGEST, parse_span, render_span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("15s", timedelta(seconds=15)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("180d", timedelta(days=180)),
        ("2w", timedelta(days=14)),
        ("1h30m", timedelta(minutes=90)),
        (" 5m ", timedelta(minutes=5)),
        ("090s", timedelta(seconds=90)),
    ],
)
def test_a_span_is_read_as_people_write_it(text: str, span: timedelta) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize(
    "text",
    ["", " ", "15", "s", "15 s", "-5m", "1.5h", "10M", "30m1h", "1m1m", "٣m", "1h,30m", "10m\n5s"],
)
def test_anything_else_is_refused_with_the_accepted_form(text: str) -> None:
    with pytest.raises(ValueError, match="such as 15s, 10m, 2h, 7d or 1h30m"):
        parse_span(text)


def test_no_time_at_all_is_no_span() -> None:
    with pytest.raises(ValueError, match="no time at all"):
        parse_span("0h0s")


@pytest.mark.parametrize("text", ["36501d", "9999999999w", "1" * 5000 + "d"])
def test_a_span_beyond_a_century_is_refused_shortly(text: str) -> None:
    with pytest.raises(ValueError, match="span") as refused:
        parse_span(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=180), "180d"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(weeks=2), "14d"),
        (timedelta(seconds=15, milliseconds=900), "15s"),
        (timedelta(0), "0s"),
        (timedelta(seconds=-3), "0s"),
    ],
)
def test_a_span_is_written_in_its_largest_units(span: timedelta, text: str) -> None:
    assert render_span(span) == text


@given(st.integers(min_value=1, max_value=LONGEST // timedelta(seconds=1)))
def test_what_is_written_reads_back_the_same(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_span(render_span(span)) == span


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        span = parse_span(text)
    except ValueError:
        return
    assert timedelta(0) < span <= LONGEST
