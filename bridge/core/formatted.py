"""Formatted text as Telegram takes it: length in code points, entities placed in UTF-16 units.

Telegram limits a message's length in code points but addresses entities in UTF-16 code units, so
`"🔥"` has length 1 and an entity over it has length 2.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from bridge.core.keyboards import Keyboard, Offer
from bridge.limits import MESSAGE_CHARACTERS, MESSAGE_ENTITIES

ELLIPSIS: Final = "…"

_FIRST_ASTRAL: Final = "\U00010000"
_JOINER: Final = "\u200d"
# What continues the character before it although its category is no mark: joiners, skin tones,
# the tag letters of flags.
_CONTINUES: Final = (
    ("\u200c", "\u200d"),
    ("\U0001f3fb", "\U0001f3ff"),
    ("\U000e0020", "\U000e007f"),
    ("\u1160", "\u11ff"),  # Hangul vowels and finals written apart
)
_REGIONAL: Final = ("\U0001f1e6", "\U0001f1ff")
_LONGEST_CLUSTER: Final = 64  # chosen: a longer heap of marks is an attack and may be cut anywhere
_BLANK: Final = frozenset(" \n\t\r\u200b\u200c\u200d\u200e\u200f\u202e\ufeff\u00a0")
"""Characters of which alone Telegram makes no message: "text must be non-empty"."""


@dataclass(frozen=True)
class Entity:
    """One piece of formatting; `offset` and `length` count UTF-16 units."""

    kind: str
    """The Bot API's name: `bold`, `code`, `text_link`, …"""
    offset: int
    length: int
    url: str | None = None
    language: str | None = None

    @property
    def end(self) -> int:
        """The first unit behind it."""
        return self.offset + self.length


@dataclass(frozen=True)
class Formatted:
    """A text and its entities, sorted by offset, the longer first."""

    text: str
    entities: tuple[Entity, ...] = ()

    def __len__(self) -> int:
        """Count as Telegram limits: code points."""
        return len(self.text)

    @property
    def is_blank(self) -> bool:
        """Say whether Telegram would refuse it as empty."""
        return all(character in _BLANK for character in self.text)


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Content:
    """A whole message: its text, or a file or picture whose caption the text is."""

    text: Formatted
    attachment: Attachment | None = None
    photo: bytes | None = None
    """A PNG whose caption the text is."""
    keyboard: Keyboard | Offer | None = None
    is_whole: bool = True
    """Whether nothing of the facts was left out of it."""


def utf16_length(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text) + sum(character >= _FIRST_ASTRAL for character in text)


def join(parts: Iterable[Formatted | str], separator: str = "") -> Formatted:
    """Put parts one behind the other, their entities moved along."""
    texts: list[str] = []
    entities: list[Entity] = []
    at = 0
    for part in parts:
        formatted = part if isinstance(part, Formatted) else Formatted(part)
        if texts:
            texts.append(separator)
            at += utf16_length(separator)
        texts.append(formatted.text)
        entities.extend(replace(each, offset=each.offset + at) for each in formatted.entities)
        at += utf16_length(formatted.text)
    return Formatted("".join(texts), tuple(entities))


def trim(formatted: Formatted) -> Formatted:
    """Take spaces and newlines off both ends, as Telegram will."""
    start = len(formatted.text) - len(formatted.text.lstrip(" \n"))
    end = len(formatted.text.rstrip(" \n"))
    if start == 0 and end == len(formatted.text):
        return formatted
    return _Ruler(formatted).part(start, max(start, end))


def fit(formatted: Formatted, limit: int) -> Formatted:
    """Shorten to at most `limit` code points, ending in `…` when something is left out."""
    if len(formatted) <= limit:
        return formatted
    if limit <= 0:
        return Formatted("")
    end = boundary(formatted.text, limit - len(ELLIPSIS))
    head = _Ruler(formatted).part(0, len(formatted.text[:end].rstrip(" \n")))
    return join((head, ELLIPSIS))


def split(formatted: Formatted, limit: int = MESSAGE_CHARACTERS) -> list[Formatted]:
    """Cut into messages of at most `limit` code points each, at line ends where there are any.

    Every part carries its own share of each entity. Nothing is lost but parts that hold nothing
    to see, which Telegram would refuse.
    """
    if limit < 1:
        raise ValueError("a part holds at least one character")
    ruler = _Ruler(formatted)
    parts = []
    start = 0
    while start < len(formatted.text):
        end = _choose_end(formatted.text, start, ruler.reach(start, start + limit))
        parts.append(ruler.part(start, end))
        start = end
    return [part for part in parts if not part.is_blank]


def boundary(text: str, end: int, start: int = 0) -> int:
    """Find the last place in (`start`, `end`] that cuts no visible character in two."""
    if end >= len(text):
        return len(text)
    for at in range(end, max(start, end - _LONGEST_CLUSTER), -1):
        if not _continues(text, at):
            return at
    return max(end, start)


class _Ruler:
    """Both measures of one text side by side, to cut it by code points."""

    def __init__(self, formatted: Formatted) -> None:
        self._formatted = formatted
        widths = (1 + (character >= _FIRST_ASTRAL) for character in formatted.text)
        self._units = list(accumulate(widths, initial=0))
        self._entities = sorted(formatted.entities, key=lambda each: (each.offset, -each.length))

    def part(self, start: int, end: int) -> Formatted:
        """Cut out the code points from `start` to `end` with their share of the entities."""
        entities = tuple(self._clipped(start, end))
        return Formatted(self._formatted.text[start:end], entities)

    def reach(self, start: int, end: int) -> int:
        """Draw `end` nearer until the part holds no more entities than Telegram keeps."""
        inside = list(self._clipped(start, end))
        if len(inside) <= MESSAGE_ENTITIES:
            return end
        nearer = bisect_left(self._units, self._units[start] + inside[MESSAGE_ENTITIES].offset)
        return nearer if nearer > start else end

    def _clipped(self, start: int, end: int) -> Iterator[Entity]:
        first = self._units[min(start, len(self._units) - 1)]
        last = self._units[min(end, len(self._units) - 1)]
        for entity in self._entities:
            begin, stop = max(entity.offset, first), min(entity.end, last)
            if stop > begin:
                yield replace(entity, offset=begin - first, length=stop - begin)


def _choose_end(text: str, start: int, latest: int) -> int:
    if latest >= len(text):
        return len(text)
    # A part that ends too early leaves a ragged message: only its second half is looked at.
    middle = start + (latest - start) // 2
    for mark in ("\n", " "):
        found = text.rfind(mark, middle, latest)
        if found >= 0:
            return boundary(text, found + 1, start)
    return boundary(text, latest, start)


def _continues(text: str, at: int) -> bool:
    """Say whether the character at `at` belongs to the one before it."""
    if at <= 0:
        return False
    here, before = text[at], text[at - 1]
    if before in "\n\r":
        return before == "\r" and here == "\n"
    if before == _JOINER or unicodedata.category(here).startswith("M"):
        return True
    if _REGIONAL[0] <= here <= _REGIONAL[1]:
        return _regionals_before(text, at) % 2 == 1
    return any(first <= here <= last for first, last in _CONTINUES)


def _regionals_before(text: str, at: int) -> int:
    count = 0
    while count < min(at, _LONGEST_CLUSTER) and (
        _REGIONAL[0] <= text[at - 1 - count] <= _REGIONAL[1]
    ):
        count += 1
    return count
