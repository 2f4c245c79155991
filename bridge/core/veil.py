"""What is not said in a chat, whatever a host writes: our own secrets, bots' tokens, private keys.

Each character of them becomes a dot, so that nothing else of a message moves. It helps against
accidents: whoever may run commands can always write a secret in another way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Final

from bridge import limits
from bridge.core.formatted import Attachment, Content, Formatted

DOT: Final = "•"
_TOKEN: Final = re.compile(
    r"(?<![0-9])[0-9]{6,16}:(?:[A-Za-z0-9_-]{30,}|[A-Za-z0-9_-]{8,}(?=\n⋯|\Z))"
)
"""A whole one, or one that is cut off."""
_MARK: Final = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----")
_LINE: Final = re.compile(r"[ \t]*[A-Za-z0-9+/=]+[ \t]*")
_LONG: Final = 16
"""A line of a key has more characters, but for its last one; other lines have blanks in them."""
_KEY_CHARACTERS: Final = 16_384  # chosen: a key of 16,384 bits takes less
_BREAK: Final = re.compile(r"(\r?\n|(?:\\r)?\\n)")
"""Where a line ends; in JSON, a key is one line in which line ends are written out."""
_BETWEEN: Final = r"(?:\s|\\[nr])*+"
_LINES_AFTER: Final = re.compile(
    rf"(?:{_BETWEEN}[A-Za-z][A-Za-z0-9-]{{0,30}}+: [^\n\\]*+){{0,8}}"  # Proc-Type, Version
    rf"(?:{_BETWEEN}[A-Za-z0-9+/=]{{{_LONG},}}+(?![^\s\\]))+"
    rf"(?:{_BETWEEN}[A-Za-z0-9+/=]++(?=\n⋯|\Z))?"
)
_CUTS: Final = ("", "\n", "…", "⋯")
"""Before and behind what is left of a text that was cut; nothing: it begins or ends there."""
_SEEN: Final = re.compile(r"\S")


def hide_shapes(text: str) -> str:
    """Hide whatever looks like a bot's token or a private key."""
    pieces, at = [], 0
    for start, end in _find_keys(text):
        pieces += [text[at:start], _SEEN.sub(DOT, text[start:end])]
        at = end
    return _TOKEN.sub(_dots, "".join((*pieces, text[at:])))


class Veil:
    """Hides secrets that are known."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # A short one would hide ordinary words, and a word of a language is no secret.
        known = {each for each in secrets if len(each) >= limits.VEILED_CHARACTERS}
        self._known = sorted(known, key=len, reverse=True)

    def hide(self, content: Content) -> Content:
        """Hide them in a message, and in the file that goes with it."""
        text = Formatted(self._hide(content.text.text), content.text.entities)
        file = content.attachment
        if file is not None:
            told = self._hide(file.content.decode(errors="surrogateescape"))
            file = Attachment(name=file.name, content=told.encode(errors="surrogateescape"))
        return replace(content, text=text, attachment=file)

    def _hide(self, text: str) -> str:
        for each in self._known:
            text = text.replace(each, DOT * len(each))
            text = _hide_beginnings(text, each)
            if each[-limits.VEILED_CHARACTERS :] in text:
                text = _hide_beginnings(text[::-1], each[::-1])[::-1]
        return text


def _hide_beginnings(text: str, secret: str) -> str:
    """Hide what is left of a secret where a text was cut within it."""
    begins = secret[: limits.VEILED_CHARACTERS]
    pieces, at = [], 0
    while (start := text.find(begins, at)) >= 0:
        alike = takewhile(
            lambda pair: pair[0] == pair[1],
            zip(secret, text[start : start + len(secret)], strict=False),
        )
        end = start + sum(1 for _ in alike)
        is_cut = text[end : end + 1] in _CUTS
        pieces += [text[at:start], DOT * (end - start) if is_cut else text[start:end]]
        at = end
    return "".join((*pieces, text[at:]))


def _dots(found: re.Match[str]) -> str:
    return _SEEN.sub(DOT, found[0])


def _find_keys(text: str) -> Iterator[tuple[int, int]]:
    """Find what stands between the lines that say what it is, also where one of them is missing."""
    begun: int | None = None
    last = 0
    for mark in _MARK.finditer(text):
        is_end = mark[1] == "END"
        if is_end:
            start = _find_start(text, last, mark.start()) if begun is None else begun
            yield start, mark.start()
        elif begun is not None:
            yield begun, _find_end(text, begun)
        begun, last = None if is_end else mark.end(), mark.end()
    if begun is not None:
        yield begun, _find_end(text, begun)


def _find_end(text: str, start: int) -> int:
    """Say how far a key goes of which only the beginning is there."""
    found = _LINES_AFTER.match(text, start)
    return found.end() if found else start


def _find_start(text: str, earliest: int, end: int) -> int:
    """Say where a key begins of which only the end is there."""
    at, passed = end, 0
    earliest = max(earliest, end - _KEY_CHARACTERS)
    for piece in reversed(_BREAK.split(text[earliest:end])):
        passed += len(piece)
        is_last = at == end
        if _BREAK.fullmatch(piece) or (is_last and not piece.strip()):
            continue
        if not _LINE.fullmatch(piece) or (len(piece.strip()) < _LONG and not is_last):
            break
        at, passed = at - passed, 0
    return at
