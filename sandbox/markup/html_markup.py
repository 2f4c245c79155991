"""Telegram's HTML: a small grammar with its own errors, in its own words.

Restates parse_html and decode_html_entity in td MessageEntity.cpp. Errors name byte offsets of
the text as it was sent; a NUL behind the text stands for its end, as in the original.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from sandbox.markup.dates import parse_date_format
from sandbox.markup.marks import MarkupFault, Writer, byte_offset, link_span
from sandbox.markup.spans import Span, sort_spans

_END: Final = "\0"
_SPACES: Final = " \t\r\n\0\v"  # td is_space: the end of the text counts as one
_STYLES: Final = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
}
_OTHERS: Final = frozenset({"a", "tg-emoji", "tg-time", "pre", "code", "blockquote"})
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE: Final = re.compile(r"&(?:#(x?)([0-9a-fA-F]*)|([a-zA-Z]*))")
_LONGEST_REFERENCE: Final = 10
_HIGHEST_CODE: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)
_INT64: Final = 2**63
_INT_MAX: Final = 2**31 - 1


@dataclass
class _Tag:
    """A start tag that waits for its end."""

    name: str
    offset: int
    text_begin: int
    argument: str = ""
    moment: int = 0


def parse_html_spans(text: str) -> tuple[str, list[Span]]:
    """Parse marked-up text into plain text and its spans."""
    parser = _Parser(text)
    return parser.parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._source = text
        self._text = text + _END
        self._at = 0
        self._out = Writer()
        self._open: list[_Tag] = []
        self._spans: list[Span] = []
        self._has_surrogate = False

    def parse(self) -> tuple[str, list[Span]]:
        while self._at < len(self._source):
            char = self._text[self._at]
            if char == "<":
                self._take_tag()
            elif char == "&":
                self._out.write(self._take_reference() or self._take_char())
            else:
                self._out.write(self._take_char())
        if self._open:
            name = self._open[-1].name
            raise MarkupFault(f'Can\'t find end tag corresponding to start tag "{name}"')
        if self._has_surrogate:
            raise MarkupFault(
                "Text contains invalid Unicode characters after decoding HTML entities, check "
                "for unmatched surrogate code units",
            )
        plain = [replace(span, extra={}) if span.type == "code" else span for span in self._spans]
        return self._out.text, sort_spans(plain)

    def _take_char(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _take_reference(self) -> str:
        """Decode the reference that begins here, or return nothing and stay."""
        match = _REFERENCE.match(self._text, self._at)
        if match is None:  # unreachable: every & matches
            return ""
        if match.group(3) is not None:
            char = _NAMED.get(match.group(3), "")
            end = match.end()
        else:
            char, end = self._decode_number(match)
        if char:
            self._at = end + (self._text[end] == ";")
        return char

    def _decode_number(self, match: re.Match[str]) -> tuple[str, int]:
        digits = match.group(2)
        if not match.group(1):  # decimal: stop at the first letter
            digits = re.match("[0-9]*", digits).group()  # type: ignore[union-attr]  # may be empty
        end = match.start(2) + len(digits)
        if not digits or end - match.start() >= _LONGEST_REFERENCE:
            return "", end
        code = int(digits, 16 if match.group(1) else 10)
        if not 0 < code < _HIGHEST_CODE:
            return "", end
        self._has_surrogate = self._has_surrogate or code in _SURROGATES
        return chr(code), end

    def _skip_spaces(self) -> None:
        while self._text[self._at] in _SPACES and self._at < len(self._source):
            self._at += 1

    def _take_until(self, stops: str) -> str:
        begin = self._at
        while self._text[self._at] not in stops:
            self._at += 1
        return self._text[begin : self._at]

    def _place(self, begin: int) -> str:
        return f"at byte offset {byte_offset(self._source, begin)}"

    # -- start tags ----------------------------------------------------------------------

    def _take_tag(self) -> None:
        begin = self._at
        self._at += 1
        if self._text[self._at] == "/":
            self._take_end_tag(begin)
            return
        name = _lower(self._take_until(_SPACES + ">"))
        if self._is_over():
            raise MarkupFault(f"Unclosed start tag {self._place(begin)}")
        if name not in _STYLES and name not in _OTHERS:
            raise MarkupFault(f'Unsupported start tag "{name}" {self._place(begin)}')
        tag = _Tag(name, self._out.units, self._out.length)
        while self._text[self._at] != ">":
            self._take_attribute(tag, begin)
        self._at += 1
        if name == "span" and tag.argument != "spoiler":
            raise MarkupFault(f'Tag "span" must have class "tg-spoiler" {self._place(begin)}')
        self._open.append(tag)

    def _is_over(self) -> bool:
        return self._text[self._at] == _END

    def _take_attribute(self, tag: _Tag, begin: int) -> None:
        self._skip_spaces()
        if self._text[self._at] == ">":
            return
        name = self._take_until(_SPACES + "=>/\"'")
        if not name:
            raise MarkupFault(
                f'Empty attribute name in the tag "{tag.name}" {self._place(begin)}',
            )
        self._skip_spaces()
        unclosed = MarkupFault(f'Unclosed start tag "{tag.name}" {self._place(begin)}')
        if self._text[self._at] != "=":
            if self._is_over():
                raise unclosed
            if tag.name == "blockquote" and name == "expandable":
                tag.argument = "1"
            return
        self._at += 1
        self._skip_spaces()
        if self._is_over():
            raise unclosed
        value = self._take_value()
        if self._is_over():
            raise MarkupFault(f"Unclosed start tag {self._place(begin)}")
        _keep_attribute(tag, name, value)

    def _take_value(self) -> str:
        quote = self._text[self._at]
        if quote not in "'\"":
            return self._take_token()
        self._at += 1
        value = ""
        while self._text[self._at] not in (quote, _END):
            char = self._take_reference() if self._text[self._at] == "&" else ""
            value += char or self._take_char()
        if self._text[self._at] == quote:
            self._at += 1
        return value

    def _take_token(self) -> str:
        begin = self._at
        match = re.compile(r"[A-Za-z0-9.\-]*").match(self._text, self._at)
        self._at = match.end() if match else self._at
        if self._text[self._at] not in _SPACES + ">":
            raise MarkupFault(f"Unexpected end of name token {self._place(begin)}")
        return _lower(self._text[begin : self._at])

    # -- end tags ------------------------------------------------------------------------

    def _take_end_tag(self, begin: int) -> None:
        if not self._open:
            raise MarkupFault(f"Unexpected end tag {self._place(begin)}")
        self._at += 1
        name = _lower(self._take_until(_SPACES + ">"))
        self._skip_spaces()
        if self._text[self._at] != ">":
            raise MarkupFault(f"Unclosed end tag {self._place(begin)}")
        self._at += 1
        tag = self._open.pop()
        if name and name != tag.name:
            raise MarkupFault(
                f'Unmatched end tag {self._place(begin)}, expected "</{tag.name}>", '
                f'found "</{name}>"',
            )
        if self._out.units > tag.offset:
            self._close(tag)

    def _close(self, tag: _Tag) -> None:
        place = Span("", tag.offset, self._out.units - tag.offset)
        if tag.name in _STYLES:
            self._spans.append(replace(place, type=_STYLES[tag.name]))
        elif tag.name == "blockquote":
            kind = "expandable_blockquote" if tag.argument else "blockquote"
            self._spans.append(replace(place, type=kind))
        elif tag.name in {"pre", "code"}:
            self._close_code(tag, place)
        elif span := self._close_reference(tag, place):
            self._spans.append(span)

    def _close_reference(self, tag: _Tag, place: Span) -> Span | None:
        if tag.name == "a":
            url = tag.argument or self._out.since(tag.text_begin)
            return link_span(place, url)
        if tag.name == "tg-emoji":
            identifier = tag.argument
            if not _is_emoji_id(identifier):
                raise MarkupFault("Invalid custom emoji identifier specified")
            return replace(place, type="custom_emoji", extra={"custom_emoji_id": identifier})
        extra = parse_date_format(tag.moment, tag.argument)
        return replace(place, type="date_time", extra=extra) if tag.moment > 0 else None

    def _close_code(self, tag: _Tag, place: Span) -> None:
        """Close code or pre; one directly inside the other is one span with a language."""
        other = "code" if tag.name == "pre" else "pre"
        inner = self._spans[-1] if self._spans else None
        joins = inner is not None and (inner.type, inner.offset, inner.length) == (
            other,
            place.offset,
            place.length,
        )
        language = tag.argument or (str(inner.extra.get("language", "")) if inner else "")
        if joins and language:
            self._spans[-1] = replace(place, type="pre", extra={"language": language})
        else:
            extra = {"language": tag.argument} if tag.argument else {}
            self._spans.append(replace(place, type=tag.name, extra=extra))


def _keep_attribute(tag: _Tag, name: str, value: str) -> None:
    match tag.name, name:
        case ("a", "href") | ("tg-emoji", "emoji-id") | ("tg-time", "format"):
            tag.argument = value
        case ("code", "class") if value.startswith("language-"):
            tag.argument = value.removeprefix("language-")
        case ("span", "class") if value.startswith("tg-"):
            tag.argument = value.removeprefix("tg-")
        case ("blockquote", "expandable"):
            tag.argument = "1"
        case ("tg-time", "unix"):
            match_ = re.match(r"-?[0-9]{1,10}", value)
            tag.moment = min(int(match_.group()), _INT_MAX) if match_ else 0


def _is_emoji_id(text: str) -> bool:
    return re.fullmatch(r"-?[1-9][0-9]{0,18}", text) is not None and abs(int(text)) < _INT64


def _lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)
