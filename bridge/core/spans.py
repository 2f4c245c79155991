"""Spans: lengths of time as people and Prometheus write them, `15s`, `10m`, `1h30m`, `180d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

LONGEST: Final = timedelta(days=36500)
"""A hundred years: beyond it a typing slip is likelier than a wish."""

_UNITS: Final = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
# Ten digits of seconds exceed a hundred years; the bound keeps a long number from costing time.
_GRAMMAR: Final = re.compile("".join(rf"(?:([0-9]{{1,10}}){unit})?" for unit in _UNITS))
_FORM: Final = "a span is a whole number and a unit, such as 15s, 10m, 2h, 7d or 1h30m"


def parse_span(text: str) -> timedelta:
    """Read a span such as `10m`; raise `ValueError` with a sentence for anything else.

    Units are s, m, h, d and w, the longer before the shorter, each at most once.
    """
    written = text.strip(" \t")
    match = _GRAMMAR.fullmatch(written)
    if not written or match is None:
        raise ValueError(f"{_shown(written)} is no span; {_FORM}")
    counts = (int(count or 0) for count in match.groups())
    seconds = sum(
        count * unit.total_seconds() for count, unit in zip(counts, _UNITS.values(), strict=True)
    )
    if seconds == 0:
        raise ValueError(f"{_shown(written)} is no time at all; {_FORM}")
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{_shown(written)} is longer than a hundred years; {_FORM}")
    return timedelta(seconds=seconds)


def render_span(span: timedelta) -> str:
    """Write a span for `parse_span` and Prometheus to read back; parts of a second are dropped."""
    rest = span // timedelta(seconds=1)
    if rest <= 0:
        return "0s"
    parts = []
    # Weeks are read but not written: 14d is plainer than 2w beside 15d.
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _UNITS[unit] // timedelta(seconds=1))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _shown(text: str) -> str:
    """Quote what was typed, shortened: it goes into one sentence."""
    longest = 40
    quoted = repr(text)
    return quoted if len(quoted) <= longest else quoted[:longest] + "..."
