"""Whole numbers as clients write them in texts."""

from __future__ import annotations

from typing import Final

_MOST_DIGITS: Final = 19  # of 64 bits; Python itself refuses to read some thousands


def parse_integer(text: str) -> int | None:
    """Parse a whole number of some 64 bits; everything else is none."""
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS
    return int(text) if is_number else None
