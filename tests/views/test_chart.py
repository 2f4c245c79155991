from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.charts import ChartFacts, Curve, Shade, Threshold, summarise_curve
from bridge.core.promql import Unit
from bridge.limits import CHART_CURVES
from bridge.views import chart_style as style
from bridge.views.canvas import Canvas
from bridge.views.chart import draw_chart
from bridge.views.chart_fonts import BUNDLED
from bridge.views.chart_legend import draw_legend
from bridge.views.chart_marks import find_free, place_names
from bridge.views.chart_plot import Plot, lay_out_plot
from bridge.views.pie import draw_pie
from tests.views.charts import CHART, HOUR, NOON, PIE, chart, count_near, look, title_of, wave

CURVE = style.DARK.curves[0]
HOSTILE = (
    "pod_$1_$2",
    "$x^2_{",
    r"\frac{1}{0}$",
    "_hidden",
    "two\nlines\ttabbed",
    "\x00\x1b[31m\u202ereversed",
    "half \ud800 of a character",
    "\N{FIRE}\N{WOMAN}\u200d\N{GIRL} on fire \N{BLACK TELEPHONE}\ufe0f",
    "сервер-базы-данных",
    "資料庫主機",
    "\ufdfa\u200e\u200f",
    "e\u0301" * 30,
    "x" * 5000,
    " ",
    "",
)


def plot_of(facts: ChartFacts) -> tuple[Canvas, Plot]:
    canvas = Canvas(style.WIDTH, ground="#000000", families=(BUNDLED,))
    return canvas, lay_out_plot(canvas, facts, ZoneInfo(facts.zone))


def test_a_chart_is_a_picture_that_says_whose_it_is() -> None:
    png = draw_chart(CHART)
    assert png.startswith(b"\x89PNG")
    assert len(png) < 100_000
    assert look(png).width == style.WIDTH
    assert title_of(png) == "web-1 CPU used"


def test_a_chart_is_the_same_each_time() -> None:
    assert draw_chart(CHART) == draw_chart(CHART)


@pytest.mark.parametrize("dark", [True, False])
def test_the_ground_is_dark_or_light_as_asked(*, dark: bool) -> None:
    image = look(draw_chart(chart(dark=dark)))
    assert (sum(image.getpixel((3, 3)) or ()) < 200) is dark  # type: ignore[arg-type]


def test_the_curve_is_where_its_values_are() -> None:
    facts = chart(*((NOON - HOUR + each, 50.0) for each in range(0, 3601, 15)))
    _, plot = plot_of(facts)
    image = look(draw_chart(facts))
    left, _, right, _ = plot.box
    at, above = plot.y(50), plot.y(60)
    assert count_near(image, CURVE, (left, at - 4, right, at + 4)) > 1.5 * (right - left)
    assert count_near(image, CURVE, (left, above - 4, right, above + 4)) == 0


def test_where_there_were_no_samples_there_is_no_line() -> None:
    first, last = NOON - 2400, NOON - 1200
    facts = chart(*(point for point in wave() if not first < point[0] < last))
    _, plot = plot_of(facts)
    image = look(draw_chart(facts))
    _, top, _, bottom = plot.box
    gap = (plot.x(first) + 10, top, plot.x(last) - 10, bottom)
    assert count_near(image, CURVE, gap) == 0
    assert count_near(look(draw_chart(CHART)), CURVE, gap) > 0


def test_a_single_sample_can_be_seen() -> None:
    facts = chart((NOON - 1800, 50.0))
    _, plot = plot_of(facts)
    x, y = plot.place((NOON - 1800, 50.0))
    image = look(draw_chart(facts))
    assert count_near(image, CURVE, (x - 8, y - 8, x + 8, y + 8)) > 60


def test_a_chart_of_nothing_says_so() -> None:
    assert look(draw_chart(chart(curves=()))).height < look(draw_chart(CHART)).height
    assert draw_chart(chart((NOON, math.nan))) != draw_chart(chart((NOON, 1.0)))


