"""Which stretch of time a person wants a picture of: `[host] [[hhmm] minutes]`.

    (nothing)         the last five minutes
    30                the last 30 minutes: one number is always minutes
    1h30m             a span stands wherever minutes may
    1940 10           ten minutes to either side of 19:40, the last time that a clock showed it
    web-1 1940 10     the same of another host than the usual one

Words are told apart by their form alone, so a host that is called like a span, such as `7d`, has
to be followed by minutes. No window reaches into the future, or further back than samples are kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from bridge.core.spans import parse_span, render_span
from bridge.core.typed import show_word
from bridge.errors import Mistake

USUAL: Final = timedelta(minutes=5)
"""The span of a picture that names none."""
SHORTEST: Final = timedelta(minutes=1)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])")
_NUMBER: Final = re.compile(r"[0-9]+")
_SPAN: Final = re.compile(r"(?:[0-9]+[smhdw])+", re.IGNORECASE)
_AROUND: Final = timedelta(minutes=30)  # chosen: what led to an alert, and what came of it
_MOST_DIGITS: Final = 9  # chosen: more minutes than any retention, and quick to read
_MOST_WORDS: Final = 3
_DAYS_BACK: Final = 3
"""A clock shows each minute at least once in so many days, whatever is skipped."""
# What stands before the second half of an expression, never before minutes.
_UNFINISHED: Final = re.compile(
    r"(?:[-+*/%^=!<>~@,(\[{]|\b(?:and|or|unless|atan2|bool|offset|by|without|on|ignoring))\s*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of time that is over, as instants of UTC."""

    start: datetime
    end: datetime

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A picture as it was asked for."""

    host: str | None
    """The word that names the host; None is the usual one."""
    window: Window
    span: timedelta
    """What was asked for: the last so long, or so long to either side of `around`."""
    around: datetime | None = None
    """The moment in the middle, where a time of day was given."""


def parse_wish(words: Sequence[str], *, now: datetime, zone: tzinfo, retention: timedelta) -> Wish:
    """Read the words after the command.

    Raises:
        Mistake: they are no wish; the sentence names the word that is wrong.
    """
    if len(words) > _MOST_WORDS:
        raise Mistake(
            "%(word)s is one word too many; write [host] [[hhmm] minutes]",
            word=show_word(words[_MOST_WORDS]),
        )
    host, clock, minutes = _sort(words)
    span = USUAL if minutes is None else parse_minutes(minutes, retention=retention)
    if clock is None:
        return Wish(host=host, window=last(span, now), span=span)
    around = find_last(_parse_clock(clock), now=now, zone=zone)
    now = now.astimezone(UTC)  # a zone's own sums go by its clocks, which change
    window = Window(start=max(around - span, now - retention), end=min(around + span, now))
    if window.span < SHORTEST:
        raise Mistake("nothing is kept of %(word)s any more", word=clock)
    return Wish(host=host, window=window, span=span, around=around)


def parse_minutes(word: str, *, retention: timedelta) -> timedelta:
    """Read a number of minutes, or a span such as `1h30m`.

    Raises:
        Mistake: it is neither, shorter than a minute, or longer than samples are kept.
    """
    span = _read_minutes(word)
    if span is None:
        raise Mistake(
            "%(word)s is no number of minutes; write a whole number such as 30, or 1h, or 7d",
            word=show_word(word),
        )
    if span < SHORTEST:
        raise Mistake("%(word)s is too short; it takes a minute at least", word=show_word(word))
    if span > retention:
        raise Mistake(
            "%(word)s is too long; samples are kept for %(longest)s",
            word=show_word(word),
            longest=render_span(retention),
        )
    return span


def split_minutes(text: str, *, retention: timedelta) -> tuple[str, timedelta | None]:
    """Part a query from the minutes behind it: `up 30` is `up` of the last 30 minutes.

    A number that still belongs to the query, as in `up * 30` or `up offset 5m`, is none.

    Raises:
        Mistake: the minutes are too few or too many.
    """
    query, *behind = text.strip().rsplit(maxsplit=1) or [""]
    if not behind or _read_minutes(behind[0]) is None or _UNFINISHED.search(query):
        return text.strip(), None
    return query, parse_minutes(behind[0], retention=retention)


def last(span: timedelta, now: datetime) -> Window:
    """Give the window of so long that ends now."""
    end = now.astimezone(UTC)
    return Window(start=end - span, end=end)


def write_around(
    start: datetime, end: datetime | None, *, now: datetime, zone: tzinfo, retention: timedelta
) -> tuple[str, ...]:
    """Write, for `parse_wish`, a time that shows what began and ended, and a while around it.

    Of what goes on, or is over for so long that no time of day means it, all is shown up to now.
    """
    longest = max(retention // SHORTEST, 1)
    if end is not None:
        middle = (start + (end - start) / 2).astimezone(zone)
        minutes = ((end - start) / 2 + _AROUND) // SHORTEST
        shown = find_last(time(middle.hour, middle.minute), now=now, zone=zone)
        if timedelta(0) <= middle - shown < SHORTEST:
            return f"{middle:%H%M}", str(min(max(minutes, 1), longest))
    minutes = max(now - start + _AROUND, 2 * _AROUND) // SHORTEST
    return (str(min(minutes, longest)),)


def find_last(clock: time, *, now: datetime, zone: tzinfo) -> datetime:
    """Find the last instant, up to now, at which the clocks of a zone showed a time of day.

    An hour that was skipped was not shown that day; of one that came twice the later one counts.
    """
    today = now.astimezone(zone).date()
    shown = (
        datetime.combine(today - timedelta(days=back), clock, zone).replace(fold=fold)
        for back in range(_DAYS_BACK + 1)
        for fold in (1, 0)
    )
    moments = (each.astimezone(UTC) for each in shown if _exists(each))
    return max(each for each in moments if each <= now)


def _exists(shown: datetime) -> bool:
    """Say whether clocks ever showed this."""
    back = shown.astimezone(UTC).astimezone(shown.tzinfo)
    return back.replace(tzinfo=None, fold=0) == shown.replace(tzinfo=None, fold=0)


def _sort(words: Sequence[str]) -> tuple[str | None, str | None, str | None]:
    """Tell host, time of day and minutes apart, by number and form."""
    if len(words) == _MOST_WORDS:
        return _require_host(words[0]), words[1], words[2]
    if not words:
        return None, None, None
    if len(words) == 1:
        (word,) = words
        is_host = not (word[0] in "+-" or word.isnumeric() or _SPAN.fullmatch(word))
        return (word, None, None) if is_host else (None, None, word)
    first, minutes = words
    if first.isnumeric():
        return None, first, minutes
    return _require_host(first), None, minutes


def _require_host(word: str) -> str:
    if word[0] in "+-" or word.isnumeric():
        raise Mistake("%(word)s is no host; write [host] [[hhmm] minutes]", word=show_word(word))
    return word


def _parse_clock(word: str) -> time:
    match = _CLOCK.fullmatch(word)
    if match is None:
        raise Mistake(
            "%(word)s is no time of day; write four digits from 0000 to 2359, such as 0940",
            word=show_word(word),
        )
    return time(int(match[1]), int(match[2]))


def _read_minutes(word: str) -> timedelta | None:
    """Read them; what exceeds every count of minutes is the longest time there is."""
    if _NUMBER.fullmatch(word):
        return timedelta(minutes=int(word)) if _is_countable(word) else timedelta.max
    if not _SPAN.fullmatch(word):
        return None
    if not word.strip("0smhdwSMHDW"):
        return timedelta(0)
    try:
        return parse_span(word.lower())
    except ValueError:
        return None


def _is_countable(number: str) -> bool:
    return len(number.lstrip("0")) <= _MOST_DIGITS
