"""Numbers with their units, as a language writes them: `12.34 %`, `7.76 GiB`, `12.50 Mbit/s`.

Sizes count by 1,024, what goes over a wire by 1,000. Nothing here depends on a time zone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

from babel.numbers import format_decimal

from bridge.views.locale import Translator

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_HUGE: Final = 1e15  # beyond it no digit behind the point is right
_SIGNIFICANT: Final = 6  # digits of a number that nobody has given a unit
_SMALL: Final = 1e-4


def render_percent(value: float, translator: Translator, digits: int = 2) -> str:
    """Write a percentage."""
    return f"{render_decimal(value, translator, digits)} %"


def render_share(share: float, translator: Translator) -> str:
    """Write a part of the whole, 0 to 1, so that only all of it reads as 100 %."""
    percent = math.floor(round(share * 100, 6) * 100) / 100 if math.isfinite(share) else share
    return render_percent(percent, translator)


def render_bytes(count: float, translator: Translator) -> str:
    """Write a size: whole bytes, from a KiB on with two decimals."""
    gettext = translator.gettext
    units = (
        gettext("%(number)s B"),
        gettext("%(number)s KiB"),
        gettext("%(number)s MiB"),
        gettext("%(number)s GiB"),
        gettext("%(number)s TiB"),
        gettext("%(number)s PiB"),
        gettext("%(number)s EiB"),
    )
    return _render_scaled(count, translator, units, step=1024, digits=2)


def render_bits(rate: float, translator: Translator) -> str:
    """Write how many bits a second go over a wire."""
    gettext = translator.gettext
    units = (
        gettext("%(number)s bit/s"),
        gettext("%(number)s kbit/s"),
        gettext("%(number)s Mbit/s"),
        gettext("%(number)s Gbit/s"),
        gettext("%(number)s Tbit/s"),
    )
    return _render_scaled(rate, translator, units, step=1000, digits=2)


def render_hertz(frequency: float, translator: Translator) -> str:
    """Write how fast a processor runs."""
    return translator.gettext("%(number)s GHz") % {
        "number": render_decimal(frequency / 1e9, translator, 2)
    }


def render_uptime(length: timedelta, translator: Translator) -> str:
    """Write how long a machine has run: `3 days, 04:05:06`."""
    length = max(length, timedelta(0))
    days, seconds = length // _DAY, length % _DAY // _SECOND
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if not days:
        return clock
    words = translator.ngettext("%(count)s day", "%(count)s days", days)
    told = words % {"count": translator.render_count(days)}
    return translator.gettext("%(days)s, %(clock)s") % {"days": told, "clock": clock}


def render_decimal(value: float, translator: Translator, digits: int = 2) -> str:
    """Write a number with so many digits behind the point."""
    if not math.isfinite(value):
        return render_odd(value)
    if abs(value) >= _HUGE:
        return f"{value:.3e}"
    return str(
        format_decimal(_positive(round(value, digits)), _pattern(digits), translator.language)
    )


def render_number(value: float, translator: Translator) -> str:
    """Write a number of which nothing is known, in as few digits as tell it."""
    if not math.isfinite(value):
        return render_odd(value)
    if value == int(value) and abs(value) < _HUGE:
        return translator.render_count(int(value))
    if not _SMALL <= abs(value) < _HUGE:
        return f"{value:.{_SIGNIFICANT}g}"
    before = max(0, math.floor(math.log10(abs(value))) + 1)
    digits = max(0, _SIGNIFICANT - before) if abs(value) >= 1 else _SIGNIFICANT
    pattern = f"#,##0.{'#' * digits}" if digits else "#,##0"
    return str(format_decimal(round(value, digits), pattern, translator.language))


def render_odd(value: float) -> str:
    """Write what is no number as Prometheus does."""
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def _render_scaled(
    value: float, translator: Translator, units: Sequence[str], *, step: int, digits: int
) -> str:
    """Write a number in the largest unit of which there is one at least."""
    if not math.isfinite(value):
        return units[0] % {"number": render_odd(value)}
    power = 0
    # What would be rounded up to a whole larger unit is written in that one.
    while abs(round(value, digits if power else 0)) >= step and power < len(units) - 1:
        value /= step
        power += 1
    shown = render_decimal(value, translator, digits if power else 0)
    return units[power] % {"number": shown}


@lru_cache(maxsize=16)
def _pattern(digits: int) -> str:
    return f"#,##0.{'0' * digits}" if digits else "#,##0"


def _positive(value: float) -> float:
    """Take the sign off a zero."""
    return value or 0.0
