"""The owner's file of actions: YAML, a command as it is typed for each key.

    "systemctl restart {unit}":
      arguments: {unit: [nginx, php-fpm]}
      seconds: 60
    "errors {lines}":
      run: journalctl -u nginx -p err -n {lines} --no-pager
      arguments: {lines: {from: 1, to: 500}}
      read_only: true
    "dmesg": off

An argument is a list of words, `{from: 1, to: 9}`, `{under: /srv}`, `{flag: --all}`, or one of
`unit`, `host`, `name`, `port`. Without `run`, what is typed is what runs. `off` takes a shipped
action away. All faults are told at once, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from agent.arguments import Grammar, Host, Name, OneOf, Place, Unit, Whole
from agent.errors import AgentError
from agent.limits import ACTION_SECONDS, HIGHEST_PORT, MOST_ACTION_SECONDS, OWNER_FILE_BYTES
from agent.owned import Untrusted, read_owned
from agent.owner_actions import INTERPRETERS, Flag, OwnerAction, Part
from agent.words import Unsplit, show, split

ACTIONS_FILE: Final = Path("/etc/opswire/actions.yml")
_FIRST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PART: Final = re.compile(r"([^{}]*)\{([a-z][a-z0-9_]*)\}")
_KINDS: Final[dict[str, Grammar]] = {
    "unit": Unit(),
    "host": Host(),
    "name": Name(),
    "port": Whole(1, HIGHEST_PORT),
}
_SETTINGS: Final = ("arguments", "run", "seconds", "read_only", "help")
_Complain = Callable[[str], None]


class BadActions(AgentError):
    """The owner's file cannot be taken as it is."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class OwnerActions:
    """What the owner has written."""

    actions: tuple[OwnerAction, ...] = ()
    off: frozenset[str] = frozenset()
    """The names of shipped actions that this host does not have."""


def read_owner_file(
    path: Path, *, shipped: frozenset[str], own: frozenset[int] | None = None
) -> OwnerActions:
    """Read the owner's actions; no file means none.

    Args:
        path: The file.
        shipped: The names of the actions that can be switched off.
        own: The users that the agent is or can become; None asks the system.

    Raises:
        BadActions: something in it is wrong; all faults are named.
    """
    try:
        content = read_owned(path, at_most=OWNER_FILE_BYTES, own=own)
    except Untrusted as fault:
        raise BadActions((str(fault),)) from None
    if content is None:
        return OwnerActions()
    return parse_owner_actions(content, name=path.name, shipped=shipped)


def parse_owner_actions(
    content: bytes, *, shipped: frozenset[str], name: str = ACTIONS_FILE.name
) -> OwnerActions:
    """Understand the owner's actions.

    Raises:
        BadActions: something in them is wrong; all faults are named.
    """
    faults: list[str] = []
    actions: list[OwnerAction] = []
    off: set[str] = set()
    for line, key, value in _read_entries(content, name, faults):

        def complain(sentence: str, at: str = f"{name}:{line}: {show(key)}: ") -> None:
            faults.append(at + sentence)

        if value is not False:
            actions += _Reader(complain).read(key, value)
        elif key in shipped:
            off.add(key)
        else:
            complain("no shipped action has this name, so it cannot be off")
    if faults:
        raise BadActions(tuple(faults))
    return OwnerActions(actions=tuple(actions), off=frozenset(off))


def _read_entries(
    content: bytes, name: str, faults: list[str]
) -> Iterator[tuple[int, str, object]]:
    """Read the YAML itself: line, key and value of each entry."""
    # Most hosts have no such file, and what reads it weighs a megabyte.
    import yaml  # noqa: PLC0415 - see above

    try:
        root = yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        faults.append(f"{name}: it is no YAML: {' '.join(str(fault).split())}")
        return
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return
    if not isinstance(root, yaml.MappingNode):
        faults.append(f"{name}: it has no commands as keys")
        return
    seen: set[str] = set()
    for key, node in root.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            faults.append(f"{name}:{line}: a key is a command; put it in quotes")
        elif key.value in seen:
            faults.append(f"{name}:{line}: {show(key.value)} stands twice")
        else:
            seen.add(key.value)
            try:
                value = yaml.SafeLoader("").construct_object(node, deep=True)
            except (yaml.YAMLError, ValueError, RecursionError):
                faults.append(f"{name}:{line}: {show(key.value)} cannot be understood")
            else:
                yield line, key.value, value


