"""The small markup that templates yield, and foreign text made harmless before it is shown.

Telegram turns control characters into spaces, drops carriage returns, U+2028 to U+202E and three
combining marks, and trims both ends. Text that leaves here has that form already, so no entity
moves on its way to the chat.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Final

from bridge.core.formatted import Entity, Formatted, boundary, trim, utf16_length
from bridge.views.links import canonical_link

_KINDS: Final = {
    "b": "bold",
    "i": "italic",
    "u": "underline",
    "s": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
}
_STYLES: Final = frozenset({"bold", "italic", "underline", "strikethrough"})
_LITERAL: Final = frozenset({"code", "pre"})
"""Telegram drops these when anything but a quote surrounds them or anything stands inside."""

_CONTROLS: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_SUSPECTS: Final = re.compile(
    rf"[{_CONTROLS}\t\n\ud800-\udfff\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_FLAG: Final = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
_MARKS: Final = re.compile(
    r"[\u0300-\u034e\u0350-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_REMOVED_MARKS: Final = frozenset("\u0333\u033f\u030a")
"""Combining marks Telegram removes as "vertical lines"."""
_MOST_MARKS: Final = 3  # chosen: Vietnamese needs two; a taller pile paints over other lines
_JOINERS: Final = frozenset("\u200c\u200d")
_FIRST_JOINED: Final = "\u0600"
"""Scripts and emoji from here on need joiners and selectors; Latin does not and is only spoofed."""
_KEYCAPS: Final = frozenset("0123456789#*©®")
_RETURN: Final = "⏎"


_ACTING: Final = (
    *((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F)),  # controls; a tab and a newline are layout
    *((0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200B), (0x200E, 0x200F)),
    *((0x2028, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF), (0xFFF0, 0xFFFB), (0xFFFE, 0xFFFF)),
)
"""What a terminal or an editor obeys, or hides."""


class TemplateFault(Exception):
    """A template yielded something that is not our markup."""


def plain(value: str, *, lines: bool = False) -> str:
    r"""Make foreign text harmless: what cannot be seen is written out, such as `\u202e`.

    Newlines become `⏎` unless `lines` are wanted.
    """
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if not lines:
        text = text.replace("\n", _RETURN)
    if not _SUSPECTS.search(text) and not _MARKS.search(text):
        return text
    return "".join(_in_view(_settle_marks(text)))


def legible(value: str) -> str:
    r"""Make foreign text harmless in a file: what acts unseen is written out, such as `\u202e`.

    Newlines stay. It is fast on texts of megabytes, of which nothing may be left out.
    """
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() and text.isprintable() else text.translate(_UNSEEN)


def shorten(value: str, limit: int, *, lines: bool = False) -> tuple[str, int]:
    """Make text harmless within `limit` characters; also say how many of its own it left out."""
    kept = boundary(value, limit)
    shown = plain(value[:kept], lines=lines)
    while len(shown) > limit and kept > 0:
        # An escape is six times as long as what it stands for, ten times at most.
        kept = boundary(value, kept - max(1, (len(shown) - limit) // 10))
        shown = plain(value[:kept], lines=lines)
    return shown, len(value) - kept


def parse_markup(markup: str) -> Formatted:
    """Read the markup of a template.

    Raises:
        TemplateFault: it is not our markup.
    """
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.formatted()


@dataclass
class _Open:
    tag: str
    entity: Entity


class _Reader(HTMLParser):
    """Collects text and entities; refuses every tag that is not in the table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._texts: list[str] = []
        self._units = 0
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def formatted(self) -> Formatted:
        """Give what was read, trimmed and in order."""
        if self._open:
            raise TemplateFault(f"<{self._open[-1].tag}> is never closed")
        ordered = sorted(self._entities, key=lambda each: (each.offset, -each.length))
        return trim(Formatted("".join(self._texts), tuple(_merged(ordered))))

    def handle_data(self, data: str) -> None:
        text = plain(data, lines=True)
        self._texts.append(text)
        self._units += utf16_length(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.handle_data("\n")
            return
        if tag not in _KINDS:
            raise TemplateFault(f"<{tag}> is no markup of ours")
        if tag == "code" and self._open and self._open[-1].tag == "pre":
            self._open[-1].entity = replace(self._open[-1].entity, language=_language(attrs))
            self._open.append(_Open(tag="pre code", entity=Entity("", self._units, 0)))
            return
        entity = _opened(tag, dict(attrs), self._units)
        self._check_nesting(entity.kind)
        self._open.append(_Open(tag=tag, entity=entity))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "br":
            raise TemplateFault(f"<{tag}/> is no markup of ours")
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag.split()[-1] != tag:
            raise TemplateFault(f"</{tag}> closes nothing")
        entity = self._open.pop().entity
        if entity.kind and self._units > entity.offset:
            self._entities.append(replace(entity, length=self._units - entity.offset))

    def handle_comment(self, data: str) -> None:
        raise TemplateFault(f"<!--{data[:20]}…--> is no markup of ours")

    def handle_decl(self, decl: str) -> None:
        raise TemplateFault(f"<!{decl[:20]}…> is no markup of ours")

    def handle_pi(self, data: str) -> None:
        raise TemplateFault(f"<?{data[:20]}…> is no markup of ours")

    def unknown_decl(self, data: str) -> None:
        raise TemplateFault(f"<![{data[:20]}…> is no markup of ours")

    def _check_nesting(self, kind: str) -> None:
        around = [each.entity.kind for each in self._open]
        quoted = [each for each in around if not each.endswith("blockquote")]
        if kind in around or _LITERAL.intersection(around) or (kind in _LITERAL and quoted):
            raise TemplateFault(f"Telegram drops {kind} together with {around[-1]}")
        if kind.endswith("blockquote") and around:
            raise TemplateFault(f"Telegram drops {kind} within {around[-1]}")


def _opened(tag: str, attributes: dict[str, str | None], offset: int) -> Entity:
    kind = _KINDS[tag]
    if tag == "a":
        url = canonical_link(attributes.get("href") or "")
        # Telegram shows a link it would not follow as its text alone, and so do we.
        return Entity(kind if url else "", offset, 0, url=url)
    if tag == "blockquote" and "expandable" in attributes:
        kind = "expandable_blockquote"
    return Entity(kind, offset, 0)


def _language(attributes: list[tuple[str, str | None]]) -> str | None:
    named = dict(attributes).get("class") or ""
    return named.removeprefix("language-") or None


def _merged(entities: list[Entity]) -> list[Entity]:
    """Join equal styles that touch, as Telegram would."""
    merged: list[Entity] = []
    for entity in entities:
        last = merged[-1] if merged else None
        if (
            last is not None
            and entity.kind in _STYLES
            and (last.kind, last.end) == (entity.kind, entity.offset)
        ):
            merged[-1] = replace(last, length=last.length + entity.length)
        else:
            merged.append(entity)
    return merged


def _in_view(text: str) -> Iterator[str]:
    """Give each character, or what stands for it; judged by what was given before it."""
    flags = {at for flag in _FLAG.finditer(text) for at in range(flag.start() + 1, flag.end())}
    before = ""
    for at, character in enumerate(text):
        shown = character
        if at not in flags and _SUSPECTS.match(character):
            shown = _seen(character, before, text[at + 1 : at + 2])
        yield shown
        before = shown[-1:]


def _seen(character: str, before: str, after: str) -> str:
    """Keep an invisible character where writing needs it, else write it out."""
    if character in "\n\t":
        return character.replace("\t", " ")  # what Telegram makes of a tab
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    if character in _JOINERS:
        is_needed = (
            before >= _FIRST_JOINED and after >= _FIRST_JOINED and not _SUSPECTS.match(after)
        )
    else:
        is_selector = "\ufe00" <= character <= "\ufe0f"
        is_needed = is_selector and (before >= _FIRST_JOINED or before in _KEYCAPS)
    return character if is_needed else _written(character)


def _settle_marks(text: str) -> str:
    """Compose the marks Telegram would take away; write out what cannot be, and piles."""
    if not _REMOVED_MARKS.isdisjoint(text):
        text = unicodedata.normalize("NFC", text)
    return _MARKS.sub(
        lambda run: "".join(
            _written(mark) if at >= _MOST_MARKS or mark in _REMOVED_MARKS else mark
            for at, mark in enumerate(run.group())
        ),
        text,
    )


def _written(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the BMP's end


_UNSEEN: Final = {
    **{code: _written(chr(code)) for first, last in _ACTING for code in range(first, last + 1)},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
