"""Numbers as people read them."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.views.locale import LANGUAGES, load_translators
from bridge.views.templates import LOCALES
from bridge.views.units import (
    render_bits,
    render_bytes,
    render_decimal,
    render_hertz,
    render_number,
    render_percent,
    render_share,
    render_uptime,
)

TRANSLATORS = load_translators(LOCALES)
EN, RU, ZH = TRANSLATORS["en"], TRANSLATORS["ru"], TRANSLATORS["zh_TW"]
KIB, MIB, GIB = 1024, 1024**2, 1024**3
WIDEST = 1.8e308


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (30, "30.00 %"),
        (12.345, "12.35 %"),
        (0.004, "0.00 %"),
        (-0.001, "0.00 %"),
        (100, "100.00 %"),
        (1234.5, "1,234.50 %"),
        (math.nan, "NaN %"),
    ],
)
def test_a_percentage_has_two_decimals(value: float, said: str) -> None:
    assert render_percent(value, EN) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1, "100.00 %"),
        (0.99999, "99.99 %"),
        (719 / 720, "99.86 %"),
        (0.9986, "99.86 %"),
        (0.57, "57.00 %"),
        (0, "0.00 %"),
    ],
)
def test_only_what_never_failed_is_a_hundred_percent(share: float, said: str) -> None:
    assert render_share(share, EN) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1023.7, "1.00 KiB"),
        (KIB, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (MIB - 1, "1.00 MiB"),
        (8_330_000_000, "7.76 GiB"),
        (GIB * 1024, "1.00 TiB"),
        (2.0**80, "1,048,576.00 EiB"),
        (-2048, "-2.00 KiB"),
        (math.inf, "+Inf B"),
    ],
)
def test_a_size_counts_by_1024(count: float, said: str) -> None:
    assert render_bytes(count, EN) == said


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0, "0 bit/s"),
        (999.6, "1.00 kbit/s"),
        (12_500_000, "12.50 Mbit/s"),
        (1e9, "1.00 Gbit/s"),
        (2.5e15, "2,500.00 Tbit/s"),
        (math.nan, "NaN bit/s"),
    ],
)
def test_what_goes_over_a_wire_counts_by_1000(rate: float, said: str) -> None:
    assert render_bits(rate, EN) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=59), "00:00:59"),
        (timedelta(hours=4, minutes=5, seconds=6.9), "04:05:06"),
        (timedelta(days=1), "1 day, 00:00:00"),
        (timedelta(days=1234, hours=23, seconds=1), "1,234 days, 23:00:01"),
        (timedelta(seconds=-5), "00:00:00"),
    ],
)
def test_an_uptime_is_days_and_a_clock(length: timedelta, said: str) -> None:
    assert render_uptime(length, EN) == said


def test_russian_writes_a_comma_and_declines_days() -> None:
    assert render_percent(12.34, RU) == "12,34 %"
    assert render_bytes(1536, RU) == "1,50 КиБ"
    assert render_bits(12_500_000, RU) == "12,50 Мбит/с"  # noqa: RUF001 - Russian
    assert render_hertz(2.4e9, RU) == "2,40 ГГц"
    assert [render_uptime(timedelta(days=each), RU) for each in (1, 2, 5, 21)] == [
        "1 день, 00:00:00",
        "2 дня, 00:00:00",
        "5 дней, 00:00:00",
        "21 день, 00:00:00",
    ]


def test_chinese_keeps_the_units() -> None:
    assert render_bytes(1536, ZH) == "1.50 KiB"
    assert render_uptime(timedelta(days=3), ZH) == "3 天 00:00:00"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.0, "1"),
        (0, "0"),
        (1234567, "1,234,567"),
        (0.30000000000000004, "0.3"),
        (12.3456789, "12.3457"),
        (123456.789, "123,457"),
        (0.000123456, "0.000123"),
        (1.23e-9, "1.23e-09"),
        (1.5e300, "1.5e+300"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (-0.5, "-0.5"),
    ],
)
def test_a_number_without_a_unit_has_as_few_digits_as_tell_it(value: float, said: str) -> None:
    assert render_number(value, EN) == said


@given(value=st.floats(), language=st.sampled_from(LANGUAGES))
def test_every_number_can_be_written_short(value: float, language: str) -> None:
    translator = TRANSLATORS[language]
    for write in (render_percent, render_bytes, render_bits, render_number, render_decimal):
        said = write(value, translator)
        assert 0 < len(said) <= 32


@given(count=st.floats(min_value=0, max_value=2.0**69))
def test_no_size_is_written_as_a_thousand_of_a_unit(count: float) -> None:
    number = render_bytes(count, EN).split()[0]
    assert float(number.replace(",", "")) <= 1024
