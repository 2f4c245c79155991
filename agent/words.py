"""The words of a command, split at blanks and quotes as a shell would, with nothing else of one.

What a shell would do more than that (pipes, variables, patterns, a second command) is never done
and never passed on as if it had been meant literally: it is refused with a sentence. Inside single
quotes every visible character stands for itself.
"""

from __future__ import annotations

import re
from typing import Final

from agent.limits import COMMAND_CHARACTERS, COMMAND_WORDS, SHOWN_CHARACTERS

_MEANINGS: Final = {
    "|": "| would join two commands",
    ";": "; would start a second command",
    "&": "& would start a second command",
    ">": "> would write to a file",
    "<": "< would read from a file",
    "`": "` would run a second command",
    "$": "$ would be replaced",
    "(": "( would start a second command",
    ")": ") would end a second command",
    "{": "{ would be replaced",
    "}": "} would be replaced",
    "*": "* would be replaced by names of files",
    "?": "? would be replaced by names of files",
    "[": "[ would be replaced by names of files",
    "]": "] would be replaced by names of files",
    "\\": "\\ would change what follows",
}
_MEANINGS_AT_START: Final = {"~": "~ would be replaced", "#": "# would hide the rest"}
_IN_DOUBLE_QUOTES: Final = frozenset("$`\\")
_OF_A_PHONE: Final = {
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2018\u2019\u201a", "'"),
    **dict.fromkeys("\u2013\u2014\u2015\u2212", "--"),
    "\u2026": "...",
}
"""What phones write on their own instead of what was typed."""
_PLACE: Final = re.compile(r"\{[a-z][a-z0-9_]*\}")


class Unsplit(Exception):
    """A command that is no plain list of words."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def show(text: str) -> str:
    """Write what somebody typed so that every character of it can be seen, and not at length."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return "".join(each if each.isprintable() else f"<U+{ord(each):04X}>" for each in cut)


def split(text: str, *, has_places: bool = False) -> tuple[str, ...]:
    """Split a command into its words.

    Args:
        text: The command as typed.
        has_places: Whether `{name}` may stand outside quotes, as an owner writes it.

    Raises:
        Unsplit: there is something in it that only a shell would understand.
    """
    if len(text) > COMMAND_CHARACTERS:
        raise Unsplit(f"a command has at most {COMMAND_CHARACTERS} characters")
    splitter = _Splitter(text.strip(" \t"), has_places=has_places)
    words = splitter.split()
    if len(words) > COMMAND_WORDS:
        raise Unsplit(f"a command has at most {COMMAND_WORDS} words")
    return words


class _Splitter:
    """Walks over a command once."""

    def __init__(self, text: str, *, has_places: bool) -> None:
        self._text = text
        self._has_places = has_places
        self._at = 0
        self._words: list[str] = []
        self._word: str | None = None
        """The word begun, None between words."""

    def split(self) -> tuple[str, ...]:
        while self._at < len(self._text):
            each = self._text[self._at]
            if each in " \t":
                self._end_word()
                self._at += 1
            elif each in "'\"":
                self._take_quoted(each)
            else:
                self._take_plain(each)
        self._end_word()
        return tuple(self._words)

    def _end_word(self) -> None:
        if self._word is not None:
            self._words.append(self._word)
            self._word = None

    def _add(self, piece: str) -> None:
        self._word = (self._word or "") + piece
        self._at += len(piece)

    def _take_plain(self, each: str) -> None:
        place = _PLACE.match(self._text, self._at) if self._has_places else None
        if place is not None:
            self._add(place[0])
            return
        _require_visible(each)
        meaning = _MEANINGS.get(each)
        if self._word is None:
            meaning = meaning or _MEANINGS_AT_START.get(each)
        if meaning:
            raise Unsplit(f"in a shell {meaning}; here is none: put it in single quotes")
        if each in _OF_A_PHONE:
            raise Unsplit(f"the keyboard made {each} of {_OF_A_PHONE[each]}")
        self._add(each)

    def _take_quoted(self, quote: str) -> None:
        end = self._text.find(quote, self._at + 1)
        if end < 0:
            raise Unsplit(f"the quote {quote} does not end")
        inside = self._text[self._at + 1 : end]
        for each in inside:
            _require_visible(each)
            if quote == '"' and each in _IN_DOUBLE_QUOTES:
                raise Unsplit(f'{_MEANINGS[each]} even inside "…"; use single quotes')
            if self._has_places and each in "{}":
                raise Unsplit("{ and } stand outside quotes only, around an argument's name")
        self._word = (self._word or "") + inside
        self._at = end + 1


def _require_visible(each: str) -> None:
    if each == "\n":
        raise Unsplit("a command is one line")
    if not each.isprintable():
        raise Unsplit(f"{show(each)} cannot be seen; type the command again")
