"""What surrounds the curves of a chart: axes, thresholds, and times in which alerts fired."""

from __future__ import annotations

from typing import Final

from bridge.core.charts import ChartFacts, Shade
from bridge.core.promql import Unit
from bridge.views import chart_style as style
from bridge.views.canvas import Canvas, Place
from bridge.views.chart_plot import MARK_APART, Plot
from bridge.views.chart_style import Theme
from bridge.views.quantities import render_quantity

_SHADE_LEAST: Final = 4
"""The narrowest that a shade is drawn: a minute in a month has to be seen."""
_SHADE_STRIP: Final = 6
_SHADE_OPACITY: Final = 0.16
_DASHES: Final = (6.0, 4.0)


def draw_axes(canvas: Canvas, plot: Plot, theme: Theme) -> None:
    """Draw the grid, and write what its lines stand for."""
    left, _, right, bottom = plot.box
    for value, label in plot.values.marks:
        y = plot.y(value)
        canvas.line([(left, y), (right, y)], colour=theme.grid, width=style.THIN, above=1.5)
        canvas.text(
            (left - MARK_APART, y), label, colour=theme.muted, size=style.SMALL, across="right"
        )
    edge = style.WIDTH - style.MARGIN / 2
    for moment in plot.moments:
        x = plot.x(moment.at)
        canvas.line([(x, bottom), (x, bottom + 8)], colour=theme.muted, width=style.THIN)
        for row, label in enumerate((moment.label, moment.date)):
            half = canvas.measure(label, style.SMALL) / 2
            y = bottom + MARK_APART + style.SMALL * (0.7 + 1.25 * row)
            place = (min(max(x, half + style.MARGIN / 2), edge - half), y)
            canvas.text(place, label, colour=theme.muted, size=style.SMALL, across="center")


def draw_shades(canvas: Canvas, plot: Plot, facts: ChartFacts, theme: Theme) -> None:
    """Shade the times in which alerts fired, and name them where there is room."""
    _, top, _, bottom = plot.box
    for shade in facts.shades:
        first, last = _ends(plot, shade)
        box = (first, top, last, bottom)
        canvas.box(box, colour=theme.alarm, opacity=_SHADE_OPACITY)
        canvas.box((first, top, last, top + _SHADE_STRIP), colour=theme.alarm, above=2)
    for place, label in place_names(canvas, plot, facts.shades):
        canvas.text(place, label, colour=theme.alarm, size=style.SMALL)


def place_names(
    canvas: Canvas, plot: Plot, shades: tuple[Shade, ...]
) -> list[tuple[tuple[float, float], str]]:
    """Find a place for the name of each alert, once; leave out what has none."""
    left, top, right, _ = plot.box
    placed: list[tuple[tuple[float, float], str]] = []
    free = left
    named: set[str] = set()
    for shade in shades:
        name = canvas.fit(shade.label, (right - left) / 2, style.SMALL)
        width = canvas.measure(name, style.SMALL)
        start = min(_ends(plot, shade)[0], right - width)
        if not name or name in named or start < free:
            continue
        placed.append(((start, top - style.SMALL * 0.7), name))
        named.add(name)
        free = start + width + MARK_APART
    return placed


def draw_thresholds(canvas: Canvas, plot: Plot, facts: ChartFacts, theme: Theme) -> None:
    """Draw what alerts look at as a broken line, and write its value there."""
    left, _, right, _ = plot.box
    for threshold in facts.thresholds:
        y = plot.y(threshold.value)
        canvas.line(
            [(left, y), (right, y)], colour=theme.alarm, width=2.5, dashes=_DASHES, above=3.5
        )
        decimals = None if facts.unit is not Unit.PERCENT or threshold.value % 1 else 0
        value = render_quantity(threshold.value, facts.unit, decimals=decimals)
        label = canvas.clean(f"{threshold.label} {value}")
        place = find_free(plot, facts, y, canvas.measure(label, style.SMALL))
        canvas.text(place, label, colour=theme.alarm, size=style.SMALL, ground=theme.background)


def find_free(plot: Plot, facts: ChartFacts, y: float, width: float) -> Place:
    """Find where a label of this width, by a line at `y`, hides least of the curves."""
    left, top, right, bottom = plot.box
    apart = style.SMALL * 0.8
    columns = (left + MARK_APART, (left + right - width) / 2, right - MARK_APART - width)
    rows = [row for row in (y - apart, y + apart) if top + apart <= row <= bottom - apart]
    points = [plot.place(point) for curve in facts.curves for point in curve.points]

    def hidden(place: Place) -> int:
        x, row = place
        return sum(x <= at <= x + width and abs(value - row) < apart for at, value in points)

    return min(((x, row) for row in rows or [y] for x in columns), key=hidden)


def _ends(plot: Plot, shade: Shade) -> tuple[float, float]:
    """Give the two sides of a shade within the field, never too narrow to be seen."""
    left, _, right, _ = plot.box
    first = min(max(plot.x(shade.start), left), right - _SHADE_LEAST)
    last = min(max(plot.x(shade.end), first + _SHADE_LEAST), right)
    return first, last
