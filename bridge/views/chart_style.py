"""How pictures look: sizes that can be read on a phone, and colours that can be told apart.

All sizes are pixels of a picture a thousand wide. A phone shows it at 300 to 400 of its own points,
so the smallest letters are as large there as the time beside a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1000
PLOT_HEIGHT: Final = 370
MARGIN: Final = 26
TITLE: Final = 36
TEXT: Final = 26
SMALL: Final = 24
ROW: Final = 38
LINE: Final = 3.5
THIN: Final = 1.5


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours for one kind of light."""

    background: str
    text: str
    muted: str
    """Of words that are there to be looked up: the axes, the period."""
    grid: str
    alarm: str
    """Of thresholds, and of times in which an alert fired."""
    curves: tuple[str, ...]
    """As many as are drawn; told apart by colour-blind people too (see the tests)."""
    rest: str
    """Of what is there without being used, in a pie."""


# The colours of Okabe and Ito, made for colour-blind readers; white, and a violet in place of their
# blue, which is too dark here.
DARK: Final = Theme(
    background="#11161d",
    text="#f0f3f6",
    muted="#a3adb8",
    grid="#2d3642",
    alarm="#ff7b72",
    curves=(
        *("#56b4e9", "#e69f00", "#009e73", "#cc79a7"),
        *("#f0e442", "#d55e00", "#ffffff", "#8c66ff"),
    ),
    rest="#3a4552",
)
# Those are too pale on white: these were sought for the same distances, and contrast.
LIGHT: Final = Theme(
    background="#ffffff",
    text="#1a1f24",
    muted="#5a646e",
    grid="#dde2e7",
    alarm="#c62828",
    curves=(
        *("#1565c0", "#d55e00", "#80465d", "#998b54"),
        *("#9900ff", "#990000", "#cc70a7", "#5d4680"),
    ),
    rest="#cfd6dd",
)


def choose_theme(*, dark: bool) -> Theme:
    """Give the colours for a dark or a light room."""
    return DARK if dark else LIGHT
