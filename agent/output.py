"""What a job writes: sent while it is short, and kept in bounds however long it is.

The first bytes become pieces of text, each stream decoded by itself; then only how much it is, and
the last lines. All of it is counted and digested. Nothing here waits, and nothing knows a clock.
"""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent import limits
from agent.wire import Output, Progress

_CONTINUED: Final = range(0x80, 0xC0)
"""A byte of these does not begin a character."""
_CHARACTER: Final = 4
"""UTF-8 has at most so many bytes for one."""
_decode = codecs.getincrementaldecoder("utf-8")


class Transcript:
    """The output of one job, as far as it is kept."""

    def __init__(self, spill: Spill) -> None:
        self.bytes = 0
        """Everything it wrote."""
        self.pieces: list[Output] = []
        """What is sent piece by piece, in order."""
        self.progress: Progress | None = None
        """How far it is, once it is too much for pieces."""
        self._spill = spill
        self._digest = hashlib.sha256()
        self._decoders = (_decode("replace"), _decode("replace"))
        self._waiting: list[tuple[float, bool, list[str]]] = []
        self._sent = 0
        self._tail: Tail | None = None

    @property
    def digest(self) -> str:
        """Write the SHA-256 of everything it wrote."""
        return self._digest.hexdigest()

    @property
    def kept(self) -> int:
        """Count the bytes that are kept in a file."""
        return self._spill.bytes

    @property
    def is_long(self) -> bool:
        """Say whether further output is not sent piece by piece."""
        return self._tail is not None

    def take(self, chunk: bytes, *, is_error: bool, now: float) -> None:
        """Take what was read from one of its streams."""
        self.bytes += len(chunk)
        self._digest.update(chunk)
        self._spill.take(chunk)
        if self._tail is None:
            chunk = self._send(chunk, is_error=is_error, now=now)
        if self._tail is not None:
            self._tail.take(chunk)

    def flush(self) -> bool:
        """Make pieces of what has come since the last time; say whether there are any."""
        for at, is_error, texts in self._waiting:
            self.pieces.append(Output(at=at, is_error=is_error, text="".join(texts)))
        is_more = bool(self._waiting)
        self._waiting.clear()
        return is_more

    def tell(self, now: float) -> None:
        """Say how far it is."""
        if self._tail is not None:
            self.progress = Progress(at=now, bytes=self.bytes, last=self._tail.read_lines())

    def finish(self, now: float) -> tuple[str, int]:
        """Take the end of both streams: the last as text, and how many bytes were left out."""
        if self._tail is None:
            for is_error, decoder in enumerate(self._decoders):
                self._add(decoder.decode(b"", final=True), is_error=bool(is_error), now=now)
        self.flush()
        self._spill.close()
        if self._tail is None:
            return "", 0
        last = self._tail.read()
        return last.decode(errors="replace"), self.bytes - self._sent - len(last)

    def _send(self, chunk: bytes, *, is_error: bool, now: float) -> bytes:
        """Have so much sent as is still sent; give back the rest."""
        here = chunk[: limits.HEAD_BYTES - self._sent]
        self._sent += len(here)
        self._add(self._decoders[is_error].decode(here), is_error=is_error, now=now)
        is_full = len(self.pieces) + len(self._waiting) >= limits.PIECES
        if is_full or self._sent >= limits.HEAD_BYTES:
            self._tail = Tail()
            for decoder in self._decoders:  # what is not yet a character was not sent
                begun, _ = decoder.getstate()
                self._sent -= len(begun)
                self._tail.take(begun)
        return chunk[len(here) :]

    def _add(self, text: str, *, is_error: bool, now: float) -> None:
        if not text:
            return
        if self._waiting and self._waiting[-1][1] == is_error:
            self._waiting[-1][2].append(text)
        else:
            self._waiting.append((now, is_error, [text]))


class Tail:
    """The last bytes of what it was given."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._is_cut = False

    def take(self, chunk: bytes) -> None:
        """Take further bytes."""
        self._bytes += chunk[-limits.TAIL_BYTES :]
        self._is_cut = self._is_cut or len(chunk) > limits.TAIL_BYTES
        if len(self._bytes) > 2 * limits.TAIL_BYTES:  # moved once in a while, and not each time
            self._cut()

    def read(self) -> bytes:
        """Read them, from the beginning of a character."""
        if len(self._bytes) > limits.TAIL_BYTES:
            self._cut()
        return _begin(bytes(self._bytes)) if self._is_cut else bytes(self._bytes)

    def read_lines(self) -> str:
        """Read the last lines of them."""
        end = bytes(self._bytes[-limits.PROGRESS_BYTES :])
        lines = _begin(end).decode(errors="replace").splitlines()
        return "\n".join(lines[-limits.PROGRESS_LINES :])

    def _cut(self) -> None:
        del self._bytes[: -limits.TAIL_BYTES]
        self._is_cut = True


class Spill:
    """A file with the whole output of one job, up to a size; there is none of a short output."""

    def __init__(self, path: Path, *, make_room: Callable[[], None] = lambda: None) -> None:
        self.bytes = 0
        """How many of them are in the file."""
        self._path = path
        self._make_room = make_room
        self._before = bytearray()
        """What came while it was short."""
        self._file: int | None = None
        self._is_over = False

    def take(self, chunk: bytes) -> None:
        """Take what was read."""
        if self._is_over:
            return
        if self._file is not None:
            self._write(chunk)
            return
        self._before += chunk[: limits.KEPT_BYTES]
        if len(self._before) > limits.HEAD_BYTES:
            self._open()

    def close(self) -> None:
        """Take nothing more."""
        self._is_over = True
        self._before.clear()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        try:
            self._make_room()
            self._file = _create(self._path)
        except OSError:  # a full disk takes no file, and the job goes on all the same
            self.close()
            return
        chunk = bytes(self._before)
        self._before.clear()
        self._write(chunk)

    def _write(self, chunk: bytes) -> None:
        assert self._file is not None  # noqa: S101 - it was opened
        chunk = chunk[: limits.KEPT_BYTES - self.bytes]
        try:
            written = os.write(self._file, chunk)
        except OSError:
            self.close()
            return
        self.bytes += written
        if written < len(chunk) or self.bytes >= limits.KEPT_BYTES:
            self.close()


def remove_oldest(folder: Path, most: int) -> None:
    """Remove files of a folder until at most so many are left."""
    files = []
    for each in folder.iterdir():
        with suppress(OSError):
            files.append((each.stat().st_mtime, each))
    for _, each in sorted(files)[: max(0, len(files) - most)]:
        with suppress(OSError):
            each.unlink()


def _begin(some: bytes) -> bytes:
    """Leave out the rest of a character whose beginning is not there."""
    for place, each in enumerate(some[: _CHARACTER - 1]):
        if each not in _CONTINUED:
            return some[place:]
    return some[_CHARACTER - 1 :]


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
