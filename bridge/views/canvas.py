"""A picture to draw on, in pixels from its upper left corner.

Everything is placed by hand: the library's own axes, ticks and layout would take most of the time
that a picture may take.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final, Literal

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle, Wedge
from matplotlib.text import Text
from matplotlib.transforms import Bbox, IdentityTransform, TransformedBbox
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bridge.views.chart_fonts import can_write, find_file, has_glyph
from bridge.views.chart_text import clean_label, shorten_label

DOTS: Final = 100
"""An inch; any will do, as long as sizes in points are reckoned with it."""
_POINT: Final = 72 / DOTS
_MIDDLE: Final = 0.36
"""Half the height of a capital, for a size of one."""
_COLOURS: Final = 256
_RUNS: Final = 3
"""zlib's Z_RLE: what repeats in a row is packed, and nothing is searched for."""

Place = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Canvas:
    """A picture under way."""

    def __init__(self, width: int, *, ground: str, families: Sequence[str]) -> None:
        self.width = width
        self.height = 0
        self._families = tuple(families)
        # A pixel high until it is known how high: what is measured does not depend on it.
        self._figure = Figure(figsize=(width / DOTS, 1 / DOTS), dpi=DOTS, facecolor=ground)
        self._agg: Any = FigureCanvasAgg(self._figure)  # its methods have no types
        self._fonts: dict[tuple[tuple[str, ...], float, bool], FontProperties] = {}

    def set_height(self, height: int) -> None:
        """Say how high it is; nothing may be drawn before."""
        self.height = height
        self._figure.set_size_inches(self.width / DOTS, height / DOTS)

    def clean(self, text: str) -> str:
        """Make a text fit to be drawn here."""
        return clean_label(text, lambda each: has_glyph(self._families, each))

    def measure(self, text: str, size: float, *, bold: bool = False) -> float:
        """Say how wide a clean text is."""
        if not text:
            return 0.0
        renderer = self._agg.get_renderer()
        font = self._font(text, size, bold=bold)
        width, _, _ = renderer.get_text_width_height_descent(text, font, ismath=False)
        return float(width)

    def fit(self, text: str, width: float, size: float, *, bold: bool = False) -> str:
        """Clean a text, and shorten it to a width."""
        clean = self.clean(text)
        if len(clean) * size <= width:  # hardly any letter is wider than high
            return clean
        return shorten_label(clean, width, lambda part: self.measure(part, size, bold=bold))

    def text(
        self,
        place: Place,
        text: str,
        *,
        colour: str,
        size: float,
        bold: bool = False,
        across: Literal["left", "center", "right"] = "left",
        ground: str = "",
    ) -> None:
        """Write a clean text, the middle of its capitals at this height."""
        if not text:
            return
        artist = Text(
            place[0],
            self.height - place[1] - size * _MIDDLE,
            text,
            color=colour,
            fontproperties=self._font(text, size, bold=bold),
            horizontalalignment=across,
            verticalalignment="baseline",
            parse_math=False,
            transform=IdentityTransform(),
            zorder=6,
        )
        if ground:
            artist.set_bbox({"facecolor": ground, "alpha": 0.75, "pad": 2.0, "linewidth": 0})
        self._figure.add_artist(artist)

    def line(
        self,
        places: Sequence[Place],
        *,
        colour: str,
        width: float,
        within: Box | None = None,
        dashes: tuple[float, float] | None = None,
        above: float = 3,
    ) -> None:
        """Draw a line through these."""
        artist = Line2D(
            [x for x, _ in places],
            [self.height - y for _, y in places],
            color=colour,
            linewidth=width * _POINT,
            linestyle=(0, dashes) if dashes else "-",
            solid_capstyle="round",
            solid_joinstyle="round",
            dash_capstyle="butt",
            transform=IdentityTransform(),
            zorder=above,
        )
        self._add(artist, within)

    def dot(self, place: Place, *, colour: str, radius: float, within: Box | None = None) -> None:
        """Draw a point that no line goes through."""
        at = (place[0], self.height - place[1])
        artist = Circle(at, radius, color=colour, linewidth=0, zorder=4)
        artist.set_transform(IdentityTransform())
        self._add(artist, within)

    def area(
        self,
        upper: Sequence[Place],
        lower: Sequence[Place],
        *,
        colour: str,
        opacity: float,
        within: Box | None = None,
    ) -> None:
        """Fill what is between two lines."""
        around = [*upper, *reversed(lower)]
        artist = PolyCollection(
            [[(x, self.height - y) for x, y in around]],
            facecolors=[colour],
            alpha=opacity,
            linewidths=0,
            transform=IdentityTransform(),
            zorder=2,
        )
        self._add(artist, within)

    def box(self, box: Box, *, colour: str, opacity: float = 1.0, above: float = 1) -> None:
        """Fill a box."""
        left, top, right, bottom = box
        artist = Rectangle(
            (left, self.height - bottom),
            right - left,
            bottom - top,
            facecolor=colour,
            alpha=opacity,
            linewidth=0,
            zorder=above,
        )
        artist.set_transform(IdentityTransform())
        self._figure.add_artist(artist)

    def sector(
        self, place: Place, radii: tuple[float, float], turns: tuple[float, float], *, colour: str
    ) -> None:
        """Fill a part of a ring, clockwise from the top, in turns."""
        inner, outer = radii
        first, last = (90 - 360 * turn for turn in turns)
        artist = Wedge(
            (place[0], self.height - place[1]),
            outer,
            last,
            first,
            width=outer - inner,
            facecolor=colour,
            linewidth=0,
        )
        artist.set_transform(IdentityTransform())
        self._figure.add_artist(artist)

    def png(self, title: str) -> bytes:
        """Give the picture as a file that says what it is."""
        # Fitting letters to pixels takes a third of the time, and phones show other pixels anyway.
        with rc_context({"text.hinting": "none"}):
            self._agg.draw()
        size = (self.width, self.height)
        drawn = Image.frombytes("RGB", size, self._agg.buffer_rgba(), "raw", "RGBX", 0, 1)
        # 256 colours are enough for so few, and packed in a third of the time and space.
        plain = drawn.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE)
        about = PngInfo()
        about.add_itxt("Title", clean_label(title))
        file = io.BytesIO()
        plain.save(file, "PNG", pnginfo=about, compress_level=6, compress_type=_RUNS)
        return file.getvalue()

    def _font(self, text: str, size: float, *, bold: bool) -> FontProperties:
        """Give the first font alone where it has all letters: looking for others takes time."""
        first = self._families[:1]
        families = first if can_write(first, text) else self._families
        font = self._fonts.get((families, size, bold))
        if font is None:
            weight = "bold" if bold else "normal"
            path = find_file(families[0], bold=bold) if families == first else None
            font = FontProperties(
                family=list(families), size=size * _POINT, weight=weight, fname=path
            )
            self._fonts[families, size, bold] = font
        return font

    def _add(self, artist: Any, within: Box | None) -> None:
        if within is not None:
            left, top, right, bottom = within
            box = Bbox.from_extents(left, self.height - bottom, right, self.height - top)
            artist.set_clip_box(TransformedBbox(box, IdentityTransform()))
        self._figure.add_artist(artist, clip=False)