class _Reader:
    """Makes an action of an entry, and complains about all that is wrong with it."""

    def __init__(self, complain: _Complain) -> None:
        self._complaints = 0
        self._tell = complain

    def _complain(self, sentence: str) -> None:
        self._complaints += 1
        self._tell(sentence)

    def read(self, key: str, value: object) -> list[OwnerAction]:
        given = {} if value is None else value
        if not isinstance(given, dict):
            self._complain("write {} behind it, settings, or off")
            return []
        for each in given.keys() - set(_SETTINGS):
            self._complain(f"{show(str(each))} is no setting: {', '.join(_SETTINGS)}")
        typed = self._read_parts(key)
        run = self._read_parts(given["run"]) if "run" in given else typed
        grammars = self._read_grammars(given.get("arguments") or {})
        self._check_typed(typed, grammars)
        self._check_run(run, typed, has_run="run" in given)
        action = OwnerAction(
            typed=typed,
            run=run,
            grammars=grammars,
            seconds=self._read_seconds(given.get("seconds", ACTION_SECONDS)),
            is_read_only=self._read_truth(given.get("read_only", False)),
            help=str(given.get("help", "")),
        )
        return [] if self._complaints else [action]

    def _read_parts(self, written: object) -> tuple[Part, ...]:
        words: tuple[str, ...] = ()
        if isinstance(written, str):
            try:
                words = split(written, has_places=True)
            except Unsplit as fault:
                self._complain(fault.sentence)
                return ()
        elif isinstance(written, list) and all(isinstance(each, str) for each in written):
            words = tuple(written)
        if not words:
            self._complain("a command is a text, or a list of texts")
        return tuple(map(self._read_part, words))

    def _read_part(self, word: str) -> Part:
        match = _PART.fullmatch(word)
        if match is not None:
            return Part(text=match[1], argument=match[2])
        if "{" in word or "}" in word:
            self._complain(f"{show(word)}: an argument stands alone, or at the end of its word")
        if not word.isprintable():
            self._complain(f"{show(word)} has a character that cannot be seen")
        return Part(text=word)

    def _read_grammars(self, written: object) -> dict[str, Grammar]:
        if not isinstance(written, dict):
            self._complain("arguments: write {name: what it may be}")
            return {}
        read = {str(name): self._read_grammar(str(name), each) for name, each in written.items()}
        return {name: each for name, each in read.items() if each is not None}

    def _read_grammar(self, name: str, written: object) -> Grammar | None:
        grammar = _parse_grammar(written)
        if grammar is None:
            self._complain(
                f"{show(name)} may be a list of words (on, off, yes and no in quotes), "
                "{from: 1, to: 9}, {under: /folder}, {flag: --word}, unit, host, name or port"
            )
        return grammar

    def _check_typed(self, typed: tuple[Part, ...], grammars: dict[str, Grammar]) -> None:
        if typed and (typed[0].argument or not _FIRST.fullmatch(typed[0].text)):
            self._complain("the first word is a plain name; give the program's path in run")
        names = [each.argument for each in typed if each.argument]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                self._complain(f"{{{name}}} stands twice")
            if name not in grammars:
                self._complain(f"arguments does not say what {{{name}}} may be")
        for name in grammars.keys() - set(names):
            self._complain(f"{{{name}}} does not stand in the command")
        for each in typed:
            if each.text and isinstance(grammars.get(each.argument), Flag):
                self._complain(f"{each}: a flag stands alone")

    def _check_run(self, run: tuple[Part, ...], typed: tuple[Part, ...], *, has_run: bool) -> None:
        if run and (run[0].argument or run[0].text.startswith("-")):
            self._complain("run begins with the program's name or path")
        known = {each.argument for each in typed}
        if has_run:
            for each in run:
                if each.argument not in known | {""}:
                    self._complain(f"{{{each.argument}}} in run does not stand in the command")
        has_arguments = any(each.argument for each in run)
        for each in run if has_arguments else ():
            name = PurePosixPath(each.text).name
            if name in INTERPRETERS or re.fullmatch(r"python[0-9.]+", name):
                self._complain(f"{name} could take an argument for a program; name the program")

    def _read_seconds(self, written: object) -> float:
        is_number = isinstance(written, int | float) and not isinstance(written, bool)
        if not is_number or not 1 <= float(str(written)) <= MOST_ACTION_SECONDS:
            self._complain(f"seconds is a number from 1 to {MOST_ACTION_SECONDS:.0f}")
            return ACTION_SECONDS
        return float(str(written))

    def _read_truth(self, written: object) -> bool:
        if not isinstance(written, bool):
            self._complain("read_only is true or false")
        return written is True


def _parse_grammar(written: object) -> Grammar | None:
    """Understand what an argument may be; None if it is nothing of the kind."""
    grammar: Grammar | None = None
    match written:
        case str():
            grammar = _KINDS.get(written)
        case list() if written and all(map(_is_word, written)):
            grammar = OneOf(tuple(map(str, written)))
        case {"from": int(low), "to": int(high), **rest} if not rest and 0 <= low <= high:
            grammar = Whole(low, high)
        case {"under": str(folder), **rest} if not rest and _is_folder(folder):
            grammar = Place(folders=(folder,))
        case {"under": list(folders), **rest} if not rest and _are_folders(folders):
            grammar = Place(folders=tuple(folders))
        case {"flag": str(word), **rest} if not rest and _is_word(word):
            grammar = Flag(word)
    return grammar


def _is_word(each: object) -> bool:
    if isinstance(each, int) and not isinstance(each, bool):
        return True
    return isinstance(each, str) and bool(each) and each.isprintable()


def _is_folder(each: object) -> bool:
    return isinstance(each, str) and each.startswith("/") and each.isprintable()


def _are_folders(each: list[object]) -> bool:
    return bool(each) and all(map(_is_folder, each))
