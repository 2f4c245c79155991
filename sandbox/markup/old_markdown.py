"""Telegram's older Markdown, which knows no nesting, with its one error.

Restates parse_markdown in td MessageEntity.cpp.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sandbox.markup.marks import MarkupFault, Writer, byte_offset, link_span, take_language
from sandbox.markup.spans import Span, sort_spans

_END: Final = "\0"


def parse_markdown_spans(text: str) -> tuple[str, list[Span]]:
    """Parse marked-up text into plain text and its spans."""
    parser = _Parser(text)
    return parser.parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._source = text
        self._text = text + _END * 3
        self._at = 0
        self._out = Writer()
        self._spans: list[Span] = []

    def parse(self) -> tuple[str, list[Span]]:
        while self._at < len(self._source):
            char = self._text[self._at]
            if char == "\\" and self._text[self._at + 1] in "_*`[":
                self._out.write(self._text[self._at + 1])
                self._at += 2
            elif char in "_*`[":
                self._take_entity(char)
            else:
                self._out.write(char)
                self._at += 1
        return self._out.text, sort_spans(self._spans)

    def _take_entity(self, char: str) -> None:
        begin = self._at
        is_pre = self._text.startswith("```", begin)
        closing = "```" if is_pre else "]" if char == "[" else char
        self._at += 3 if is_pre else 1
        language = ""
        if is_pre:
            language, self._at = take_language(self._text, self._at, len(self._source))
        offset = self._out.units
        content = self._at
        while self._at < len(self._source) and not self._text.startswith(closing, self._at):
            self._out.write(self._text[self._at])
            self._at += 1
        if self._at >= len(self._source):
            place = byte_offset(self._source, begin)
            raise MarkupFault(f"Can't find end of the entity starting at byte offset {place}")
        shown = self._text[content : self._at]
        self._at += len(closing)
        place_ = Span("", offset, self._out.units - offset)
        if char == "[" and place_.length:
            self._end_link(place_, shown)
        elif place_.length:
            kind = "pre" if is_pre else {"_": "italic", "*": "bold", "`": "code"}[char]
            extra = {"language": language} if language else {}
            self._spans.append(replace(place_, type=kind, extra=extra))

    def _end_link(self, place: Span, shown: str) -> None:
        url = shown
        if self._text[self._at] == "(":
            end = self._text.find(")", self._at)
            end = end if end >= 0 else len(self._source)
            url = self._text[self._at + 1 : end]
            self._at = end + 1
        if span := link_span(place, url):
            self._spans.append(span)
