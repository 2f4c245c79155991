"""What a chat has chosen: its language and zone, what it hears, and when phones stay quiet.

Everything may be left open; the settings, or the widest choice, then hold. A topic that has chosen
nothing has what its chat has chosen. The store keeps what was chosen as it would be typed.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from bridge.core.alerts import Severity
from bridge.core.kinds import AlertKind, kind_of
from bridge.errors import Mistake

DEFAULT: Final = "default"
"""The word that takes a choice back."""
_ALL: Final = "all"
_OFF: Final = "off"
_HOURS: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])-([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DASHES: Final = str.maketrans("–—−", "---")  # noqa: RUF001 - phones write them for a hyphen
_EXAMPLES: Final = {
    "language": "language ru",
    "zone": "zone Europe/Berlin",
    "notify": "notify critical",
    "quiet": "quiet 22:00-07:00",
    "kinds": "kinds -cpu",
    "charts": "charts dark",
}
"""What may be chosen → how it is typed."""
_OFFERED: Final = 3  # chosen: zones named to somebody who mistyped one
_ECHOED: Final = 50  # characters of a mistyped word that are said back
_Choice = TypeVar("_Choice", bound=enum.Enum)


class Notify(enum.Enum):
    """Which alerts a chat is shown."""

    ALL = "all"
    CRITICAL = "critical"
    OFF = "off"


class Look(enum.Enum):
    """How charts are drawn."""

    DARK = "dark"
    LIGHT = "light"


class QuietHours(NamedTuple):
    """From when until when phones stay quiet, in minutes since midnight on the wall's clock."""

    start: int
    end: int
    """Before `start` where the hours go over midnight; the same where no hour is quiet."""

    def cover(self, now: datetime, zone: tzinfo) -> bool:
        """Say whether they hold at a moment, as the clocks of a zone show it.

        The clock on the wall decides: an hour that comes twice is quiet twice, and one that is left
        out takes nothing with it.
        """
        local = now.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def __str__(self) -> str:
        """Write them as they are typed: `22:00-07:00`, or `off`."""
        return (
            _OFF
            if self.start == self.end
            else "-".join(f"{each // 60:02}:{each % 60:02}" for each in self)
        )


_NEVER_QUIET: Final = QuietHours(0, 0)


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What a chat has chosen; None where it has not."""

    language: str | None = None
    zone: str | None = None
    """A name of the time zone database."""
    notify: Notify | None = None
    quiet: QuietHours | None = None
    muted: frozenset[AlertKind] | None = None
    """Kinds of alerts that it does not hear."""
    charts: Look | None = None

    def wants(self, labels: Mapping[str, str]) -> bool:
        """Say whether it wants to hear of an alert."""
        if self.notify is Notify.OFF:
            return False
        if self.notify is Notify.CRITICAL and Severity.of(labels) is not Severity.CRITICAL:
            return False
        return not self.muted or kind_of(labels) not in self.muted

    @property
    def is_off(self) -> bool:
        """Say whether it wants to hear of no alert at all."""
        return self.notify is Notify.OFF or self.muted == frozenset(AlertKind)

    def over(self, wider: Preferences) -> Preferences:
        """Fill in what is left open with what the chat around a topic has chosen."""
        pairs = ((each.name, getattr(self, each.name)) for each in fields(self))
        return replace(wider, **{name: own for name, own in pairs if own is not None})

    def spell(self) -> dict[str, str]:
        """Write what was chosen as it is typed, by name."""
        written: Mapping[str, object] = {
            "language": self.language,
            "zone": self.zone,
            "notify": self.notify and self.notify.value,
            "quiet": self.quiet,
            "kinds": None if self.muted is None else _spell_kinds(self.muted),
            "charts": self.charts and self.charts.value,
        }
        return {name: str(value) for name, value in written.items() if value is not None}

    to_json = spell

    @classmethod
    def from_json(cls, kept: object) -> Preferences:
        """Read what `to_json` wrote; what is not understood counts as not chosen."""
        read = cls()
        for name, value in kept.items() if isinstance(kept, Mapping) else ():
            try:
                read = change_preferences(read, [name, *value.split()], languages=(value,))
            except (Mistake, AttributeError):
                continue
        return read


NO_PREFERENCES: Final = Preferences()


def change_preferences(
    before: Preferences, words: Sequence[str], *, languages: Collection[str]
) -> Preferences:
    """Take what was typed, such as `quiet 22:00-07:00`, for a choice.

    Raises:
        Mistake: it makes no sense; the sentence says what would.
    """
    name, values = (words[0].casefold() if words else ""), list(words[1:])
    if name not in _EXAMPLES:
        raise Mistake(
            "%(word)s is no setting; write one of %(names)s",
            word=_echo(name) or "…",
            names=", ".join(_EXAMPLES),
        )
    if not values:
        raise Mistake(
            "say what %(name)s shall be, such as /settings %(example)s",
            name=name,
            example=_EXAMPLES[name],
        )
    field = "muted" if name == "kinds" else name
    if [each.casefold() for each in values] == [DEFAULT]:
        return replace(before, **{field: None})
    if name == "kinds":
        return replace(before, muted=_parse_kinds(before.muted or frozenset(), values))
    if name == "language":
        return replace(before, language=_parse_language(" ".join(values), languages))
    return replace(before, **{field: _PARSERS[name](" ".join(values))})


def find_zone(name: str | None) -> tzinfo | None:
    """Find a zone by its name; None where there is none."""
    known = _zones().get((name or "").casefold())
    return ZoneInfo(known) if known else None


@lru_cache(maxsize=1)
def _zones() -> Mapping[str, str]:
    """Name all zones; the database that Python reads them from changes with the machine only."""
    return {name.casefold(): name for name in sorted(available_timezones())}


@lru_cache(maxsize=1)
def _cities() -> Mapping[str, Sequence[str]]:
    """Name the zones of each city."""
    cities: dict[str, list[str]] = {}
    for name in _zones().values():
        cities.setdefault(name.rpartition("/")[2].casefold(), []).append(name)
    return cities


def _parse_language(word: str, languages: Collection[str]) -> str:
    wanted = word.replace("-", "_").casefold()
    for language in languages:
        if language.casefold() == wanted:
            return language
    raise Mistake(
        "%(word)s is no language; write one of %(names)s",
        word=_echo(word),
        names=", ".join(languages),
    )


def _parse_zone(words: str) -> str:
    """Read a zone's name in any case; its city alone will do where there is one of that name."""
    wanted, zones, cities = words.replace(" ", "_").casefold(), _zones(), _cities()
    if wanted in zones:
        return zones[wanted]
    if len(cities.get(wanted, ())) == 1:
        return cities[wanted][0]
    near = [wanted, *get_close_matches(wanted[:_ECHOED], [*zones, *cities])]
    names = [name for each in near for name in (zones.get(each), *cities.get(each, ())) if name]
    if names:
        raise Mistake(
            "%(word)s is no time zone; did you mean %(names)s?",
            word=_echo(words),
            names=", ".join(list(dict.fromkeys(names))[:_OFFERED]),
        )
    raise Mistake("%(word)s is no time zone; write a name such as Europe/Berlin", word=_echo(words))


