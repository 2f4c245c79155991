"""Facts of charts to draw, and a look at what was drawn."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from bridge.core.charts import ChartFacts, ChartWords, Curve, PieFacts, Slice
from bridge.core.promql import Unit
from bridge.core.series import Point

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0
WORDS = ChartWords(last="last", least="min", mean="mean", most="max", nothing="no data", more="")


def wave(count: int = 240, step: float = 15, level: float = 40) -> tuple[Point, ...]:
    """Make a curve that ends at noon."""
    start = NOON - (count - 1) * step
    return tuple(
        (start + step * index, level + 20 * math.sin(index / 20)) for index in range(count)
    )


CHART = ChartFacts(
    host="web-1",
    title="CPU used",
    unit=Unit.PERCENT,
    start=NOON - HOUR,
    end=NOON,
    zone="Europe/Berlin",
    gap=22.5,
    curves=(Curve(name="", points=wave()),),
    low=0.0,
    high=100.0,
    dark=True,
    words=WORDS,
)
PIE = PieFacts(
    host="web-1",
    title="memory",
    unit=Unit.BYTES,
    slices=(Slice(name="used", value=3 * 1024**3), Slice(name="available", value=1024**3)),
    total="total",
    dark=True,
)


def chart(*points: Point, **changes: Any) -> ChartFacts:
    """Change the usual chart, and its only curve if there are points."""
    curves = {"curves": (Curve(name="", points=points),)} if points else {}
    return replace(CHART, **{**curves, **changes})


def look(png: bytes) -> Image.Image:
    """Read what was drawn."""
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        return image.convert("RGB")


def title_of(png: bytes) -> str:
    """Read what a picture says it is."""
    with Image.open(io.BytesIO(png)) as image:
        return str(image.info["Title"])


def count_near(
    image: Image.Image, colour: str, box: tuple[float, float, float, float] | None = None
) -> int:
    """Count the pixels of about a colour, within a box."""
    left, top, right, bottom = map(int, box or (0, 0, *image.size))
    part = image.crop((left, top, right, bottom))
    wanted = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    pixels: Any = part.getcolors(part.width * part.height) or []
    return sum(
        count
        for count, pixel in pixels
        if sum(abs(one - other) for one, other in zip(pixel, wanted, strict=True)) < 60
    )
