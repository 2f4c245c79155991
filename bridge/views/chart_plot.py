"""The field of a chart: where it is, and where moments and values are in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from bridge.core.charts import ChartFacts
from bridge.core.series import Point
from bridge.views import chart_style as style
from bridge.views.canvas import Box, Canvas, Place
from bridge.views.chart_axes import Moment, Values, lay_out_time, lay_out_values

TOP: Final = 122
"""Where the field begins: below the title and the period."""
SHADE_NAMES: Final = 28
"""Room above the field for the names of alerts, where there are any."""
MARK_APART: Final = 14
"""Between the field and the labels of its axes."""
_NAME_WIDTH: Final = 200
"""The widest that a name beside its line may be."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A field with its axes."""

    box: Box
    values: Values
    moments: tuple[Moment, ...]
    start: float
    end: float
    names: tuple[str, ...]
    """Of the curves, cleaned, and short enough to stand beside their ends; none for only one."""

    def x(self, at: float) -> float:
        """Place a moment."""
        left, _, right, _ = self.box
        return left + (right - left) * (at - self.start) / (self.end - self.start)

    def y(self, value: float) -> float:
        """Place a value."""
        _, top, _, bottom = self.box
        share = (value - self.values.low) / (self.values.high - self.values.low)
        return bottom - (bottom - top) * share

    def place(self, point: Point) -> Place:
        """Place a value of a moment."""
        return self.x(point[0]), self.y(point[1])

    @property
    def below(self) -> float:
        """Where the labels of the time axis end."""
        rows = 2 if any(each.date for each in self.moments) else 1
        return self.box[3] + rows * style.SMALL * 1.3 + MARK_APART


def lay_out_plot(canvas: Canvas, facts: ChartFacts, zone: ZoneInfo) -> Plot:
    """Find the place that the labels around leave."""
    shown = [
        value for curve in facts.curves for _, value in curve.points if abs(value) < float("inf")
    ]
    shown += [end for curve in facts.curves for _, *ends in curve.band for end in ends]
    shown += [threshold.value for threshold in facts.thresholds]
    values = lay_out_values(shown, facts.unit, low=facts.low, high=facts.high)
    names: tuple[str, ...] = ()
    if len(facts.curves) > 1:
        names = tuple(canvas.fit(each.name, _NAME_WIDTH, style.SMALL) for each in facts.curves)
    labels = max(canvas.measure(label, style.SMALL) for _, label in values.marks)
    beside = max((canvas.measure(name, style.SMALL) for name in names), default=0)
    top = TOP + (SHADE_NAMES if facts.shades else 0)
    return Plot(
        box=(
            style.MARGIN + labels + MARK_APART,
            top,
            style.WIDTH - style.MARGIN - (beside + MARK_APART if beside else MARK_APART),
            top + style.PLOT_HEIGHT,
        ),
        values=values,
        moments=lay_out_time(facts.start, facts.end, zone),
        start=facts.start,
        end=facts.end,
        names=names,
    )
