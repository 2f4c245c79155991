"""The curves of a chart: lines with their gaps and bands, and their names beside the ends."""

from __future__ import annotations

import math
from typing import Final

from bridge.core.charts import ChartFacts, Curve
from bridge.core.series import Point, split_at_gaps
from bridge.views import chart_style as style
from bridge.views.canvas import Canvas
from bridge.views.chart_axes import spread
from bridge.views.chart_plot import MARK_APART, Plot
from bridge.views.chart_style import Theme

_SOLID: Final = 4
"""So many curves are whole; further ones are broken, to be told apart without their colours."""
_BROKEN: Final = (2.4, 1.3)
_BAND: Final = 0.28
_GROUND: Final = 0.14
_NAMES_APART: Final = 30
_DOT: Final = 6.0


def colour_of(facts: ChartFacts, index: int, theme: Theme) -> str:
    """Choose the colour of a curve."""
    return theme.curves[(facts.colour + index) % len(theme.curves)]


def dashes_of(index: int) -> tuple[float, float] | None:
    """Say how a curve is broken, if it is."""
    return None if index < _SOLID else _BROKEN


def draw_curves(canvas: Canvas, plot: Plot, facts: ChartFacts, theme: Theme) -> None:
    """Draw all, the first above the others."""
    for index, curve in reversed(list(enumerate(facts.curves))):
        colour = colour_of(facts, index, theme)
        if curve.band:
            _draw_band(canvas, plot, curve, facts.gap, colour)
        for segment in split_at_gaps(curve.points, facts.gap):
            places = [plot.place(point) for point in segment]
            if len(places) == 1:
                canvas.dot(places[0], colour=colour, radius=_DOT, within=_around(plot))
                continue
            if len(facts.curves) == 1 and not curve.band:
                _, _, _, bottom = plot.box
                floor = [(x, bottom) for x, _ in places]
                canvas.area(places, floor, colour=colour, opacity=_GROUND, within=plot.box)
            canvas.line(
                places,
                colour=colour,
                width=style.LINE,
                within=_around(plot),
                dashes=dashes_of(index),
            )


def name_curves(canvas: Canvas, plot: Plot, facts: ChartFacts, theme: Theme) -> None:
    """Write each name beside the end of its line, none over another."""
    _, top, right, bottom = plot.box
    ends = [_last(curve) for curve in facts.curves]
    named = [index for index, end in enumerate(ends) if end is not None and plot.names]
    wanted = [plot.y(end[1]) for index in named if (end := ends[index]) is not None]
    for index, y in zip(named, spread(wanted, _NAMES_APART, low=top, high=bottom), strict=True):
        canvas.text(
            (right + MARK_APART, y),
            plot.names[index],
            colour=colour_of(facts, index, theme),
            size=style.SMALL,
        )


def _draw_band(canvas: Canvas, plot: Plot, curve: Curve, gap: float, colour: str) -> None:
    lows = {at: low for at, low, _ in curve.band}
    for segment in split_at_gaps([(at, high) for at, _, high in curve.band], gap):
        upper = [plot.place(point) for point in segment]
        lower = [plot.place((at, lows[at])) for at, _ in segment]
        canvas.area(upper, lower, colour=colour, opacity=_BAND, within=plot.box)


def _last(curve: Curve) -> Point | None:
    return next((point for point in reversed(curve.points) if math.isfinite(point[1])), None)


def _around(plot: Plot) -> tuple[float, float, float, float]:
    """Give the field, and a little more above and below: a line at its edge is as thick there."""
    left, top, right, bottom = plot.box
    return left, top - style.LINE, right + style.LINE, bottom + style.LINE
