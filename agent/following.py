"""Follows a log file from its end, however it is rotated.

A file that is renamed is read on until nobody writes to it any more, then the one that took its
name from its start. From one that is copied and emptied, what was not yet read is taken from the
copy. Lines may come in pieces; what never ends is passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.limits import (
    LOG_LEFT_FILES,
    LOG_LEFT_SECONDS,
    LOG_LINE_BYTES,
    LOG_MISSING_SECONDS,
    LOG_READ_BYTES,
    LOG_SIBLINGS,
    LOG_TAIL_BYTES,
)

OpenFile = Callable[[Path], int]
"""Opens a file for reading; whoever may open more than we may can be put in its place."""
_PIECE: Final = 64 * 1024  # bytes of a file read at once


class Splitter:
    """Makes lines of pieces."""

    def __init__(self, most: int = LOG_LINE_BYTES) -> None:
        self._most = most
        self._rest = b""
        self._is_endless = False

    @property
    def pending(self) -> int | None:
        """How many bytes of a line that is not over yet are kept; None where it is passed over."""
        return None if self._is_endless else len(self._rest)

    def feed(self, piece: bytes) -> list[bytes]:
        """Take a piece; answer the lines that are whole. NULs are what a crash left behind."""
        *whole, rest = (self._rest + piece).split(b"\n")
        if self._is_endless and whole:
            del whole[0]
            self._is_endless = False
        rest = b"" if self._is_endless else rest.replace(b"\0", b"")
        if len(rest) > self._most:
            self._is_endless, rest = True, b""
        self._rest = rest
        stripped = (line.replace(b"\0", b"").removesuffix(b"\r") for line in whole)
        return [line for line in stripped if 0 < len(line) <= self._most]

    def clear(self) -> None:
        """Forget what is not over: its end will not come."""
        self._rest, self._is_endless = b"", False

    def pass_over(self) -> None:
        """Give nothing of the line that is under way: its beginning is not known."""
        self._rest, self._is_endless = b"", True


def open_regular(path: Path) -> int:
    """Open a regular file, and nothing that could make the reader wait.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is no regular file")
    return descriptor


def name_fault(fault: OSError) -> str:
    """Say what is wrong with a file in a few words."""
    return fault.strerror or type(fault).__name__


@dataclass
class _Part:
    """A file that is read, by whatever name."""

    descriptor: int
    offset: int
    lines: Splitter = field(default_factory=Splitter)
    tail: bytes = b""
    """What was read last: where it does not stand there any more, the file was emptied."""
    empty_at: int = 0
    """When it was last written to as we found it empty, in nanoseconds; 0 where we did not."""
    left_at: float = 0.0
    """When it lost its name, or was last written to after that."""

    @property
    def identity(self) -> tuple[int, int]:
        """Name the file itself."""
        return _identify(os.fstat(self.descriptor))

    @property
    def mark(self) -> str:
        """Say how far it was read, to whole lines; empty in the midst of one."""
        pending = self.lines.pending
        if pending is None:
            return ""
        device, inode = self.identity
        done, tail = self.offset - pending, self.tail[: max(0, len(self.tail) - pending)]
        return f"{device}:{inode}:{done}:{len(tail)}:{_digest(tail)}"

    @property
    def is_same(self) -> bool:
        """Say whether what was read still stands there."""
        if os.fstat(self.descriptor).st_size < self.offset:
            return False
        return _ends_with(self.descriptor, self.offset, self.tail)

    def skip_to(self, offset: int) -> None:
        """Read on from there."""
        self.offset = offset
        start = max(0, offset - LOG_TAIL_BYTES)
        self.tail = os.pread(self.descriptor, offset - start, start)
        if self.tail and not self.tail.endswith(b"\n"):
            self.lines.pass_over()

    def read(self) -> Iterator[bytes]:
        """Read what there is, or as much of it as belongs into one look."""
        room = LOG_READ_BYTES
        while room > 0:
            piece = os.pread(self.descriptor, min(room, _PIECE), self.offset)
            if not piece:
                return
            self.offset += len(piece)
            room -= len(piece)
            self.tail = (self.tail + piece)[-LOG_TAIL_BYTES:]
            yield from self.lines.feed(piece)


