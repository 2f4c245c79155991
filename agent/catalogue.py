"""What this host runs below a shell: named actions, and the argument vector of each command.

The program is the one that the action names, found in a fixed list of folders; nothing that was
typed says which program runs, and no shell ever sees what was typed.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from agent.actions import INSTEAD, SHIPPED
from agent.errors import Denied
from agent.matching import Astray
from agent.owner_actions import INTERPRETERS
from agent.owner_file import ACTIONS_FILE, OwnerActions, read_owner_file
from agent.policy import CEILING_FILE, Ceiling, render_raise
from agent.words import Unsplit, show, split

PATH: Final = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
"""Where programs are, whatever the environment says."""
_WRAPPERS: Final = INTERPRETERS | {
    *("chroot", "chrt", "doas", "ed", "ex", "find", "git", "ionice", "less", "man", "more"),
    *("nice", "nohup", "nsenter", "pkexec", "rsync", "scp", "setsid", "stdbuf", "strace", "sudo"),
    *("systemd-run", "tar", "taskset", "time", "timeout", "unshare", "zip"),
}
"""Programs that run others: nobody is told how to allow them in a line."""

FindProgram = Callable[[str], str | None]


class Rule(Protocol):
    """An action of either kind."""

    @property
    def name(self) -> str: ...  # noqa: D102 - see the two kinds
    @property
    def program(self) -> str: ...  # noqa: D102
    @property
    def example(self) -> str: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def is_read_only(self) -> bool: ...  # noqa: D102
    def fill(self, words: tuple[str, ...]) -> tuple[str, ...]: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Match:
    """A command that this host runs."""

    name: str
    """The action's."""
    argv: tuple[str, ...]
    """What runs: the program's whole path first."""
    shown: str
    """The same as a shell would need it."""
    seconds: float
    """How long it may take."""
    is_read_only: bool


def find_program(name: str) -> str | None:
    """Find a program by its name, or see whether its whole path leads to one."""
    for folder in ("",) if name.startswith("/") else PATH:
        path = f"{folder}/{name}" if folder else name
        if os.access(path, os.X_OK) and Path(path).is_file():
            return path
    return None


class Catalogue:
    """Knows the actions of this host."""

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        find: FindProgram = find_program,
        owner_file: Path = ACTIONS_FILE,
        ceiling_file: Path = CEILING_FILE,
    ) -> None:
        self._rules: dict[str, list[Rule]] = {}
        for each in rules:
            self._rules.setdefault(each.name, []).append(each)
        self._find = find
        self._owner_file = owner_file
        self._ceiling_file = ceiling_file

    def match(self, text: str) -> Match:
        """Understand a command.

        Raises:
            Denied: it is none of the actions, or has words that its action does not take.
        """
        try:
            words = split(text)
        except Unsplit as fault:
            raise self._deny("words", fault.sentence, text) from None
        if not words:
            raise self._deny("words", "there is no command", text)
        rules = self._rules.get(words[0], [])
        if not rules:
            raise self._deny("catalogue", f"{show(words[0])} is no action of this host", text)
        furthest: Astray | None = None
        for rule in rules:
            try:
                return self._give(rule, rule.fill(words[1:]))
            except Astray as fault:
                if furthest is None or fault.depth > furthest.depth:
                    furthest = fault
        raise self._deny("argument", furthest.sentence if furthest else "", text)

    def describe(self) -> list[dict[str, Any]]:
        """List what this host has, a name once, without what is not installed."""
        return [
            {
                "name": name,
                "example": rules[0].example,
                "seconds": rules[0].seconds,
                "read_only": all(each.is_read_only for each in rules),
            }
            for name, rules in sorted(self._rules.items())
            if self._find(rules[0].program)
        ]

    def _give(self, rule: Rule, arguments: tuple[str, ...]) -> Match:
        program = self._find(rule.program)
        if program is None:
            sentence = f"{rule.program} is not installed on this host"
            raise Denied("missing", sentence, nearest=INSTEAD.get(rule.name, ""))
        argv = (program, *arguments)
        if not all(map(str.isprintable, argv)):
            raise Denied("argument", f"{rule.name}: a word has a character that cannot be seen")
        return Match(
            name=rule.name,
            argv=argv,
            shown=shlex.join(argv),
            seconds=rule.seconds,
            is_read_only=rule.is_read_only,
        )

    def _deny(self, rule: str, sentence: str, text: str) -> Denied:
        return Denied(
            rule, sentence, nearest=self._find_nearest(text), remedy=self._write_remedy(text)
        )

    def _find_nearest(self, text: str) -> str:
        """Find the action that was meant: one that is named anywhere, else one named alike."""
        typed = re.findall(r"[A-Za-z][A-Za-z0-9_.-]*", text)
        named = next((each for each in typed if each in self._rules), None)
        if named is None and typed:
            first = typed[0].casefold()
            begun = [each for each in self._rules if each.startswith(first)]
            alike = difflib.get_close_matches(first, self._rules, n=1)
            named = next(iter((*alike, *begun)), None)
        return self._rules[named][0].example if named else ""

    def _write_remedy(self, text: str) -> str:
        """Write what the owner would write on this host for the command to run."""
        raised = render_raise(Ceiling.SHELL, self._ceiling_file)
        try:
            words = split(text, has_places=True)
        except Unsplit:
            return raised
        is_plain = words and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", words[0])
        if not is_plain or "{" in text or words[0] in _WRAPPERS:
            return raised
        line = json.dumps(text.strip(" \t"), ensure_ascii=False) + ": {}"
        writer = "printf '%s\\n'" if "\\" in line else "echo"
        return f"{writer} {shlex.quote(line)} | sudo tee -a {self._owner_file}"


def load_catalogue(
    owner_file: Path | None,
    *,
    find: FindProgram = find_program,
    ceiling_file: Path = CEILING_FILE,
    own: frozenset[int] | None = None,
) -> Catalogue:
    """Put together the shipped actions and the owner's; the owner's word comes first.

    Args:
        owner_file: The owner's file of actions; None leaves it out.
        find: Finds a program.
        ceiling_file: Where the owner would raise the ceiling.
        own: The users that the agent is or can become; None asks the system.

    Raises:
        BadActions: the owner's file has faults; all are named.
    """
    path = owner_file or ACTIONS_FILE
    names = frozenset(each.name for each in SHIPPED)
    owners = read_owner_file(path, shipped=names, own=own) if owner_file else OwnerActions()
    shipped = (each for each in SHIPPED if each.name not in owners.off)
    rules: tuple[Rule, ...] = (*owners.actions, *shipped)
    return Catalogue(rules, find=find, owner_file=path, ceiling_file=ceiling_file)
