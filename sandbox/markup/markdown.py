"""Telegram's MarkdownV2, with its errors.

Restates parse_markdown_v2 in td MessageEntity.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sandbox.markup import links
from sandbox.markup.dates import parse_date_format
from sandbox.markup.marks import MarkupFault, Writer, byte_offset, link_span, take_language
from sandbox.markup.spans import Span, sort_spans

_END: Final = "\0"
_RESERVED: Final = "_*[]()~`>#+-=|{}.!\n"
_LAST_ESCAPABLE: Final = 126

# The kinds by the names that "Can't find end of … entity" uses.
_TYPES: Final = {
    "Bold": "bold",
    "Italic": "italic",
    "Underline": "underline",
    "Strikethrough": "strikethrough",
    "Spoiler": "spoiler",
    "Code": "code",
    "Pre": "pre",
    "PreCode": "pre",
    "BlockQuote": "blockquote",
    "ExpandableBlockQuote": "expandable_blockquote",
}
_MARKS: Final = {
    "Bold": "*",
    "Underline": "__",
    "Strikethrough": "~",
    "Spoiler": "||",
    "Code": "`",
    "Pre": "```",
    "PreCode": "```",
    "TextUrl": "]",
    "CustomEmoji": "]",
}


@dataclass
class _Mark:
    """An opening mark that waits for its end."""

    kind: str
    offset: int
    begin: int
    text_begin: int
    language: str = ""


def parse_markdown_v2_spans(text: str) -> tuple[str, list[Span]]:
    """Parse MarkdownV2 into plain text and its spans."""
    return _ParserV2(text).parse()


class _ParserV2:
    def __init__(self, text: str) -> None:
        self._source = text
        self._text = text + _END * 3
        self._at = 0
        self._out = Writer()
        self._open: list[_Mark] = []
        self._spans: list[Span] = []
        self._in_quote = False
        self._may_quote = True

    def parse(self) -> tuple[str, list[Span]]:
        while self._at < len(self._source):
            self._step()
        if self._in_quote:
            self._end_last_quote()
        if self._open:
            raise self._endless(self._open[-1])
        return self._out.text, sort_spans(self._spans)

    def _step(self) -> None:
        char = self._text[self._at]
        if char == "\\" and self._is_escapable(self._at + 1):
            self._at += 2
            escaped = self._text[self._at - 1]
            self._out.write(escaped)
            if escaped != "\r":
                self._may_quote = escaped == "\n"
            return
        in_code = self._open and self._open[-1].kind in {"Code", "Pre", "PreCode"}
        if char not in ("`" if in_code else _RESERVED):
            self._at += 1
            self._out.write(char)
            if char != "\r":
                self._may_quote = False
        elif self._ends_here(char):
            self._end()
        else:
            self._begin(char)

    def _is_escapable(self, at: int) -> bool:
        return 0 < ord(self._text[at]) <= _LAST_ESCAPABLE

    def _starts(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _endless(self, mark: _Mark) -> MarkupFault:
        place = byte_offset(self._source, mark.begin)
        return MarkupFault(f"Can't find end of {mark.kind} entity at byte offset {place}")

    def _unescaped(self) -> MarkupFault:
        char = self._text[self._at]
        return MarkupFault(
            f"Character '{char}' is reserved and must be escaped with the preceding '\\'",
        )

    def _ends_here(self, char: str) -> bool:
        if not self._open:
            return False
        if self._in_quote and char == "\n" and self._text[self._at + 1] != ">":
            return True
        kind = self._open[-1].kind
        if kind == "Italic":
            return char == "_" and not self._starts("__")
        return kind in _MARKS and self._starts(_MARKS[kind])

    # -- beginnings ----------------------------------------------------------------------

    def _begin(self, char: str) -> None:
        begin = self._at
        if char == "\n":
            self._at += 1
            self._out.write(char)
            self._may_quote = True
            return
        if char == ">":
            self._begin_quote()
            return
        kind, width = self._opening(char)
        self._at += width
        mark = _Mark(kind, self._out.units, begin, self._out.length)
        if kind == "Pre":
            mark.language = self._take_language()
            mark.kind = "PreCode" if mark.language else "Pre"
        self._open.append(mark)

    def _opening(self, char: str) -> tuple[str, int]:
        wide = {"__": "Underline", "||": "Spoiler", "![": "CustomEmoji", "```": "Pre"}
        for mark, kind in wide.items():
            if self._starts(mark):
                return kind, len(mark)
        narrow = {"_": "Italic", "*": "Bold", "~": "Strikethrough", "[": "TextUrl", "`": "Code"}
        if char not in narrow:
            raise self._unescaped()
        return narrow[char], 1

    def _begin_quote(self) -> None:
        if not self._may_quote:
            raise self._unescaped()
        if not self._in_quote:
            mark = _Mark("BlockQuote", self._out.units, self._at, self._out.length)
            self._open.append(mark)
            self._in_quote = True
        self._at += 1

    def _take_language(self) -> str:
        language, self._at = take_language(self._text, self._at, len(self._source))
        return language

    # -- ends ----------------------------------------------------------------------------

    def _end(self) -> None:
        if self._text[self._at] == "\n" and self._open[-1].kind != "BlockQuote":
            self._end_expandable_quote()
            return
        mark = self._open.pop()
        if mark.kind == "BlockQuote":
            self._end_quote(mark, "BlockQuote")
        elif mark.kind == "TextUrl":
            self._end_link(mark)
        elif mark.kind == "CustomEmoji":
            self._end_reference(mark)
        else:
            self._at += len(_MARKS.get(mark.kind, "_"))
            self._add(mark)

    def _add(self, mark: _Mark) -> None:
        place = self._place(mark)
        if place.length:
            extra = {"language": mark.language} if mark.language else {}
            self._spans.append(replace(place, type=_TYPES[mark.kind], extra=extra))

    def _place(self, mark: _Mark) -> Span:
        return Span("", mark.offset, self._out.units - mark.offset)

    def _end_expandable_quote(self) -> None:
        """End a quote whose last line closes with two bars and nothing behind them."""
        spoiler = self._open.pop()
        gap = self._at - spoiler.begin
        is_bare = gap == len("||") or (gap == len("||\r") and self._out.ends_with("\r"))
        if spoiler.kind != "Spoiler" or not is_bare:
            raise self._endless(spoiler)
        mark = self._open.pop()
        if mark.kind != "BlockQuote":
            raise self._endless(mark)
        self._end_quote(mark, "ExpandableBlockQuote")

    def _end_quote(self, mark: _Mark, kind: str) -> None:
        self._in_quote = False
        self._may_quote = True
        self._out.write("\n")
        self._at += 1
        self._spans.append(replace(self._place(mark), type=_TYPES[kind]))

    def _end_last_quote(self) -> None:
        kind = "BlockQuote"
        last = self._open[-1]
        if last.kind == "Spoiler" and last.begin == len(self._source) - len("||"):
            self._open.pop()
            kind = "ExpandableBlockQuote"
        if self._open[-1].kind == "BlockQuote":
            place = self._place(self._open.pop())
            if place.length:
                self._spans.append(replace(place, type=_TYPES[kind]))

    def _end_link(self, mark: _Mark) -> None:
        self._at += 1
        url = self._take_url() if self._starts("(") else self._out.since(mark.text_begin)
        place = self._place(mark)
        if place.length and (span := link_span(place, url)):
            self._spans.append(span)

    def _end_reference(self, mark: _Mark) -> None:
        self._at += 1
        if not self._starts("("):
            raise MarkupFault("The entity must contain a tg://emoji or tg://time URL")
        span = _reference_span(self._place(mark), self._take_url())
        if span.length:
            self._spans.append(span)

    def _take_url(self) -> str:
        self._at += 1
        begin = self._at
        url = ""
        while self._at < len(self._source) and self._text[self._at] != ")":
            is_escaped = self._text[self._at] == "\\" and self._is_escapable(self._at + 1)
            self._at += is_escaped
            url += self._text[self._at]
            self._at += 1
        if self._at >= len(self._source):
            place = byte_offset(self._source, begin)
            raise MarkupFault(f"Can't find end of a URL at byte offset {place}")
        self._at += 1
        return url


def _reference_span(place: Span, url: str) -> Span:
    if identifier := links.parse_emoji_link(url):
        return replace(place, type="custom_emoji", extra={"custom_emoji_id": identifier})
    fault = MarkupFault("Invalid tg://emoji or tg://time URL specified")
    found = links.parse_time_link(url)
    if found is None:
        raise fault
    try:
        return replace(place, type="date_time", extra=parse_date_format(*found))
    except MarkupFault:
        raise fault from None