def test_a_threshold_is_a_broken_line_at_its_value() -> None:
    facts = chart(thresholds=(Threshold(value=90, label="threshold"),))
    _, plot = plot_of(facts)
    image = look(draw_chart(facts))
    left, _, right, _ = plot.box
    y = plot.y(90)
    drawn = count_near(image, style.DARK.alarm, (left, y - 1, right, y + 1))
    assert 0.4 * (right - left) < drawn < 1.8 * (right - left)


def test_a_threshold_beyond_the_values_is_within_the_chart() -> None:
    facts = chart(unit=Unit.NUMBER, high=None, thresholds=(Threshold(value=500, label="t"),))
    _, plot = plot_of(facts)
    assert plot.values.high >= 500


def test_the_time_in_which_an_alert_fired_is_shaded_and_named_even_if_it_was_short() -> None:
    facts = chart(shades=(Shade(start=NOON - 1000, end=NOON - 999, label="AgentHighCPU"),))
    canvas, plot = plot_of(facts)
    image = look(draw_chart(facts))
    _, top, _, _ = plot.box
    x = plot.x(NOON - 1000)
    assert count_near(image, style.DARK.alarm, (x - 2, top, x + 6, top + 6)) >= 12
    ((place, name),) = place_names(canvas, plot, facts.shades)
    assert name == "AgentHighCPU"
    assert place[1] < top


def test_names_of_alerts_do_not_overlap_and_stay_within_the_picture() -> None:
    shades = tuple(
        Shade(start=NOON - HOUR + each, end=NOON - HOUR + each + 60, label=f"Alert{each}")
        for each in range(0, 3600, 100)
    )
    canvas, plot = plot_of(chart(shades=shades))
    placed = place_names(canvas, plot, shades)
    ends = [(x, x + canvas.measure(name, style.SMALL)) for (x, _), name in placed]
    assert len(placed) > 3
    assert all(one[1] <= other[0] for one, other in combinations(ends, 2))
    assert all(end <= plot.box[2] + 1 for _, end in ends)


def test_a_threshold_is_named_where_the_curve_is_not() -> None:
    high_at_first = chart(*((NOON - HOUR + each, 85 - each / 60) for each in range(0, 3601, 15)))
    _, plot = plot_of(high_at_first)
    x, _ = find_free(plot, high_at_first, plot.y(80), 150)
    assert x > (plot.box[0] + plot.box[2]) / 3


def test_a_band_shows_what_steps_hide_and_its_ends_are_the_extremes() -> None:
    points = wave()
    band = tuple((at, value - 5, value + 30) for at, value in points)
    curve = Curve(name="", points=points, band=band)
    found = summarise_curve(curve)
    assert found is not None
    assert found.most == max(high for _, _, high in band)
    assert found.least == min(low for _, low, _ in band)
    assert found.last == points[-1][1]
    plain = chart(*points, high=None, low=None)
    assert lay_out_height(replace(plain, curves=(curve,))) > lay_out_height(plain)


def lay_out_height(facts: ChartFacts) -> float:
    _, plot = plot_of(facts)
    return plot.values.high


def many(count: int) -> ChartFacts:
    curves = tuple(
        Curve(name=f"/disk/{each}", points=wave(level=40 + each)) for each in range(count)
    )
    return chart(curves=curves)


def test_every_curve_has_a_row_and_a_name_beside_its_end() -> None:
    heights = [look(draw_chart(many(count))).height for count in (2, 3, 8)]
    assert heights == [heights[0], heights[0] + style.ROW, heights[0] + 6 * style.ROW]
    _, plot = plot_of(many(3))
    assert plot.names == ("/disk/0", "/disk/1", "/disk/2")
    assert plot.box[2] < style.WIDTH - 100


class Sheet(Canvas):
    """Remembers what is written where: left and right end, by height."""

    def __init__(self) -> None:
        super().__init__(style.WIDTH, ground="#000000", families=(BUNDLED,))
        self.set_height(1000)
        self.rows: dict[float, list[tuple[float, float]]] = {}

    def text(self, place: tuple[float, float], text: str, **how: Any) -> None:
        """Write a text."""
        width = self.measure(text, how["size"], bold=how.get("bold", False))
        left = place[0] - (width if how.get("across") == "right" else 0)
        self.rows.setdefault(place[1], []).append((left, left + width))


