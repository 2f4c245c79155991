"""Where lines about logins come from: a log file, the journal, or whoever may read what we may not.

All are asked the same way: what is new? A source that cannot be read says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from agent.errors import Denied
from agent.following import LogFile, OpenFile, Splitter, name_fault, open_regular
from agent.limits import HELPER_PIECES
from agent.logins import Told, read_line


class Unreadable(Exception):
    """A source cannot be read now; the sentence says why."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is new."""

    told: Sequence[Told]
    mark: str = ""
    """Where reading goes on; empty where the source cannot tell."""
    problem: str = ""
    """What is wrong although something was read."""


class Source(Protocol):
    """Something that tells of logins."""

    @property
    def name(self) -> str:
        """What it is called in the status."""
        ...

    async def read(self, mark: str, now: float) -> Batch:
        """Give what is new: at first what is behind the mark, or nothing where there is none.

        Raises:
            Unreadable: it cannot be read.
        """
        ...

    async def close(self) -> None:
        """Let go of it; another read begins anew."""
        ...


class FileSource:
    """A log file that we may read ourselves."""

    def __init__(self, path: Path, *, open_file: OpenFile = open_regular) -> None:
        self.name: Final = str(path)
        self._log = LogFile(path, open_file=open_file)

    async def read(self, mark: str, now: float) -> Batch:
        """Give what is new.

        Raises:
            Unreadable: it cannot be read.
        """
        lines = self._log.read(mark, now)
        told = [each for each in map(_read, lines) if each]
        if self._log.problem and not told:
            raise Unreadable(self._log.problem)
        return Batch(told=told, mark=self._log.mark, problem=self._log.problem)

    async def close(self) -> None:
        """Let go of the file."""
        self._log.close()


class Piece(Protocol):
    """A piece of the auth log, as the root helper gives it."""

    @property
    def inode(self) -> int:
        """Which file it is from."""
        ...

    @property
    def offset(self) -> int:
        """Where the next piece begins."""
        ...

    @property
    def content(self) -> bytes:
        """What stands there."""
        ...


ReadPiece = Callable[[int, int], Piece]
"""Reads on in the auth log: the file of that inode, from that byte; where it is 0, from the end."""


class HelperSource:
    """The auth log as the root helper reads it, which may read what we may not."""

    name: Final = "root helper"

    def __init__(self, read_piece: ReadPiece) -> None:
        self._read_piece = read_piece
        self._place: tuple[int, int] | None = None
        self._lines = Splitter()
        self._is_at_start = False
        """Whether it is yet to be seen that we stand between two lines."""

    async def read(self, mark: str, now: float) -> Batch:
        """Give what is new.

        Raises:
            Unreadable: there is no helper, or no log.
        """
        del now
        told: list[Told] = []
        if self._place is None:
            await self._begin(mark)
        for _ in range(HELPER_PIECES):
            content = await self._ask()
            if content is None:
                break
            told += [each for each in map(_read, self._lines.feed(content)) if each]
        return Batch(told=told, mark=self._mark)

    async def close(self) -> None:
        """Begin anew the next time."""
        self._place, self._lines = None, Splitter()

    @property
    def _mark(self) -> str:
        pending = self._lines.pending
        if self._place is None or pending is None:
            return ""
        inode, offset = self._place
        return f"{inode}:{offset - pending}"

    async def _begin(self, mark: str) -> None:
        inode, _, offset = mark.partition(":")
        if inode.isdecimal() and offset.isdecimal():
            self._place = int(inode), int(offset)
            return
        piece = await self._fetch(0, 0)
        # One byte back: only behind the end of a line do we know what the next one is.
        self._place = piece.inode, max(0, piece.offset - 1)
        self._is_at_start = piece.offset > 0

    async def _ask(self) -> bytes | None:
        """Read the next piece, if there is any.

        What was under way in another file does not go on in this one.
        """
        inode, offset = self._place or (0, 0)
        piece = await self._fetch(inode, offset)
        content = piece.content
        if piece.inode != inode or piece.offset - len(content) != offset:
            self._lines.clear()
        elif self._is_at_start and content:
            if content[:1] == b"\n":
                content = content[1:]
            else:
                self._lines.pass_over()
        self._place = piece.inode, piece.offset
        if not piece.content and piece.inode == inode:
            return None
        self._is_at_start = False
        return content

    async def _fetch(self, inode: int, offset: int) -> Piece:
        try:
            return await asyncio.to_thread(self._read_piece, inode, offset)
        except Denied as fault:
            raise Unreadable(fault.sentence) from fault
        except OSError as fault:
            raise Unreadable(name_fault(fault)) from fault


def _read(line: bytes) -> Told | None:
    return read_line(line.decode("utf-8", errors="replace"))
