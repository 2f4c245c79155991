"""What Telegram removes from a text before anybody sees it, and how entities move with it.

Restates clean_input_string and strip_empty_characters in td misc.cpp, and
clean_input_string_with_entities and fix_formatted_text in td MessageEntity.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sandbox import refusals
from sandbox.markup.spans import Span, settle_overlaps, shift, sort_spans
from sandbox.refusals import Refusal, bad_request

# Control characters become blanks, except the line feed, which stays, and the carriage return.
_BLANKED: Final = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
# Line and paragraph separators, embedding and override controls, and three combining bars.
_REMOVED: Final = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
# Of a run of direction marks only the last keeps its meaning.
_DIRECTION_RUN: Final = re.compile("[\u200e\u200f](?=[\u200e\u200f])")
_TRIMMED: Final = " \n"
_INVISIBLE: Final = re.compile(
    "[ \n\u00a0\u1680\u180e\u2000-\u200f\u202e\u202f\u205f\u2800\u3000\ufeff\ufffc"
    "\U000e0000-\U000e007f]*",
)
_HIGHEST_BMP: Final = 0xFFFF


def utf16_length(text: str) -> int:
    """Count the UTF-16 units of a text, in which Telegram measures entities."""
    return len(text) + sum(ord(char) > _HIGHEST_BMP for char in text)


def require_text(text: str) -> None:
    """Refuse what is no Unicode text, such as half a surrogate pair from a JSON escape."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refusals.not_utf8() from error


def clean_text(text: str) -> str:
    """Remove and replace the characters that Telegram does not let through."""
    require_text(text)
    return _quiet_directions(_REMOVED.sub("", _BLANKED.sub(" ", text)))


def clean_spans(text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """Clean a text and move its spans along; a span outside the text is refused."""
    places = _Places.measure(text)
    if fault := _find_fault(spans, places):
        raise fault
    moved = []
    for span in spans:
        begin, end = places.moved[span.offset], places.moved[span.end]
        if end > begin:
            moved.append(replace(span, offset=begin, length=end - begin))
    return clean_text(text), settle_overlaps(moved)


def trim(text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """Trim blanks at both ends; in front only as far as no entity covers them."""
    shown = text.rstrip(_TRIMMED)
    end = utf16_length(shown)
    kept = [
        replace(span, length=min(span.end, end) - span.offset)
        for span in spans
        if span.offset < end
    ]
    blanks = len(shown) - len(shown.lstrip(_TRIMMED))
    if kept:
        blanks = min(blanks, kept[0].offset)
    return shown[blanks:], sort_spans(shift(span, -blanks) for span in kept)


def is_invisible(text: str) -> bool:
    """Whether nothing of the text can be seen."""
    return _INVISIBLE.fullmatch(text) is not None


def _quiet_directions(text: str) -> str:
    return _DIRECTION_RUN.sub("\u200c", text)


@dataclass(frozen=True)
class _Places:
    """Where each character begins: by its old unit, the unit after cleaning and the byte."""

    moved: dict[int, int]
    bytes: dict[int, int]
    length: int

    @classmethod
    def measure(cls, text: str) -> _Places:
        moved, offsets, old, skipped, byte = {0: 0}, {0: 0}, 0, 0, 0
        for char in text:
            old += 1 + (ord(char) > _HIGHEST_BMP)
            skipped += _REMOVED.match(char) is not None
            byte += len(char.encode())
            moved[old], offsets[old] = old - skipped, byte
        return cls(moved, offsets, old)


def _find_fault(spans: Sequence[Span], places: _Places) -> Refusal | None:
    """Find the refusal that a walk through the text meets first."""
    faults: list[tuple[int, int, str]] = []
    for span in spans:
        if span.offset > places.length:
            continue
        if span.offset not in places.moved:
            byte = places.bytes[span.offset + 1]
            said = f"Entity begins in a middle of a UTF-16 symbol at byte offset {byte}"
            faults.append((span.offset, 1, said))
        if span.end <= places.length and span.end not in places.moved:
            byte = places.bytes[span.end + 1]
            faults.append(
                (
                    span.end,
                    0,
                    f"{_named(span)} ends in a middle of a UTF-16 symbol at byte offset {byte}",
                )
            )
    if faults:
        return bad_request(min(faults)[2])
    return _find_overrun(spans, places.length)


def _find_overrun(spans: Sequence[Span], length: int) -> Refusal | None:
    late = next((span for span in spans if span.offset > length), None)
    if late:
        return bad_request(
            f"Entity begins after the end of the text at UTF-16 offset {late.offset}",
        )
    over = [span for span in spans if span.end > length]
    if over:
        return bad_request(
            f"{_named(over[-1])} ends after the end of the text at UTF-16 offset {over[-1].end}",
        )
    return None


def _named(span: Span) -> str:
    return f"Entity beginning at UTF-16 offset {span.offset}"
