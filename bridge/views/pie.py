"""Draws a pie, a whole and its parts: facts → PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bridge.core.charts import PieFacts
from bridge.views import chart_style as style
from bridge.views.canvas import Canvas
from bridge.views.chart import write_title
from bridge.views.chart_fonts import BUNDLED
from bridge.views.quantities import render_quantity, write_decimals

_HEIGHT: Final = 560
_MIDDLE: Final = (270.0, 318.0)
_RADII: Final = (128.0, 212.0)
_PARTS_LEFT: Final = 548.0
_PART: Final = 130
_PERCENT: Final = 34
_WHOLE: Final = 40


def draw_pie(facts: PieFacts, families: Sequence[str] = (BUNDLED,)) -> bytes:
    """Draw the parts as a ring, the first in colour, around the whole."""
    theme = style.choose_theme(dark=facts.dark)
    canvas = Canvas(style.WIDTH, ground=theme.background, families=families)
    canvas.set_height(_HEIGHT)
    write_title(canvas, (facts.host, facts.title, ""), theme)
    sizes = [max(each.value, 0.0) for each in facts.slices]
    whole = sum(sizes)
    colours = (theme.curves[0], theme.rest, *theme.curves[1:])
    turned = 0.0
    for index, (part, size) in enumerate(zip(facts.slices, sizes, strict=True)):
        share = size / whole if whole else 0.0
        colour = colours[index % len(colours)]
        canvas.sector(_MIDDLE, _RADII, (turned, turned + share), colour=colour)
        turned += share
        y = _MIDDLE[1] + _PART * (index - (len(sizes) - 1) / 2)
        room = style.WIDTH - style.MARGIN - _PARTS_LEFT
        canvas.box((_PARTS_LEFT - 44, y - 50, _PARTS_LEFT - 20, y - 26), colour=colour)
        name = canvas.fit(part.name, room, style.TEXT)
        canvas.text((_PARTS_LEFT, y - 38), name, colour=theme.muted, size=style.TEXT)
        said = f"{write_decimals(100 * share, 1)} %   {render_quantity(part.value, facts.unit)}"
        canvas.text((_PARTS_LEFT, y + 6), said, colour=theme.text, size=_PERCENT, bold=True)
    x, y = _MIDDLE
    total = canvas.fit(facts.total, 2 * _RADII[0] - style.MARGIN, style.SMALL)
    canvas.text((x, y - 26), total, colour=theme.muted, size=style.SMALL, across="center")
    said = render_quantity(whole, facts.unit)
    canvas.text((x, y + 18), said, colour=theme.text, size=_WHOLE, bold=True, across="center")
    return canvas.png(f"{facts.host} {facts.title}".strip())