class LogFile:
    """One log, by the name that its files have in turn."""

    def __init__(self, path: Path, *, open_file: OpenFile = open_regular) -> None:
        self._path = path
        self._open_file = open_file
        self._current: _Part | None = None
        self._left: list[_Part] = []
        self._is_awaited = False
        """Whether the name was free when last looked: whatever takes it is all news."""
        self._missing_since: float | None = None
        self.problem = ""
        """Why it cannot be read just now; empty where it can."""

    @property
    def mark(self) -> str:
        """Say how far it was read; empty where nothing was."""
        return self._current.mark if self._current else ""

    def read(self, mark: str, now: float) -> list[bytes]:
        """Give the lines that are new.

        The first time that is what stands behind the mark, if it can be found, else nothing: the
        file is followed from its end.
        """
        self.problem = ""
        lines: list[bytes] = []
        try:
            if self._current is None:
                lines += self._begin(mark)
            lines += self._read_left(now)
            lines += self._read_current()
            lines += self._follow_name(now)
        except OSError as fault:
            self.problem = name_fault(fault)
        return lines

    def close(self) -> None:
        """Let go of everything; the next time begins anew."""
        for part in [*self._left, *([self._current] if self._current else [])]:
            os.close(part.descriptor)
        self._left, self._current = [], None
        self._is_awaited, self._missing_since = False, None

    def _begin(self, mark: str) -> list[bytes]:
        try:
            descriptor = self._open_file(self._path)
        except FileNotFoundError:
            self._is_awaited = True
            raise
        part = _Part(descriptor, 0)
        lines: list[bytes] = []
        if not self._is_awaited:
            lines = self._resume(part, mark)
        self._current, self._is_awaited = part, False
        return lines

    def _resume(self, part: _Part, mark: str) -> list[bytes]:
        """Find where a mark is: in this file, or in one that had its name."""
        known = _read_mark(mark)
        end = os.fstat(part.descriptor).st_size
        if known is None:
            part.skip_to(end)
            return []
        if known.is_in(part.descriptor) and part.identity == known.identity:
            part.skip_to(known.offset)
            return []
        rest = self._read_sibling(known.is_in, known.offset, Splitter())
        if rest is None:
            part.skip_to(end)
        return rest or []

    def _read_left(self, now: float) -> list[bytes]:
        """Read on in files that have lost their name, until nobody writes to them."""
        lines: list[bytes] = []
        for part in list(self._left):
            before = part.offset
            is_over = not part.is_same or abs(now - part.left_at) > LOG_LEFT_SECONDS
            lines += part.read() if part.is_same else []
            if part.offset != before:
                part.left_at = now
            if is_over or len(self._left) > LOG_LEFT_FILES:
                self._left.remove(part)
                os.close(part.descriptor)
        return lines

    def _read_current(self) -> list[bytes]:
        part = self._current
        if part is None:
            return []
        lines: list[bytes] = []
        if not part.is_same:
            tail, offset = part.tail, part.offset
            lines += (
                self._read_sibling(
                    lambda copy: bool(tail) and _ends_with(copy, offset, tail), offset, part.lines
                )
                or []
            )
            part.lines.clear()
            part.offset, part.tail = 0, b""
        elif not part.offset:
            lines += self._read_missed(part)
        lines += part.read()
        if not part.offset:
            part.empty_at = os.fstat(part.descriptor).st_mtime_ns
        return lines

    def _read_missed(self, part: _Part) -> list[bytes]:
        """Read what was written to an empty file, copied and emptied since we looked last."""
        status = os.fstat(part.descriptor)
        if not part.empty_at or status.st_mtime_ns == part.empty_at:
            return []

        def is_later_copy(copy: int) -> bool:
            found = os.fstat(copy)
            is_another = _identify(found) != _identify(status)
            return is_another and found.st_mtime_ns > part.empty_at

        return self._read_sibling(is_later_copy, 0, part.lines) or []

    def _follow_name(self, now: float) -> list[bytes]:
        """Look whether another file has taken the name; read it from its start."""
        part = self._current
        try:
            named = _identify(self._path.stat())
        except FileNotFoundError:
            if self._missing_since is None:
                self._missing_since = now
            if abs(now - self._missing_since) < LOG_MISSING_SECONDS:
                return []
            raise
        self._missing_since = None
        if part is None or named == part.identity:
            return []
        fresh = _Part(self._open_file(self._path), 0)
        lines = list(part.read())  # what was written before its name was lost
        part.left_at = now
        self._left.append(part)
        self._current = fresh
        return [*lines, *fresh.read()]

    def _read_sibling(
        self, is_it: Callable[[int], bool], offset: int, lines: Splitter
    ) -> list[bytes] | None:
        """Read the rest of the rotated file that is the one; None where there is none."""
        for path in self._find_siblings():
            with contextlib.suppress(OSError):
                descriptor = self._open_file(path)
                try:
                    if is_it(descriptor):
                        part = _Part(descriptor, offset, lines)
                        return list(part.read())
                finally:
                    os.close(descriptor)
        return None

    def _find_siblings(self) -> list[Path]:
        """List files that may have been this one, the latest first."""
        name = self._path.name
        found: list[tuple[float, Path]] = []
        with contextlib.suppress(OSError), os.scandir(self._path.parent) as entries:
            for each in entries:
                if each.name.startswith((f"{name}.", f"{name}-")):
                    found.append((each.stat().st_mtime, Path(each.path)))  # noqa: PERF401 - those before a fault count
        return [path for _, path in sorted(found, reverse=True)[:LOG_SIBLINGS]]


@dataclass(frozen=True)
class _Mark:
    """Where somebody had stopped to read."""

    identity: tuple[int, int]
    offset: int
    length: int
    digest: str

    def is_in(self, descriptor: int) -> bool:
        """Say whether what had been read stands in this file."""
        status = os.fstat(descriptor)
        if not self.length:
            return _identify(status) == self.identity
        if status.st_size < self.offset:
            return False
        tail = os.pread(descriptor, self.length, self.offset - self.length)
        return len(tail) == self.length and _digest(tail) == self.digest


def _read_mark(mark: str) -> _Mark | None:
    parts = mark.split(":")
    try:
        device, inode, offset, length = map(int, parts[:4])
        read = _Mark((device, inode), offset, length, parts[4])
    except (ValueError, IndexError):
        return None
    return read if 0 <= length <= min(offset, LOG_TAIL_BYTES) else None


def _identify(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _ends_with(descriptor: int, offset: int, tail: bytes) -> bool:
    return os.pread(descriptor, len(tail), offset - len(tail)) == tail


def _digest(tail: bytes) -> str:
    return hashlib.sha256(tail).hexdigest()[:16]
