from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.promql import Unit
from bridge.views.quantities import render_quantity


@pytest.mark.parametrize(
    ("value", "unit", "written", "short"),
    [
        (12.345, Unit.PERCENT, "12.3 %", "12.3"),
        (100, Unit.PERCENT, "100.0 %", "100.0"),
        (0, Unit.BITS, "0 bit/s", "0"),
        (999, Unit.BITS, "999 bit/s", "999"),
        (999.9, Unit.BITS, "1 kbit/s", "1k"),
        (1_234_567, Unit.BITS, "1.23 Mbit/s", "1.23M"),
        (999_999, Unit.BITS, "1 Mbit/s", "1M"),
        (56_000_000_000, Unit.BITS, "56 Gbit/s", "56G"),
        (1023, Unit.BYTES, "1023 B", "1023"),
        (1024, Unit.BYTES, "1 KiB", "1Ki"),
        (16 * 1024**3, Unit.BYTES, "16 GiB", "16Gi"),
        (1.5 * 1024**4, Unit.BYTES, "1.5 TiB", "1.5Ti"),
        (45, Unit.SECONDS, "45 s", "45s"),
        (5400, Unit.SECONDS, "90 min", "90min"),
        (86400, Unit.SECONDS, "24 h", "24h"),
        (8640000, Unit.SECONDS, "100 d", "100d"),
        (0.42, Unit.NUMBER, "0.42", "0.42"),
        (1, Unit.NUMBER, "1", "1"),
        (7.5, Unit.NUMBER, "7.5", "7.5"),
        (9999, Unit.NUMBER, "9999", "9999"),
        (10_000, Unit.NUMBER, "10k", "10k"),
        (1_763_640_000, Unit.NUMBER, "1.76G", "1.76G"),
        (-1_763_640_000, Unit.NUMBER, "-1.76G", "-1.76G"),
        (0.00012, Unit.NUMBER, "120µ", "120µ"),
        (0.005, Unit.NUMBER, "0.005", "0.005"),
        (1e-30, Unit.NUMBER, "1.0e-30", "1.0e-30"),
        (1e30, Unit.NUMBER, "1.00e+12E", "1.00e+12E"),
        (1e-7, Unit.PERCENT, "0.0 %", "0.0"),
        (-0.001, Unit.BITS, "-0.001 bit/s", "-0.001"),
        (-0.04, Unit.PERCENT, "0.0 %", "0.0"),
        (math.nan, Unit.PERCENT, "NaN", "NaN"),
        (math.inf, Unit.BITS, "+Inf", "+Inf"),
        (-math.inf, Unit.BITS, "-Inf", "-Inf"),
    ],
)
def test_a_number_is_written_as_people_read_it(
    value: float, unit: Unit, written: str, short: str
) -> None:
    said = render_quantity(value, unit).replace("\N{NO-BREAK SPACE}", " ")
    if unit is Unit.NUMBER:
        said = said.replace(" ", "")
    assert said == written
    assert render_quantity(value, unit, is_short=True) == short


def test_decimals_may_be_asked_for() -> None:
    assert render_quantity(30, Unit.PERCENT, decimals=2) == "30.00\N{NO-BREAK SPACE}%"


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(Unit), st.booleans())
def test_every_number_is_short_enough_for_its_place(
    value: float,
    unit: Unit,
    is_short: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    assert 0 < len(render_quantity(value, unit, is_short=is_short)) <= (13 if is_short else 18)
