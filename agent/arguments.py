"""What a word of a command may be: a value has a grammar, and what does not fit is not run.

No grammar accepts a character that cannot be seen, nor a dash at the start where a value is meant:
a value never becomes an option of the program that gets it. Only values that are listed one by one
may begin with a dash.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from agent.errors import Denied
from agent.limits import (
    HIGHEST_PORT,
    HOST_CHARACTERS,
    PATTERN_CHARACTERS,
    UNIT_CHARACTERS,
    WORD_CHARACTERS,
)
from agent.words import show

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,9}")
_UNIT: Final = re.compile(r"[A-Za-z0-9_@:.][A-Za-z0-9_@:.-]*")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_MOMENT: Final = re.compile(
    rf"now|today|yesterday|{_DAY}|{_CLOCK}|{_DAY} {_CLOCK}"
    r"|[1-9][0-9]{0,5} ?(?:s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?) ago"
)


class Unfit(Exception):
    """A word that is not what stands in its place."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Grammar(Protocol):
    """Knows the words that may stand in one place."""

    @property
    def form(self) -> str:
        """How the place is written where usage is told."""

    def accept(self, word: str) -> str:
        """Give what is run for a word.

        Raises:
            Unfit: it may not stand there.
        """


def require_value(word: str) -> str:
    """Require what holds for every value that is not listed.

    Raises:
        Unfit: it is empty or long, has a character that cannot be seen, or begins with a dash.
    """
    if not 0 < len(word) <= WORD_CHARACTERS:
        raise Unfit("it is empty" if not word else f"{show(word)} is too long")
    if not word.isprintable():
        raise Unfit(f"{show(word)} has a character that cannot be seen")
    if word.startswith("-"):
        raise Unfit(f"{show(word)} begins with a dash where a value is meant")
    return word


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    @property
    def form(self) -> str:
        """The words."""
        return "|".join(self.words)

    def accept(self, word: str) -> str:
        """Require one of them."""
        if word not in self.words:
            raise Unfit(f"{show(word)} is none of {', '.join(self.words)}")
        return word


@dataclass(frozen=True)
class SomeOf:
    """Some of some words, with commas between them."""

    words: tuple[str, ...]

    @property
    def form(self) -> str:
        """The words."""
        return "|".join(self.words) + ",…"

    def accept(self, word: str) -> str:
        """Require each to be one of them."""
        for each in word.split(","):
            OneOf(self.words).accept(each)
        return word


@dataclass(frozen=True)
class Whole:
    """A whole number in ASCII digits."""

    low: int
    high: int

    @property
    def form(self) -> str:
        """Its range."""
        return f"{self.low}-{self.high}"

    def accept(self, word: str) -> str:
        """Require a number of the range."""
        if not _WHOLE.fullmatch(word) or not self.low <= int(word) <= self.high:
            raise Unfit(f"{show(word)} is no number from {self.low} to {self.high}")
        return word


@dataclass(frozen=True)
class Unit:
    """The name of one systemd unit; patterns and paths are none."""

    form: str = "UNIT"

    def accept(self, word: str) -> str:
        """Require such a name."""
        if len(word) > UNIT_CHARACTERS or not _UNIT.fullmatch(require_value(word)):
            raise Unfit(f"{show(word)} is no name of a unit")
        return word


@dataclass(frozen=True)
class Name:
    """A name of a user, an interface or a program."""

    form: str = "NAME"

    def accept(self, word: str) -> str:
        """Require such a name."""
        if not _NAME.fullmatch(require_value(word)):
            raise Unfit(f"{show(word)} is no name")
        return word


@dataclass(frozen=True)
class Host:
    """A host's name or address."""

    before: str = ""
    """What stands before it: the `@` of dig."""
    form: str = "HOST"

    def accept(self, word: str) -> str:
        """Require a name or an address."""
        require_value(word)
        rest = word.removeprefix(self.before)
        if not word.startswith(self.before) or not _is_host(rest):
            raise Unfit(f"{show(word)} is no name or address of a host")
        return word


@dataclass(frozen=True)
class Moment:
    """A moment as journalctl reads it, a few of the many ways."""

    form: str = "TIME"

    def accept(self, word: str) -> str:
        """Require one of those ways."""
        if not _MOMENT.fullmatch(require_value(word)):
            raise Unfit(
                f"{show(word)} is no moment: write today, '2 hours ago' or '2030-01-31 09:30'"
            )
        return word


@dataclass(frozen=True)
class Like:
    """What a regular expression matches whole."""

    pattern: str
    form: str

    def accept(self, word: str) -> str:
        """Require a match."""
        if not re.fullmatch(self.pattern, require_value(word), re.ASCII):
            raise Unfit(f"{show(word)} is not of the form {self.form}")
        return word


@dataclass(frozen=True)
class Text:
    """Any visible text; only for programs to which it is nothing but text."""

    form: str = "TEXT"

    def accept(self, word: str) -> str:
        """Require it to be short and visible."""
        if len(require_value(word)) > PATTERN_CHARACTERS:
            raise Unfit(f"{show(word)} is too long")
        return word


@dataclass(frozen=True, kw_only=True)
class Place:
    """A path under some folders, wherever its links and `..` lead.

    What is run has the path that they led to. Whoever may write in those folders could still put
    a link there between this look and the program's; jobs have no rights that would reward it.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...] = ()
    """Single paths that are allowed as they are written."""
    form: str = "PATH"

    def accept(self, word: str) -> str:
        """Require a path that ends up there, at a file or a folder if at anything."""
        require_value(word)
        if word in self.files:
            return word
        if any(map(_looks_alike, word)):
            raise Unfit(f"{show(word)} has a character that only looks like one of a path")
        if not word.startswith("/"):
            raise Unfit(f"{show(word)} is no whole path, such as {self.folders[0]}")
        real = _resolve(word)
        if real is None or not self._covers(real):
            raise Unfit(f"{show(word)} does not lie under {' '.join(self.folders)}")
        if not real.isprintable():
            raise Unfit(f"{show(word)} leads to a name that cannot be shown")
        if not _is_plain(real):
            raise Unfit(f"{show(word)} is neither a file nor a folder")
        return real

    def _covers(self, real: str) -> bool:
        roots = filter(None, map(_resolve, self.folders))
        return any(Path(real).is_relative_to(root) for root in roots)


def parse_port(value: object) -> int:
    """Read the number of a port: ASCII digits, or a number already.

    Raises:
        Denied: it is none.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= HIGHEST_PORT:
        return value
    if isinstance(value, str) and _PORT.fullmatch(value) and int(value) <= HIGHEST_PORT:
        return int(value)
    raise Denied("argument", f"{show(str(value))} is no port: write a number from 1 to 65535")


def _is_host(word: str) -> bool:
    if not word.isascii():
        return False
    try:
        return bool(ipaddress.ip_address(word)) and "%" not in word
    except ValueError:
        return len(word) <= HOST_CHARACTERS and _HOST.fullmatch(word) is not None


def _resolve(path: str) -> str | None:
    """Follow a path to where it leads; None where that cannot be known."""
    try:
        real = os.path.realpath(path)
        # One that still changes was led astray by links in a circle.
        return real if os.path.realpath(real) == real else None
    except OSError:
        return None


def _looks_alike(character: str) -> bool:
    """Say whether a character is taken for one of ASCII: a wide dot or slash."""
    return not character.isascii() and unicodedata.normalize("NFKC", character).isascii()


def _is_plain(path: str) -> bool:
    """Say whether a path is not a device, pipe or socket; what cannot be seen is left to fail."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISBLK(mode)
