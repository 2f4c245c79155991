"""The agent's own record of jobs: what ran here and how it ended, whatever the bridge says later.

JSON lines, only ever appended to, each on the disk before the work goes on. A job is noted before
it starts: one whose end is not noted was running when the agent ended, and never runs again. Who
asked is not known here. Two files at most; the older one goes when the newer one is full.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from agent import limits
from agent.wire import Ended, Why

BEGUN: Final = "begun"
ENDED: Final = "ended"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Noted:
    """What is on record of a job."""

    shown: str
    begun: float
    ended: Ended


class Record:
    """The record, in a file and the one before it."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._older = path.with_name(f"{path.name}.1")
        self._known: OrderedDict[str, Noted] = OrderedDict()
        self._lock = threading.Lock()
        """Each line is written by a thread: a disk may take its time, and the loop has none."""
        self._file = _open(path)
        now = clock()
        unended: dict[str, None] = {}
        for each in (self._older, path):
            for line in _read_lines(each):
                self._learn(line, now, unended)
        for job in unended:
            self.note_ended(_lose(job, now))

    def find(self, job: str) -> Noted | None:
        """Find what is on record of a job; one whose end is not on record was lost."""
        return self._known.get(job)

    def note_begun(self, job: str, shown: str, at: float) -> None:
        """Note, before it does, that a job starts.

        Raises:
            OSError: it is not on the disk; the job must not start.
        """
        self._note({"note": BEGUN, "job": job, "at": at, "shown": _shorten(shown)})
        self._remember(job, Noted(shown=_shorten(shown), begun=at, ended=_lose(job, at)))

    def note_ended(self, ended: Ended) -> None:
        """Note how a job ended; a fault of the disk is told to the log, and to nobody else."""
        noted = self._known.get(ended.job)
        if noted is not None:
            self._remember(ended.job, replace(noted, ended=forget_output(ended)))
        fields = {
            "job": ended.job,
            "at": ended.at,
            "why": ended.why.value,
            "code": ended.code,
            "signal": ended.signal,
            "seconds": ended.seconds,
            "bytes": ended.bytes,
            "digest": ended.digest,
            "kept": ended.kept,
            "stuck": ended.stuck,
        }
        try:
            self._note({"note": ENDED, **fields})
        except OSError as fault:
            _log.error("the end of a job is not on record: %s", fault.strerror)

    def close(self) -> None:
        """Take nothing more."""
        os.close(self._file)

    def _note(self, fields: Mapping[str, Any]) -> None:
        line = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if os.fstat(self._file).st_size >= limits.RECORD_BYTES:
                self._turn()
            size = os.fstat(self._file).st_size
            if os.write(self._file, line) != len(line):
                os.ftruncate(self._file, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._file)

    def _turn(self) -> None:
        """Begin another file; this one becomes the older one."""
        self._path.replace(self._older)
        before, self._file = self._file, _open(self._path)
        os.close(before)

    def _learn(self, line: bytes, now: float, unended: dict[str, None]) -> None:
        """Learn from a line; one that was being written when the agent ended says nothing."""
        try:
            read = json.loads(line)
            job, at = str(read["job"]), float(read["at"])
            if read["note"] == BEGUN:
                shown = str(read["shown"])
                self._remember(job, Noted(shown=shown, begun=at, ended=_lose(job, now)))
                unended[job] = None
            elif (noted := self._known.get(job)) is not None:
                self._remember(job, replace(noted, ended=_read_end(job, at, read)))
                unended.pop(job, None)
        except (ValueError, KeyError, TypeError):
            return

    def _remember(self, job: str, noted: Noted) -> None:
        self._known[job] = noted
        self._known.move_to_end(job)
        while len(self._known) > limits.RECORDED_JOBS:
            self._known.popitem(last=False)


def forget_output(ended: Ended) -> Ended:
    """Say of an end what remains true without the output."""
    return replace(ended, last="", left_out=ended.bytes)


def _lose(job: str, at: float) -> Ended:
    return Ended(job=job, at=at, why=Why.LOST, code=None, seconds=0.0, bytes=0, digest="")


def _read_end(job: str, at: float, read: Mapping[str, Any]) -> Ended:
    code = read["code"]
    return Ended(
        job=job,
        at=at,
        why=Why(read["why"]),
        code=None if code is None else int(code),
        signal=str(read["signal"]),
        seconds=float(read["seconds"]),
        bytes=int(read["bytes"]),
        digest=str(read["digest"]),
        left_out=int(read["bytes"]),
        kept=int(read["kept"]),
        stuck=bool(read["stuck"]),
    )


def _open(path: Path) -> int:
    """Open it for appending, after the end of its last whole line."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")
    _sync(path.parent)
    return file


def _sync(folder: Path) -> None:
    """Have the names of a folder on the disk."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _read_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:
        return


def _shorten(shown: str) -> str:
    return shown[: limits.RECORDED_CHARACTERS]
