"""What Telegram recognises in a text by itself: commands, mentions, hashtags, links, addresses.

Restates find_entities, match_urls, fix_url and their kin in td MessageEntity.cpp. Phone and bank
card numbers are left out: nothing here depends on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sandbox.markup.cleaning import utf16_length
from sandbox.markup.spans import Span, sort_spans
from sandbox.markup.urls import find_urls

_TAG: Final = r"[\w\u200c\u00b7\u0d80-\u0dff]"
_MENTION: Final = re.compile(r"(?<!\w)@([A-Za-z0-9_]{2,32})(?!\w)")
_COMMAND: Final = re.compile(
    r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?![A-Za-z0-9_])(?:@[A-Za-z0-9_]{3,32}(?!\w)|(?!@))(?![\w/<>])",
)
_HASHTAG: Final = re.compile(
    rf"(?<!{_TAG})#({_TAG}{{1,256}}+)({_TAG}*+)(@[A-Za-z0-9_]{{3,32}}+)?+(?!#)"
)
_CASHTAG: Final = re.compile(
    rf"(?<![$\w\u200c\u00b7])\$(?:1INCH|[A-Z]{{1,8}})(?:@[A-Za-z0-9_]{{3,32}}(?!\w))?(?!{_TAG}|\$)",
)
_APP_URL: Final = re.compile(
    r"(?:tg|ton(?:site)?)://([A-Za-z0-9_-]{1,253})"
    r"(?:[/?#][^\s\u2000-\u200b\u200e\u200f\u2016-\u206f<>\"\u00ab\u00bb]*)?",
    re.IGNORECASE,
)
_BAD_END: Final = ".:;,('?!`"
_SHORT_NAMES: Final = frozenset({"gif", "nft", "pic", "ufc", "vid"})
_SHORTEST_NAME: Final = 4


def find_spans(text: str) -> list[Span]:
    """Find everything in the text that a client shows as active, without overlaps."""
    found = sort_spans(_find_all(text))
    kept: list[Span] = []
    for span in found:
        if not kept or span.offset >= kept[-1].end:
            kept.append(span)
    return [_in_units(text, span) for span in kept]


def _find_all(text: str) -> Iterator[Span]:
    for match in _MENTION.finditer(text):
        name = match.group(1)
        if len(name) >= _SHORTEST_NAME or name.lower() in _SHORT_NAMES:
            yield _span("mention", match.span())
    for match in _COMMAND.finditer(text):
        yield _span("bot_command", match.span())
    for match in _HASHTAG.finditer(text):
        if any(char.isalpha() for char in match.group(1)):
            end = match.end(1) if match.group(2) else match.end()
            yield _span("hashtag", (match.start(), end))
    for match in _CASHTAG.finditer(text):
        yield _span("cashtag", match.span())
    for match in _APP_URL.finditer(text):
        shown = match.group().rstrip(_BAD_END)
        shown = shown[:-1] if shown[-1] in "?#" and shown[:-1].endswith(match.group(1)) else shown
        yield _span("url", (match.start(), match.start() + len(shown)))
    for begin, end, is_email in find_urls(text):
        yield _span("email" if is_email else "url", (begin, end))


def _span(kind: str, place: tuple[int, int]) -> Span:
    return Span(kind, place[0], place[1] - place[0])


def _in_units(text: str, span: Span) -> Span:
    """Turn a span counted in characters into one counted in UTF-16 units."""
    begin = utf16_length(text[: span.offset])
    return replace(span, offset=begin, length=utf16_length(text[span.offset : span.end]))
