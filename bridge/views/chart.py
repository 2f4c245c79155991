"""Draws a chart of values over time: facts → PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from bridge.core.charts import ChartFacts
from bridge.views import chart_style as style
from bridge.views.canvas import Canvas
from bridge.views.chart_axes import write_period
from bridge.views.chart_curves import draw_curves, name_curves
from bridge.views.chart_fonts import BUNDLED
from bridge.views.chart_legend import draw_legend, legend_height
from bridge.views.chart_marks import draw_axes, draw_shades, draw_thresholds
from bridge.views.chart_plot import Plot, lay_out_plot
from bridge.views.chart_style import Theme

_TITLE_AT: Final = 42
_PERIOD_AT: Final = 88
_LEGEND_APART: Final = 10


def draw_chart(facts: ChartFacts, families: Sequence[str] = (BUNDLED,)) -> bytes:
    """Draw a chart; characters that no family has become boxes."""
    theme = style.choose_theme(dark=facts.dark)
    zone = ZoneInfo(facts.zone)
    canvas = Canvas(style.WIDTH, ground=theme.background, families=families)
    plot = lay_out_plot(canvas, facts, zone)
    legend = plot.below + _LEGEND_APART
    canvas.set_height(int(legend + legend_height(facts) + style.MARGIN / 2))
    write_title(canvas, (facts.host, facts.title, plot.values.symbol), theme)
    period = write_period(facts.start, facts.end, zone)
    canvas.text((style.MARGIN, _PERIOD_AT), period, colour=theme.muted, size=style.SMALL)
    draw_axes(canvas, plot, theme)
    draw_shades(canvas, plot, facts, theme)
    draw_curves(canvas, plot, facts, theme)
    draw_thresholds(canvas, plot, facts, theme)
    name_curves(canvas, plot, facts, theme)
    if not any(curve.points for curve in facts.curves):
        _write_nothing(canvas, plot, facts, theme)
    draw_legend(canvas, facts, theme, legend)
    return canvas.png(f"{facts.host} {facts.title}".strip())


def write_title(canvas: Canvas, parts: tuple[str, str, str], theme: Theme) -> None:
    """Write whom it is about, what is shown, and its unit, as wide as the picture allows."""
    host, title, unit = parts
    room = style.WIDTH - 2 * style.MARGIN
    left = float(style.MARGIN)
    if host:
        name = canvas.fit(host, room * 0.55, style.TITLE, bold=True)
        canvas.text((left, _TITLE_AT), name, colour=theme.text, size=style.TITLE, bold=True)
        left += canvas.measure(name, style.TITLE, bold=True) + style.TITLE * 0.45
    behind = f", {unit}" if unit else ""
    width = style.WIDTH - style.MARGIN - left - canvas.measure(behind, style.TITLE)
    shown = canvas.fit(title, width, style.TITLE) + behind
    canvas.text((left, _TITLE_AT), shown, colour=theme.text, size=style.TITLE)


def _write_nothing(canvas: Canvas, plot: Plot, facts: ChartFacts, theme: Theme) -> None:
    left, top, right, bottom = plot.box
    canvas.text(
        ((left + right) / 2, (top + bottom) / 2),
        canvas.fit(facts.words.nothing, right - left, style.TITLE),
        colour=theme.muted,
        size=style.TITLE,
        across="center",
        ground=theme.background,
    )
