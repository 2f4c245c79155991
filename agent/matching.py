"""One action's grammar: which options and words it takes, and the argument vector they make.

The options come first in the vector, then what follows them, whatever order they were typed in:
every option is known by name, so there is no doubt which word is the value of which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.arguments import Grammar, Unfit
from agent.limits import ACTION_SECONDS
from agent.words import show

_COUNT: Final = re.compile(r"-[0-9]{1,6}")


class Astray(Unfit):
    """Words that an action does not take."""

    def __init__(self, sentence: str, depth: int) -> None:
        super().__init__(sentence)
        self.depth = depth
        """How many words were good before."""


@dataclass(frozen=True, kw_only=True)
class Flags:
    """The options of a program that may be given."""

    letters: str = ""
    """Those of one letter and without a value; they may stand together behind a dash."""
    words: tuple[str, ...] = ()
    """Those written out, without a value."""
    styles: tuple[str, ...] = ()
    """More of them, of which one at most may stand."""
    valued: Mapping[str, Grammar] = field(default_factory=dict)
    """Those with a value: `-n 5`, `-n5`, `--lines 5`, `--lines=5`."""
    count: str = ""
    """The one that `-20` is short for."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way in which words follow the options."""

    places: tuple[Grammar, ...] = ()
    rest: Grammar | None = None
    """What may follow them, any number of times up to `most`."""
    least: int = 0
    most: int = 8

    @property
    def form(self) -> str:
        """How it is written where usage is told."""
        rest = [] if self.rest is None else [f"{self.rest.form}…"]
        return " ".join([*(each.form for each in self.places), *rest])

    def accept(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Give what is run for some words.

        Raises:
            Astray: they do not have this form.
        """
        if len(words) < len(self.places) + self.least:
            self._accept_each(words)
            raise Astray(f"something is missing: {self.form}", len(words))
        if len(words) > len(self.places) + (self.most if self.rest else 0):
            good = self._accept_each(words[: len(self.places)])
            raise Astray(f"{show(words[len(good)])} is too much", len(good))
        return self._accept_each(words)

    def _accept_each(self, words: tuple[str, ...]) -> tuple[str, ...]:
        good: list[str] = []
        for at, word in enumerate(words):
            grammar = self.places[at] if at < len(self.places) else self.rest
            try:
                good.append(grammar.accept(word) if grammar else word)
            except Unfit as fault:
                raise Astray(fault.sentence, len(good)) from None
        return tuple(good)


NOTHING: Final = Form()


@dataclass(frozen=True, kw_only=True)
class Otherwise:
    """Words that are added where none of some options is given."""

    unless: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something this host does when asked by name."""

    name: str
    """The first word of the command, and the program's name."""
    example: str
    flags: Flags = Flags()
    forms: tuple[Form, ...] = (NOTHING,)
    otherwise: tuple[Otherwise, ...] = ()
    seconds: float = ACTION_SECONDS
    is_read_only: bool = True

    @property
    def program(self) -> str:
        """Which program is looked up."""
        return self.name

    def fill(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Give the arguments for the words that follow the name.

        Raises:
            Astray: it does not take them.
        """
        options, given, rest = _Options(self.name, self.flags).read(words)
        added = [
            word for each in self.otherwise if given.isdisjoint(each.unless) for word in each.words
        ]
        return (*options, *added, *self._fill_forms(rest, len(options)))

    def _fill_forms(self, words: tuple[str, ...], depth: int) -> tuple[str, ...]:
        faults: list[Astray] = []
        for form in self.forms:
            try:
                return form.accept(words)
            except Astray as fault:
                faults.append(fault)
        good = max(fault.depth for fault in faults)
        furthest = [fault for fault in faults if fault.depth == good]
        sentence = furthest[0].sentence
        if len(furthest) > 1:
            word = (
                f"{show(words[good])} does not go" if good < len(words) else "something more goes"
            )
            sentence = f"{word} here; an example: {self.example}"
        raise Astray(f"{self.name}: {sentence}", depth + good)


class _Options:
    """Takes the options out of some words."""

    def __init__(self, name: str, flags: Flags) -> None:
        self._name = name
        self._flags = flags
        self._options: list[str] = []
        self._given: set[str] = set()

    def read(self, words: tuple[str, ...]) -> tuple[list[str], set[str], tuple[str, ...]]:
        """Give the options as they are run, their names, and the other words."""
        rest: list[str] = []
        left = iter(words)
        for word in left:
            if self._is_option(word):
                try:
                    self._take(word, left)
                except Unfit as fault:
                    depth = len(self._options) + len(rest)
                    raise Astray(f"{self._name}: {fault.sentence}", depth) from None
            else:
                rest.append(word)
        return self._options, self._given, tuple(rest)

    def _is_option(self, word: str) -> bool:
        return word.startswith("-") or word in self._flags.words

    def _take(self, word: str, left: Iterator[str]) -> None:
        if word in self._flags.words:
            self._add(word, word)
        elif word in self._flags.styles:
            if not self._given.isdisjoint(self._flags.styles):
                raise Unfit(f"{show(word)} does not go with the option before")
            self._add(word, word)
        elif self._flags.count and _COUNT.fullmatch(word):
            self._take_value(self._flags.count, word[1:], left)
        elif word in self._flags.valued:
            self._take_value(word, None, left)
        elif word.startswith("--"):
            self._take_long(word, left)
        else:
            self._take_letters(word, left)

    def _take_long(self, word: str, left: Iterator[str]) -> None:
        name, equals, value = word.partition("=")
        if not equals or name not in self._flags.valued:
            raise Unfit(f"{show(word)} is no option that is allowed here")
        self._take_value(name, value, left)

    def _take_letters(self, word: str, left: Iterator[str]) -> None:
        for at, letter in enumerate(word[1:], start=1):
            name = f"-{letter}"
            if name in self._flags.valued:
                if at > 1:
                    self._options.append(word[:at])
                self._take_value(name, word[at + 1 :] or None, left)
                return
            if letter not in self._flags.letters:
                raise Unfit(f"{show(name)} is no option that is allowed here")
            self._given.add(name)
        if len(word) == 1:
            raise Unfit("- alone means standard input; here is none")
        self._options.append(word)

    def _take_value(self, name: str, value: str | None, left: Iterator[str]) -> None:
        grammar = self._flags.valued[name]
        if value is None:
            value = next(left, None)
            if value is None:
                raise Unfit(f"{name} lacks its value: {grammar.form}")
        good = grammar.accept(value)
        self._given.add(name)
        self._options += [f"{name}={good}"] if name.startswith("--") else [name, good]

    def _add(self, name: str, word: str) -> None:
        self._given.add(name)
        self._options.append(word)