@pytest.mark.parametrize("name", ["/srv/postgresql/data/cluster-1/pg_wal/", "x" * 500, "/"])
@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (100.0, Unit.PERCENT),
        (-1.4e-14, Unit.NUMBER),
        (999.9e6, Unit.BITS),
        (-1.5e308, Unit.NUMBER),
        (math.nan, Unit.NUMBER),
    ],
)
def test_in_the_legend_nothing_stands_over_another(name: str, value: float, unit: Unit) -> None:
    curves = (Curve(name=name, points=((NOON, value),)), Curve(name="b", points=((NOON, 1.0),)))
    sheet = Sheet()
    draw_legend(sheet, chart(curves=curves, unit=unit), style.DARK, 10)
    assert len(sheet.rows) == 3
    for row in sheet.rows.values():
        ordered = sorted(row)
        assert all(one[1] < other[0] for one, other in pairwise(ordered))
        assert ordered[-1][1] <= style.WIDTH


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_may_stand_anywhere(text: str) -> None:
    facts = replace(
        many(2),
        host=text,
        title=text,
        curves=(Curve(name=text, points=wave()), Curve(name=text, points=wave(level=60))),
        thresholds=(Threshold(value=50, label=text),),
        shades=(Shade(start=NOON - 900, end=NOON, label=text),),
        words=replace(CHART.words, last=text, more=text),
    )
    assert look(draw_chart(facts)).width == style.WIDTH
    assert look(draw_pie(replace(PIE, host=text, total=text))).width == style.WIDTH


VALUES = st.floats(allow_nan=True, allow_infinity=True)
POINTS = st.lists(st.tuples(st.floats(NOON - HOUR, NOON), VALUES), max_size=8)


@settings(max_examples=30, deadline=None)
@given(POINTS, st.sampled_from(Unit), st.sampled_from([0.0, None]))
def test_any_values_may_be_drawn(
    points: list[tuple[float, float]], unit: Unit, low: float | None
) -> None:
    facts = chart(*sorted(points), unit=unit, low=low, high=None)
    assert draw_chart(facts).startswith(b"\x89PNG")


def test_a_pie_shows_its_parts_in_proportion() -> None:
    image = look(draw_pie(PIE))
    used = count_near(image, CURVE, (0, 0, 520, image.height))
    rest = count_near(image, style.DARK.rest, (0, 0, 520, image.height))
    assert used / (used + rest) == pytest.approx(0.75, abs=0.05)
    assert title_of(draw_pie(PIE)) == "web-1 memory"


def test_a_pie_of_nothing_is_drawn() -> None:
    nothing = replace(PIE, slices=tuple(replace(each, value=0.0) for each in PIE.slices))
    assert draw_pie(nothing).startswith(b"\x89PNG")


# How colour-blind people see, after Machado, Oliveira and Fernandes (2009), in linear light.
SIGHTS = {
    "all colours": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "no green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "no blue": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}


def linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, sight: str) -> tuple[float, float, float]:
    """Place a colour where distances are what an eye sees (CIE Lab)."""
    light = linear(colour)
    red, green, blue = (
        min(max(sum(a * b for a, b in zip(row, light, strict=True)), 0), 1) for row in SIGHTS[sight]
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.0888
    fx, fy, fz = (
        each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in (x, y, z)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("theme", [style.DARK, style.LIGHT], ids=["dark", "light"])
def test_curves_can_be_told_apart_and_seen_by_colour_blind_readers_too(theme: style.Theme) -> None:
    assert len(theme.curves) == CHART_CURVES
    for sight in SIGHTS:
        for one, other in combinations(theme.curves, 2):
            assert math.dist(seen(one, sight), seen(other, sight)) > 15, (sight, one, other)
    assert all(contrast(each, theme.background) >= 3 for each in theme.curves)


@pytest.mark.parametrize("theme", [style.DARK, style.LIGHT], ids=["dark", "light"])
def test_words_stand_out_from_the_ground(theme: style.Theme) -> None:
    for colour in (theme.text, theme.muted, theme.alarm):
        assert contrast(colour, theme.background) >= 4.5
