"""The `date_time` entity's format: which letters it takes and what they come to.

Restates get_date_flags in td FormattedDate.cpp.
"""

from __future__ import annotations

from sandbox.markup.marks import MarkupFault


def parse_date_format(moment: int, letters: str) -> dict[str, object]:
    """Parse the format's letters into the entity's fields, written in one order."""
    extra: dict[str, object] = {"unix_time": moment}
    if shown := render_date_format(letters):
        extra["date_time_format"] = shown
    return extra


def render_date_format(letters: str) -> str:
    """Write a format as Telegram gives it back; the long form of a part wins."""
    if letters in {"r", "R"}:
        return "r"
    if set(letters) - set("tTdDwW"):
        raise MarkupFault("Invalid date format used")
    weekday = "w" if {"w", "W"} & set(letters) else ""
    date = "D" if "D" in letters else "d" if "d" in letters else ""
    time = "T" if "T" in letters else "t" if "t" in letters else ""
    return weekday + date + time