def _parse_quiet(words: str) -> QuietHours:
    if words.casefold() == _OFF:
        return _NEVER_QUIET
    match = _HOURS.fullmatch(words.translate(_DASHES).replace(" ", ""))
    if match is None:
        raise Mistake(
            "%(word)s are no hours of the day; write such as 22:00-07:00, or off",
            word=_echo(words),
        )
    hours = [int(each) for each in match.groups()]
    quiet = QuietHours(hours[0] * 60 + hours[1], hours[2] * 60 + hours[3])
    if quiet.start == quiet.end:
        raise Mistake(
            "%(word)s begins when it ends; write such as 22:00-07:00, or off", word=_echo(words)
        )
    return quiet


def _parse_kinds(before: frozenset[AlertKind], words: Sequence[str]) -> frozenset[AlertKind]:
    """Read `-cpu +mem` as a change of what was switched off before; `all` hears all again."""
    muted = before
    for word in words:
        written = word.translate(_DASHES).casefold()
        if written == _ALL:
            muted = frozenset()
            continue
        kind = next((each for each in AlertKind if each.value == written[1:]), None)
        if kind is None or written[0] not in "+-":
            raise Mistake(
                "%(word)s is no kind of alerts; write + or - before one of %(names)s, or all",
                word=_echo(word),
                names=", ".join(each.value for each in AlertKind),
            )
        muted = muted - {kind} if written[0] == "+" else muted | {kind}
    return muted


def _spell_kinds(muted: frozenset[AlertKind]) -> str:
    return " ".join(f"-{each.value}" for each in AlertKind if each in muted) or _ALL


def _parse_choice(kind: type[_Choice]) -> Callable[[str], _Choice]:
    """Make the reader of one word of several."""

    def parse(word: str) -> _Choice:
        try:
            return kind(word.casefold())
        except ValueError:
            raise Mistake(
                "%(word)s is no choice here; write one of %(names)s",
                word=_echo(word),
                names=", ".join(each.value for each in kind),
            ) from None

    return parse


_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "zone": _parse_zone,
    "notify": _parse_choice(Notify),
    "quiet": _parse_quiet,
    "charts": _parse_choice(Look),
}


def _echo(word: str) -> str:
    return word if len(word) <= _ECHOED else f"{word[:_ECHOED]}…"
