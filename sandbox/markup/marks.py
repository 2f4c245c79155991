"""What the markup grammars share: a writer that counts, their fault, and links."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sandbox.markup import links
from sandbox.markup.spans import Span

_HIGHEST_BMP: Final = 0xFFFF
_SPACES: Final = " \t\r\n\0\v"  # td is_space: the end of the text counts as one


class MarkupFault(Exception):
    """Markup that Telegram cannot read; the text is what it says about it."""


class Writer:
    """Plain text under construction, with its length in UTF-16 units."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.units = 0

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    @property
    def length(self) -> int:
        """How many characters are written."""
        return len(self._parts)

    def write(self, char: str) -> None:
        """Append one character."""
        self._parts.append(char)
        self.units += 1 + (ord(char) > _HIGHEST_BMP)

    def since(self, begin: int) -> str:
        """Return what was written behind the first `begin` characters."""
        return "".join(self._parts[begin:])

    def ends_with(self, char: str) -> bool:
        """Whether this character was written last."""
        return self._parts[-1:] == [char]


def byte_offset(text: str, index: int) -> int:
    """Count the bytes in front of a character."""
    return len(text[:index].encode())


def link_span(place: Span, url: str) -> Span | None:
    """Make a place a link or a mention of a user; markup with a bad link leaves plain text."""
    if user_id := links.parse_user_link(url):
        return replace(place, type="text_mention", extra={"user": mentioned_user(user_id)})
    if link := links.find_link(url):
        return replace(place, type="text_link", extra={"url": link})
    return None


def mentioned_user(user_id: int) -> dict[str, object]:
    """Create the bare User of a mention; whoever knows the person fills in the name."""
    return {"id": user_id, "is_bot": False, "first_name": ""}


def take_language(text: str, at: int, size: int) -> tuple[str, int]:
    """Read the language behind three backticks, and pass over one line end."""
    end = at
    while text[end] not in _SPACES + "`":
        end += 1
    language = ""
    if at != end and end < size and text[end] != "`":
        language, at = text[at:end], end
    if text[at] in "\r\n":
        pair = text[at + 1] in "\r\n" and text[at] != text[at + 1]
        at += 2 if pair else 1
    return language, at
