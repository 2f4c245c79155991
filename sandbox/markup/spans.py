"""Entities as spans of a text, and Telegram's rules about which of them may overlap.

Restates fix_entities and what it calls in td MessageEntity.cpp. Offsets count UTF-16 units.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

# MessageEntity::get_type_priority: of two spans over the same text, the smaller stands first.
_PRIORITIES: Final = {
    "blockquote": 0,
    "expandable_blockquote": 0,
    "pre": 11,
    "code": 20,
    "date_time": 30,
    "text_link": 49,
    "text_mention": 49,
    "bold": 90,
    "italic": 91,
    "underline": 92,
    "strikethrough": 93,
    "spoiler": 94,
    "custom_emoji": 99,
}
_FOUND_PRIORITY: Final = 50
_PRE_WITH_LANGUAGE_PRIORITY: Final = 10

SPLITTABLE: Final = ("bold", "italic", "underline", "strikethrough", "spoiler")
BLOCKQUOTES: Final = frozenset({"blockquote", "expandable_blockquote"})
PREFORMATTED: Final = frozenset({"pre", "code", "date_time"})
CONTINUOUS: Final = frozenset(
    {
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bank_card_number",
        "text_link",
        "text_mention",
        "custom_emoji",
    },
)


@dataclass(frozen=True)
class Span:
    """One entity; `extra` holds what its type has besides the place."""

    type: str
    offset: int
    length: int
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The first unit behind the span."""
        return self.offset + self.length

    @property
    def rank(self) -> tuple[int, int, int]:
        """The span's place in Telegram's order: earlier, longer, then by type."""
        priority = _PRIORITIES.get(self.type, _FOUND_PRIORITY)
        if self.type == "pre" and self.extra.get("language"):
            priority = _PRE_WITH_LANGUAGE_PRIORITY
        return self.offset, -self.length, priority

    def render(self) -> dict[str, object]:
        """Render the span as a Bot API MessageEntity."""
        return {"type": self.type, "offset": self.offset, "length": self.length, **self.extra}


def sort_spans(spans: Iterable[Span]) -> list[Span]:
    """Sort spans into Telegram's order."""
    return sorted(spans, key=lambda span: span.rank)


def settle_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Drop, split and join spans until their nesting is one that Telegram keeps."""
    ordered = sort_spans(spans)
    if _is_settled(ordered):
        return ordered
    styles, quotes, rest = _sort_out(ordered)
    rest = _drop_overlapping(rest)
    quotes = _drop_overlapping(quotes)
    rest = _drop_crossing_quotes(rest, quotes)
    return _weave(styles, sort_spans(rest + quotes))


def merge_found(spans: Sequence[Span], found: Sequence[Span]) -> list[Span]:
    """Add spans found in the text itself wherever the sender's own leave room."""
    if not found:
        return list(spans)
    styles, quotes, rest = _sort_out(spans)
    kept = _drop_crossing_quotes(found, quotes)
    free = [
        span
        for span in kept
        if not any(span.offset < own.end and own.offset < span.end for own in rest)
    ]
    return _weave(styles, sort_spans(rest + free + quotes))


def keep_first_hundred(spans: Sequence[Span], limit: int) -> list[Span]:
    """Drop what exceeds the server's number of entities: links and code first served."""
    # MessageEntity.cpp get_input_message_entities: custom emoji are not counted, styles come
    # last and are joined before they are counted.
    others = [span for span in spans if span.type not in SPLITTABLE]
    counted = [span for span in others if span.type != "custom_emoji"][:limit]
    emoji = [span for span in others if span.type == "custom_emoji"]
    styles = _split_styles([span for span in spans if span.type in SPLITTABLE], [])
    return settle_overlaps([*counted, *emoji, *styles[: limit - len(counted)]])


def _sort_out(spans: Iterable[Span]) -> tuple[list[Span], list[Span], list[Span]]:
    styles: list[Span] = []
    quotes: list[Span] = []
    rest: list[Span] = []
    for span in spans:
        if span.type in SPLITTABLE:
            styles.append(span)
        elif span.type in BLOCKQUOTES:
            quotes.append(span)
        else:
            rest.append(span)
    return styles, quotes, rest


def _is_settled(ordered: Sequence[Span]) -> bool:
    ends: dict[str, int] = {}
    open_spans: list[Span] = []
    for span in ordered:
        while open_spans and span.offset >= open_spans[-1].end:
            open_spans.pop()
        if open_spans and not _may_stand_inside(span, open_spans):
            return False
        if span.type in SPLITTABLE:
            if ends.get(span.type, -1) >= span.offset:
                return False  # the two could be one
            ends[span.type] = span.end
        open_spans.append(span)
    return True


def _may_stand_inside(span: Span, parents: Sequence[Span]) -> bool:
    types = {parent.type for parent in parents}
    if span.end > parents[-1].end or span.type in types or parents[-1].type in PREFORMATTED:
        return False
    if span.type in PREFORMATTED and types - BLOCKQUOTES:
        return False
    if span.type in CONTINUOUS | BLOCKQUOTES and types & CONTINUOUS:
        return False
    if span.type in BLOCKQUOTES and types & BLOCKQUOTES:
        return False
    return not types & set(SPLITTABLE)  # a style with something inside is to be split


def _drop_overlapping(ordered: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in ordered:
        if not kept or span.offset >= kept[-1].end:
            kept.append(span)
    return kept


def _drop_crossing_quotes(spans: Iterable[Span], quotes: Sequence[Span]) -> list[Span]:
    def crosses(span: Span) -> bool:
        quote = next((quote for quote in quotes if quote.end > span.offset), None)
        if quote is None:
            return False
        return quote.end < span.end or span.offset < quote.offset < span.end

    return [span for span in spans if not crosses(span)]


def _weave(styles: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    if not styles:
        return list(others)
    return sort_spans([*others, *_split_styles(styles, others)])


class _Styles:
    """The styles that are open at one place of the text, and the pieces already cut."""

    def __init__(self, styles: Sequence[Span]) -> None:
        self._waiting = list(styles)
        self._open: dict[str, tuple[int, int]] = {}
        self.pieces: list[Span] = []

    def advance(self, place: int) -> None:
        """Take in every style that begins before `place`, and cut all of them there."""
        while self._waiting and self._waiting[0].offset < place:
            style = self._waiting.pop(0)
            begin, end = self._open.get(style.type, (0, 0))
            if end and style.offset <= end:
                self._open[style.type] = (begin, max(end, style.end))
            else:
                self._cut(style.offset)
                self._open[style.type] = (style.offset, style.end)
        self._cut(place)

    def _cut(self, place: int) -> None:
        for kind in SPLITTABLE:
            begin, end = self._open.get(kind, (0, 0))
            if not end or begin >= place:
                continue
            self.pieces.append(Span(kind, begin, min(end, place) - begin))
            self._open[kind] = (place, end) if end > place else (0, 0)


def _split_styles(styles: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Cut styles where other spans begin and end; inside code there are none."""
    cutter = _Styles(styles)
    open_spans: list[Span] = []

    def advance(place: int) -> None:
        while open_spans and place >= open_spans[-1].end:
            before = len(cutter.pieces)
            closed = open_spans.pop()
            cutter.advance(closed.end)
            if closed.type in PREFORMATTED:
                del cutter.pieces[before:]
        cutter.advance(place)

    for other in others:
        advance(other.offset)
        open_spans.append(other)
    advance(sys.maxsize)
    return sort_spans(cutter.pieces)


def shift(span: Span, by: int) -> Span:
    """Move a span."""
    return replace(span, offset=span.offset + by)
