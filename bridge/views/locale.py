"""The languages: words from the catalogues, and times as a person says them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES: Final = ("en", "zh_TW", "ru")
DEFAULT_LANGUAGE: Final = "en"

_DASH: Final = "–"  # noqa: RUF001 - from-to is written with an en dash


class Translator:
    """One language's words."""

    def __init__(self, language: str, catalogue: Path) -> None:
        self.language = language
        with catalogue.open("rb") as source:
            messages = read_po(source, locale=language, abort_invalid=True)
        compiled = io.BytesIO()
        write_mo(compiled, messages)
        compiled.seek(0)
        self._words = GNUTranslations(compiled)

    def gettext(self, message: str) -> str:
        """Say it in this language."""
        # A catalogue's header stands under the empty message.
        return self._words.gettext(message) if message else ""

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """Say it in this language, in the form for `count`."""
        return self._words.ngettext(singular, plural, count)

    def render_count(self, count: int) -> str:
        """Write a number with this language's grouping."""
        return str(format_decimal(count, locale=self.language))

    def render_span(self, span: timedelta) -> str:
        """Say how long it was in its two largest units: `4 min 12 s`."""
        seconds = max(0, int(span.total_seconds()))
        minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
        if days:
            return self._pair(self._days(days), self._hours(hours % 24), hours % 24)
        if hours:
            return self._pair(self._hours(hours), self._minutes(minutes % 60), minutes % 60)
        if minutes:
            return self._pair(self._minutes(minutes), self._seconds(seconds % 60), seconds % 60)
        return self._seconds(seconds)

    def _pair(self, larger: str, smaller: str, count: int) -> str:
        return f"{larger} {smaller}" if count else larger

    def _days(self, count: int) -> str:
        return self.ngettext("%(count)d d", "%(count)d d", count) % {"count": count}

    def _hours(self, count: int) -> str:
        return self.ngettext("%(count)d h", "%(count)d h", count) % {"count": count}

    def _minutes(self, count: int) -> str:
        return self.ngettext("%(count)d min", "%(count)d min", count) % {"count": count}

    def _seconds(self, count: int) -> str:
        return self.ngettext("%(count)d s", "%(count)d s", count) % {"count": count}


def load_translators(folder: Path) -> Mapping[str, Translator]:
    """Read every language's catalogue; there is no compiled form on disk."""
    return {language: Translator(language, folder / f"{language}.po") for language in LANGUAGES}


def render_time(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Write a moment as the zone's clocks show it, with its date unless that is today."""
    shown = _there(at, zone)
    if shown.date() != _there(now, zone).date():
        return _full(shown)
    return f"{shown:%H:%M:%S} {_abbreviation(shown)}"


def render_period(start: datetime, end: datetime, zone: tzinfo, now: datetime) -> str:
    """Write from when to when, a date and zone that hold for both only once."""
    first, last = _there(start, zone), _there(end, zone)
    if first.date() != last.date():
        # Beside a date, a clock alone would be read as that day's.
        return f"{_full(first)} {_DASH} {_full(last)}"
    if first.utcoffset() != last.utcoffset():
        return f"{render_time(start, zone, now)} {_DASH} {render_time(end, zone, now)}"
    begun = render_time(start, zone, now).removesuffix(f" {_abbreviation(first)}")
    return f"{begun}{_DASH}{last:%H:%M:%S} {_abbreviation(last)}"


def _there(at: datetime, zone: tzinfo) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:
        # The calendar's last hours exist in some zones only; they come from a broken clock.
        return at.astimezone(UTC)


def _full(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} {_abbreviation(at)}"


def _abbreviation(at: datetime) -> str:
    return at.tzname() or f"{at:%z}"
