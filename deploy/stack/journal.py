"""The programs' logs: their last lines, and what is added to them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from deploy.stack.folder import Folder

# Chosen: enough for any count of lines a person reads; a log is cut at 5 MB.
TAIL_BYTES = 1_000_000
LOOK_SECONDS = 0.3


def list_logs(folder: Folder) -> list[str]:
    """Name the programs that have a log."""
    return sorted(path.stem for path in folder.logs.glob("*.log"))


def measure(path: Path) -> int:
    """Give a log's length now, 0 when there is none."""
    return path.stat().st_size if path.exists() else 0


def read_tail(path: Path, lines: int, *, since: int = 0) -> list[str]:
    """Give the last lines of a log, of those written behind the first `since` bytes."""
    if not path.exists() or lines <= 0:
        return []
    with path.open("rb") as file:
        end = file.seek(0, 2)
        # A log that is shorter now was rotated: all of it is later.
        file.seek(max(since if since <= end else 0, end - TAIL_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    return text.splitlines()[-lines:]


class Follower:
    """Reads what is added to a log, over its rotation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = measure(path)
        self._rest = b""

    def read(self) -> list[str]:
        """Give the whole lines that came since the last call."""
        if not self._path.exists():
            return []
        size = self._path.stat().st_size
        if size < self._place:
            # The log was rotated: what is there now is all new.
            self._place, self._rest = 0, b""
        if size == self._place:
            return []
        with self._path.open("rb") as file:
            file.seek(self._place)
            content = self._rest + file.read()
            self._place = file.tell()
        *whole, self._rest = content.split(b"\n")
        return [line.decode("utf-8", errors="replace") for line in whole]


def follow(folder: Folder, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield every new line with its program, until the reader stops."""
    followers = {name: Follower(folder.logs / f"{name}.log") for name in names}
    while True:
        for name, follower in followers.items():
            for line in follower.read():
                yield name, line
        time.sleep(LOOK_SECONDS)
