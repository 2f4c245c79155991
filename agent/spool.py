"""Events on disk until the bridge has them: a file each, named by its turn.

A file is whole or it is not there. What no disk takes is kept in memory as long as we live.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agent.limits import EVENTS_KEPT

_SUFFIX: Final = ".event"
Facts = Mapping[str, Any]


class Spool:
    """What waits, the oldest first."""

    def __init__(self, folder: Path, *, most: int = EVENTS_KEPT) -> None:
        self._folder = folder
        self._most = most
        self._waiting: deque[tuple[int, Facts]] = deque()
        self._ids: set[str] = set()
        self._unwritten: list[tuple[int, Facts]] = []
        self._turn = 0
        self._one_at_a_time = threading.Lock()
        self.lost = 0
        """How many were not kept for lack of room, or could not be read again."""
        self.problem = ""
        """Why what waits is in memory alone; empty while the disk takes it."""

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self) -> None:
        """Find what waited when we last ended.

        Raises:
            OSError: the folder can be neither made nor read.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(self._folder.iterdir()):
            if path.suffix != _SUFFIX or not path.stem.isdigit():
                if path.suffix == ".part":
                    path.unlink(missing_ok=True)
                continue
            self._turn = max(self._turn, int(path.stem))
            facts = _read(path)
            if facts is None:
                self.lost += 1
                path.unlink(missing_ok=True)
                continue
            self._remember(int(path.stem), facts)

    def put(self, events: Sequence[Facts]) -> None:
        """Keep events, and what the disk did not take before; nothing is kept twice.

        Without room the latest are lost: the first of them tells how it began.
        """
        with self._one_at_a_time:
            for facts in events:
                if facts["id"] in self._ids:
                    continue
                if len(self._waiting) >= self._most:
                    self.lost += 1
                    continue
                self._turn += 1
                self._remember(self._turn, facts)
                self._unwritten.append((self._turn, facts))
            try:
                self._write()
            except OSError as fault:
                self.problem = fault.strerror or type(fault).__name__
            else:
                self.problem = ""

    def first(self) -> tuple[int, Facts] | None:
        """Give the oldest and its turn; None where nothing waits."""
        return self._waiting[0] if self._waiting else None

    def drop(self, turn: int) -> None:
        """Let go of the oldest: the bridge has it."""
        with self._one_at_a_time:
            if self._waiting and self._waiting[0][0] == turn:
                _, facts = self._waiting.popleft()
                self._ids.discard(str(facts["id"]))
            self._unwritten = [each for each in self._unwritten if each[0] != turn]
            with contextlib.suppress(OSError):  # sent once more, it is known by its id
                self._path(turn).unlink(missing_ok=True)

    def _remember(self, turn: int, facts: Facts) -> None:
        self._waiting.append((turn, facts))
        self._ids.add(str(facts["id"]))

    def _write(self) -> None:
        if not self._unwritten:
            return
        for turn, facts in self._unwritten:
            write_whole(self._path(turn), json.dumps(dict(facts)).encode("ascii"))
        sync_folder(self._folder)
        self._unwritten = []

    def _path(self, turn: int) -> Path:
        return self._folder / f"{turn:020}{_SUFFIX}"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is the one or the other, never half.

    Raises:
        OSError: it could not be written.
    """
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)


def sync_folder(folder: Path) -> None:
    """See to it that what was named in a folder stays named.

    Raises:
        OSError: the disk does not say so.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Facts | None:
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get("id"), str) else None
