"""Text in pictures: any text at all, made fit to be drawn on one line."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

_ELLIPSIS: Final = "…"
_SYMBOLS: Final = 0x2600
"""From here on, symbols are little pictures, which letters' fonts do not have."""
_LOST: Final = "\N{WHITE SQUARE}"
_MOST: Final = 400
"""Characters that are looked at: no line of a picture holds more."""


def clean_label(text: str, has_glyph: Callable[[str], bool] = lambda _: True) -> str:
    """Make one line of it, without what cannot be drawn; what no font has becomes a box."""
    line = " ".join(unicodedata.normalize("NFC", text[:_MOST]).split())
    kept = (each for each in line if _is_drawn(each))
    return "".join(each if each == " " or has_glyph(each) else _LOST for each in kept).strip()


def shorten_label(text: str, width: float, measure: Callable[[str], float]) -> str:
    """Leave out the middle of what is too wide: names differ at their ends."""
    if measure(text) <= width:
        return text
    least, most = 0, len(text) - 1
    while least < most:
        middle = (least + most + 1) // 2
        if measure(_without_middle(text, middle)) <= width:
            least = middle
        else:
            most = middle - 1
    return _without_middle(text, least)


def _without_middle(text: str, kept: int) -> str:
    begin = kept - kept // 2
    return f"{text[:begin].rstrip()}{_ELLIPSIS}{text[len(text) - kept // 2 :].lstrip()}"


def _is_drawn(character: str) -> bool:
    """Leave out controls, halves of characters, marks of direction, and little pictures."""
    category = unicodedata.category(character)
    if category in {"Cc", "Cf", "Cs", "Co", "Cn"} or "\ufe00" <= character <= "\ufe0f":
        return False
    return not (category in {"So", "Sk"} and ord(character) >= _SYMBOLS)
