"""What may be wrong with the manual: each check takes pages and what there is, and names faults.

They know nothing of the project, so that a test may hand them a text with a mistake in it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from tests.docs.pages import Page

_ABROAD = ("http://", "https://", "mailto:")
_SHOUTED = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_FIGURE = re.compile(r"\bopswire_[a-z0-9_]+")
_RECORDED = re.compile(r"(?<![/\w.])host:(?!port\b)[a-z0-9_]+(?::[a-z0-9_]+)*")
_ALERT = re.compile(r"\balertname=\"?([A-Za-z]+)")
_TYPED = re.compile(r"(/[a-z][a-zA-Z_]*)(?:@\w+)?(?= |$)")
_CALLED = re.compile(r"(?:^|[ /])start\.sh ([a-z][a-z-]*)")
_ASKED = re.compile(r"(?:\bpython3? -m bridge|\./start\.sh console) ([a-z]+)(?: ([a-z][a-z-]*))?")
_MODULE = re.compile(r"\bpython3? -m ((?:bridge|agent|sandbox|deploy|tests|benchmarks)[\w.]*)")
_TEST = re.compile(r"^test_\w+$")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


@dataclass(frozen=True, kw_only=True)
class Names:
    """Everything that has a name in the project."""

    settings: Collection[str] = ()
    limits: Collection[str] = ()
    figures: Collection[str] = ()
    recorded: Collection[str] = ()
    alerts: Collection[str] = ()
    commands: Collection[str] = ()
    words: Collection[str] = ()
    """Of start.sh."""
    deeds: Collection[str] = ()
    """Of the console."""
    modules: Collection[str] = ()
    tests: Collection[str] = ()
    files: Collection[str] = ()
    made: Collection[str] = ()
    """Files that a run makes; no clone has them."""
    foreign: Collection[str] = field(default_factory=frozenset)
    """Names of the world around: its variables, addresses, commands."""

    @cached_property
    def places(self) -> frozenset[str]:
        """Every file and folder, and what a run makes."""
        folders = {str(each) for name in self.files for each in PurePosixPath(name).parents}
        return frozenset({*self.files, *folders, *self.made})

    @cached_property
    def tops(self) -> frozenset[str]:
        """The folders at the top of the project."""
        return frozenset(name.split("/")[0] for name in self.files if "/" in name)


def find_dead_links(pages: Mapping[str, Page], files: Collection[str]) -> Iterator[str]:
    """Name links to files that are not there, and to headings that are not there."""
    folders = {posixpath.dirname(name) for name in files}
    for name, page in pages.items():
        for link in page.links:
            if link.target.startswith(_ABROAD):
                continue
            path, _, anchor = link.target.partition("#")
            there = (
                posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            )
            if there not in files and there not in folders:
                yield f"{name}:{link.line}: {link.target} leads nowhere"
            elif anchor and (there not in pages or anchor not in pages[there].anchors):
                yield f"{name}:{link.line}: {there} has no heading #{anchor}"


def find_unlisted(pages: Mapping[str, Page], index: str) -> Iterator[str]:
    """Name pages of the index's folder that it does not link to."""
    folder = posixpath.dirname(index)
    told = {
        posixpath.normpath(posixpath.join(folder, link.target.partition("#")[0]))
        for link in pages[index].links
    }
    for name in pages:
        if name.startswith(f"{folder}/") and name != index and name not in told:
            yield f"{index}: nothing leads to {name}"


def find_unknown(pages: Mapping[str, Page], names: Names) -> Iterator[str]:
    """Name whatever a page tells of that does not exist."""
    for name, page in pages.items():
        said = [*page.words]
        said += [(block.line, line) for block in page.blocks for line in block.commands]
        for line, text in said:
            if text not in page.theirs:
                for what in _unknown_in(text, names):
                    if what.split(" ")[-1] not in page.theirs:
                        yield f"{name}:{line}: there is no {what} (in `{text}`)"


