"""An action that this host's owner has written: the words typed, and the words that run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent.arguments import Grammar, Unfit
from agent.limits import ACTION_SECONDS
from agent.matching import Astray
from agent.words import show

INTERPRETERS: Final = frozenset(
    (
        *("ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "sh", "tcsh", "toybox", "zsh"),
        *("awk", "gawk", "mawk", "nawk", "lua", "node", "perl", "php", "python", "python2"),
        *("python3", "ruby", "tclsh", "env", "eval", "exec", "expect", "parallel", "script"),
        *("sed", "ssh", "su", "vi", "vim", "watch", "xargs"),
    )
)
"""Programs that run what they are given as a program."""


@dataclass(frozen=True)
class Flag:
    """One fixed word that may stand in its place or be left out."""

    word: str

    @property
    def form(self) -> str:
        """The word, as one that may be missing."""
        return f"[{self.word}]"

    def accept(self, word: str) -> str:
        """Require the word."""
        if word != self.word:
            raise Unfit(f"{show(word)} is not {self.word}")
        return word


@dataclass(frozen=True, kw_only=True)
class Part:
    """A word of what is typed or run: fixed, or with an argument at its end."""

    text: str
    """What is fixed."""
    argument: str = ""
    """The argument's name."""

    def __str__(self) -> str:
        """Write it as the owner does."""
        return f"{self.text}{{{self.argument}}}" if self.argument else self.text


@dataclass(frozen=True, kw_only=True)
class OwnerAction:
    """What the owner lets people type, and what runs then."""

    typed: tuple[Part, ...]
    run: tuple[Part, ...]
    grammars: dict[str, Grammar]
    seconds: float = ACTION_SECONDS
    is_read_only: bool = False
    help: str = ""

    @property
    def name(self) -> str:
        """The first word of the command."""
        return self.typed[0].text

    @property
    def program(self) -> str:
        """Which program is looked up."""
        return self.run[0].text

    @property
    def example(self) -> str:
        """How it is typed."""
        return " ".join(map(self._render, self.typed))

    def fill(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Give the arguments for the words that follow the name.

        Raises:
            Astray: it does not take them.
        """
        values: dict[str, str] = {}
        at = 0
        for part in self.typed[1:]:
            grammar = self.grammars.get(part.argument)
            if isinstance(grammar, Flag) and (at == len(words) or words[at] != grammar.word):
                continue
            if at == len(words):
                raise Astray(f"something is missing: {self.example}", at)
            self._take(part, words[at], values, at)
            at += 1
        if at < len(words):
            raise Astray(f"{show(words[at])} is too much: {self.example}", at)
        return tuple(
            each.text + values.get(each.argument, "")
            for each in self.run[1:]
            if not each.argument or each.argument in values
        )

    def _take(self, part: Part, word: str, values: dict[str, str], at: int) -> None:
        rest = word.removeprefix(part.text)
        if not part.argument and word != part.text:
            raise Astray(f"{show(word)} is not {part.text}: {self.example}", at)
        if not word.startswith(part.text):
            raise Astray(f"{show(word)} does not begin with {part.text}", at)
        if part.argument:
            try:
                values[part.argument] = self.grammars[part.argument].accept(rest)
            except Unfit as fault:
                raise Astray(f"{self.name}: {fault.sentence}", at) from None

    def _render(self, part: Part) -> str:
        form = self.grammars[part.argument].form if part.argument else ""
        return part.text + form
