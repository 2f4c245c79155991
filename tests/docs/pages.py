"""A page of the manual as a reader meets it: headings, links, words in code, blocks of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_COMMENT = re.compile(r"<!--\s*(needs|theirs):\s*(.*?)\s*-->", re.DOTALL)
_NO_ANCHOR = re.compile(r"[^\w\- ]")
_PROMPT = re.compile(r"\$ ")
# What begins a line that is typed at a terminal, where a block does not say what it is.
_PROGRAM = re.compile(
    r"(?:\./|\.venv/|deploy/|(?:amtool|apt|cd|cp|curl|docker|docker-compose|echo|git|journalctl|kill|"
    r"make|mv|npm|pip|promtool|psql|python3?|rm|sqlite3|ssh|sudo|systemctl|tar|uv) )"
)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link or a picture."""

    line: int
    target: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lines that stand apart."""

    line: int
    language: str
    text: str
    needs: str
    """What a machine has to have for them; empty where every one does."""

    @property
    def commands(self) -> list[str]:
        """The commands among them, without what is said beside."""
        if self.language not in {"", "sh", "console", "bash"}:
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        named = self.language != ""
        found = [_strip(line) for line in lines if named or _PROGRAM.match(_PROMPT.sub("", line))]
        return [line for line in found if line]


def _strip(line: str) -> str:
    without = _PROMPT.sub("", line.strip(), count=1)
    return re.sub(r"\s+", " ", re.sub(r"(?:^|\s+)#.*$", "", without)).strip()


@dataclass(frozen=True)
class Page:
    """A text and where it lies, from the top of the project."""

    path: PurePosixPath
    text: str

    @cached_property
    def _tokens(self) -> list[Token]:
        return _MARKDOWN.parse(self.text)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What a link may name behind `#`, as code hosts make it of headings."""
        found: list[str] = []
        for at, token in enumerate(self._tokens):
            if token.type == "heading_open":
                words = "".join(each.content for each in self._tokens[at + 1].children or [])
                slug = _NO_ANCHOR.sub("", words.strip().lower()).replace(" ", "-")
                again = sum(
                    re.fullmatch(rf"{re.escape(slug)}(-\d+)?", each) is not None for each in found
                )
                found.append(f"{slug}-{again}" if again else slug)
        return frozenset(found)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Every link and picture."""
        return tuple(
            Link(line=line, target=str(child.attrs["src" if child.type == "image" else "href"]))
            for line, child in self._inline()
            if child.type in {"link_open", "image"}
        )

    @cached_property
    def words(self) -> tuple[tuple[int, str], ...]:
        """Everything that a text sets as code."""
        return tuple(
            (line, child.content) for line, child in self._inline() if child.type == "code_inline"
        )

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every block, with the comment before it."""
        found, needs = [], ""
        for token in self._tokens:
            if token.type in {"fence", "code_block"}:
                language = token.info.strip().split(" ")[0]
                found.append(
                    Block(line=_line(token), language=language, text=token.content, needs=needs)
                )
            if token.type == "html_block":
                needs = self._read_comment("needs", token.content)
            elif token.level == 0 and token.type != "html_block":
                needs = ""
        return tuple(found)

    @cached_property
    def theirs(self) -> frozenset[str]:
        """Words of another program, which the page explains."""
        said = self._read_comment("theirs", self.text)
        return frozenset(word.strip() for word in said.split(",") if word.strip())

    def _inline(self) -> Iterator[tuple[int, Token]]:
        for token in self._tokens:
            if token.type == "inline":
                for child in token.children or []:
                    yield _line(token), child

    @staticmethod
    def _read_comment(kind: str, text: str) -> str:
        return ", ".join(said for name, said in _COMMENT.findall(text) if name == kind)


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0
