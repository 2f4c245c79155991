"""What stands below a chart: the last, least, mean and greatest value of each curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bridge.core.charts import ChartFacts, ChartWords, Curve, summarise_curve
from bridge.core.promql import Unit
from bridge.core.series import Statistics
from bridge.views import chart_style as style
from bridge.views.canvas import Canvas
from bridge.views.chart_curves import colour_of, dashes_of
from bridge.views.chart_style import Theme
from bridge.views.quantities import render_quantity

_COLUMNS: Final = (590, 720, 850, style.WIDTH - style.MARGIN)
"""Where the columns of numbers end."""
_SWATCH: Final = 34
_NAME_LEFT: Final = style.MARGIN + _SWATCH + 14
_NAME_WIDTH: Final = 440
_NAME_LEAST: Final = 220
"""What the numbers of a row leave to its name, however long they are."""
_APART: Final = 16
"""Between what stands beside each other in a row, at least."""
_TILES: Final = 82
_NUMBER: Final = 32
"""Letters of the numbers of the only curve."""


def legend_height(facts: ChartFacts) -> int:
    """Say how much room it takes."""
    rows = bool(facts.words.more) * style.ROW
    if not facts.curves:
        return rows
    if len(facts.curves) == 1:
        return rows + _TILES
    return rows + style.ROW * (len(facts.curves) + 1)


def draw_legend(canvas: Canvas, facts: ChartFacts, theme: Theme, top: float) -> None:
    """Write it: large for the only curve, else a row for each."""
    if len(facts.curves) == 1:
        _draw_tiles(canvas, facts, theme, top)
    elif facts.curves:
        _draw_table(canvas, facts, theme, top)
    if facts.words.more:
        y = top + legend_height(facts) - style.ROW / 2
        more = canvas.fit(facts.words.more, style.WIDTH / 2, style.TEXT)
        left = _NAME_LEFT if len(facts.curves) > 1 else style.MARGIN
        canvas.text((left, y), more, colour=theme.muted, size=style.TEXT)


def _draw_tiles(canvas: Canvas, facts: ChartFacts, theme: Theme, top: float) -> None:
    found = summarise_curve(facts.curves[0])
    width = (style.WIDTH - 2 * style.MARGIN) / 4
    words, numbers = _words(facts.words), _numbers(found)
    for column, (word, number) in enumerate(zip(words, numbers, strict=True)):
        left = style.MARGIN + column * width
        title = canvas.fit(word, width - style.MARGIN, style.SMALL)
        canvas.text((left, top + 18), title, colour=theme.muted, size=style.SMALL)
        written = "–" if number is None else render_quantity(number, facts.unit)  # noqa: RUF001 - a dash
        size = min(_NUMBER, _NUMBER * (width - 12) / max(canvas.measure(written, _NUMBER), 1))
        colour = theme.text if column else colour_of(facts, 0, theme)
        canvas.text((left, top + 56), written, colour=colour, size=size, bold=True)


def _draw_table(canvas: Canvas, facts: ChartFacts, theme: Theme, top: float) -> None:
    for right, word in zip(_COLUMNS, _words(facts.words), strict=True):
        title = canvas.fit(word, 120, style.SMALL)
        place = (right, top + style.ROW / 2)
        canvas.text(place, title, colour=theme.muted, size=style.SMALL, across="right")
    for index, curve in enumerate(facts.curves):
        y = top + style.ROW * (index + 1.5)
        colour = colour_of(facts, index, theme)
        canvas.line(
            [(style.MARGIN, y), (style.MARGIN + _SWATCH, y)],
            colour=colour,
            width=2 * style.LINE,
            dashes=dashes_of(index),
        )
        left = _draw_numbers(canvas, facts, curve, theme, y)
        name = canvas.fit(curve.name, min(_NAME_WIDTH, left - _APART - _NAME_LEFT), style.TEXT)
        canvas.text((_NAME_LEFT, y), name, colour=theme.text, size=style.TEXT)


def _draw_numbers(canvas: Canvas, facts: ChartFacts, curve: Curve, theme: Theme, y: float) -> float:
    """Write the numbers of a row, smaller where a column is too narrow; say where they begin."""
    first: float = _COLUMNS[0]
    before: float = _NAME_LEFT + _NAME_LEAST
    for column, (right, number) in enumerate(
        zip(_COLUMNS, _numbers(summarise_curve(curve)), strict=True)
    ):
        written = _write_short(number, facts.unit)
        width = canvas.measure(written, style.TEXT, bold=not column)
        shrunk = min(1.0, (right - before - _APART) / max(width, 1.0))
        canvas.text(
            (right, y),
            written,
            colour=theme.text,
            size=style.TEXT * shrunk,
            bold=not column,
            across="right",
        )
        if not column:
            first = right - width * shrunk
        before = right
    return first


def _words(words: ChartWords) -> Sequence[str]:
    return words.last, words.least, words.mean, words.most


def _numbers(found: Statistics | None) -> Sequence[float | None]:
    return (found.last, found.least, found.mean, found.most) if found else (None,) * 4


def _write_short(number: float | None, unit: Unit) -> str:
    return "–" if number is None else render_quantity(number, unit, is_short=True)  # noqa: RUF001 - a dash