def find_not_theirs(pages: Mapping[str, Page], names: Names) -> Iterator[str]:
    """Name words that a page takes for another program's, and that exist here or stand nowhere."""
    ours = {*names.settings, *(f"/{each}" for each in names.commands)}
    for name, page in pages.items():
        said = {text for _, text in page.words}
        for word in sorted(page.theirs):
            if word in ours:
                yield f"{name}: {word} is ours as well"
            elif word not in said:
                yield f"{name}: {word} stands nowhere"


def _unknown_in(text: str, names: Names) -> Iterator[str]:
    known = {*names.settings, *names.limits, *names.foreign}
    yield from (f"setting {each}" for each in _SHOUTED.findall(text) if each not in known)
    yield from (f"metric {each}" for each in _FIGURE.findall(text) if not _is_figure(each, names))
    recorded = _RECORDED.findall(text)
    yield from (f"series {each}" for each in recorded if each not in names.recorded)
    yield from (f"alert {each}" for each in _ALERT.findall(text) if each not in names.alerts)
    yield from _unknown_words(text, names)
    yield from _unknown_places(text, names)


def _is_figure(name: str, names: Names) -> bool:
    plain = re.sub(r"_(?:bucket|sum|count|created)$", "", name)
    return bool({name, plain} & {*names.figures, *names.foreign})


def _unknown_words(text: str, names: Names) -> Iterator[str]:
    for word in _CALLED.findall(text):
        if word not in names.words:
            yield f"word of start.sh {word}"
    for room, verb in _ASKED.findall(text):
        if (
            room not in names.deeds
            and f"{room} {verb}" not in names.deeds
            and (verb or not any(deed.startswith(f"{room} ") for deed in names.deeds))
        ):
            yield f"word of the console {room} {verb}".strip()
    for module in _MODULE.findall(text):
        if module.rstrip(".") not in names.modules:
            yield f"module {module}"
    typed = _TYPED.match(text)
    if typed and typed[1][1:] not in names.commands and typed[1] not in names.foreign:
        yield f"command {typed[1]}"
    if _TEST.fullmatch(text) and text not in names.tests:
        yield f"test {text}"


def _unknown_places(text: str, names: Names) -> Iterator[str]:
    for word in text.split(" "):
        path = word.removeprefix("./").rstrip("/")
        top, _, rest = path.partition("/")
        if not rest or top not in names.tops or re.search(r"[{}<>*…:=?\[\]$]", path):
            continue
        if not names.places.isdisjoint({path, f"{path}.py"}):
            continue
        yield f"file {path}"


def find_untold(what: str, there_is: Iterable[str], told: Collection[str]) -> Iterator[str]:
    """Name what exists and is not told of, and what is told of and does not exist."""
    existing = set(there_is)
    yield from (f"{what} {each} is not told of" for each in sorted(existing - set(told)))
    yield from (f"{what} {each} does not exist" for each in sorted(set(told) - existing))


def find_untried(
    pages: Mapping[str, Page], tried: Mapping[str, str], needed: Collection[str] = ()
) -> Iterator[str]:
    """Name commands that no test runs and that are not marked, and rows without a command.

    Args:
        pages: The manual.
        tried: A pattern of commands, and by what such a command is tried.
        needed: Patterns of commands that say by themselves what they need.
    """
    used = set()
    for name, page in pages.items():
        for block in page.blocks:
            for command in block.commands:
                by = [pattern for pattern in tried if re.fullmatch(pattern, command)]
                used |= set(by)
                said = any(re.fullmatch(pattern, command) for pattern in needed)
                if not by and not said and not block.needs:
                    yield f"{name}:{block.line}: nobody tries `{command}`"
    yield from (f"no page has a command like {each}" for each in tried if each not in used)


def find_wrong_marks(pages: Mapping[str, Page], needs: Collection[str]) -> Iterator[str]:
    """Name comments that say of a block what nobody understands."""
    for name, page in pages.items():
        for block in page.blocks:
            if block.needs and block.needs not in needs:
                yield f"{name}:{block.line}: nobody knows what needs: {block.needs} means"
