"""Which orders were taken already, kept on disk until nobody could repeat them.

An order may run only once its nonce is on disk: an agent that is killed and comes back knows it.
Expired ones are forgotten; the latest expiry among the forgotten is kept instead, and no order
that expires before it is taken any more, so that a clock that goes back opens nothing.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import math
import os
import re
import threading
from pathlib import Path
from typing import Final

from agent import limits
from agent.errors import AgentError
from agent.folder import read_own, sync_folder, write_private
from agent.wire import VALID_SECONDS

_LINE: Final = re.compile(r"([0-9a-f]{64}|forgotten) (\S{1,40})")
_log = logging.getLogger(__name__)


class TooMany(AgentError):
    """More orders stand at once than can be kept apart."""


class Nonces:
    """The nonces of the orders that were taken."""

    def __init__(self, path: Path, *, now: float) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._seen: dict[str, float] = {}
        self._forgotten = -math.inf
        self._written = 0
        self._rewritten_at = limits.NONCES_WRITTEN
        self._read(now)
        self._forget(now)
        self._rewrite()

    async def take(self, nonce: str, *, expires: float, now: float) -> bool:
        """Note a nonce and say whether this is the first time; it is on disk when this returns.

        Raises:
            TooMany: too many are kept already.
            OSError: it could not be written; it counts as taken nevertheless.
        """
        mark = hashlib.sha256(nonce.encode()).hexdigest()
        if mark in self._seen or expires <= self._forgotten:
            return False
        if len(self._seen) >= limits.NONCES_KEPT:
            self._forget(now)
            if len(self._seen) >= limits.NONCES_KEPT:
                raise TooMany("too many orders at once")
        self._seen[mark] = expires
        await asyncio.to_thread(self._append, mark, expires, now)
        return True

    def _append(self, mark: str, expires: float, now: float) -> None:
        with self._turn:
            if self._written >= self._rewritten_at:
                self._forget(now)
                self._rewrite()  # writes this one as well
                return
            with self._path.open("ab", buffering=0) as file:
                line, size = _render(mark, expires), os.fstat(file.fileno()).st_size
                if file.write(line) != len(line):  # a nearly full disk takes a part, and says so
                    file.truncate(size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fdatasync(file.fileno())
            self._written += 1

    def _forget(self, now: float) -> None:
        """Leave out what has expired: its expiry alone keeps it out from then on."""
        for mark, expires in list(self._seen.items()):
            if expires <= now:
                # First the bound, then the nonce: between the two it is kept out twice.
                self._forgotten = max(self._forgotten, expires)
                self._seen.pop(mark, None)

    def _rewrite(self) -> None:
        lines = [_render(mark, expires) for mark, expires in list(self._seen.items())]
        if self._forgotten > -math.inf:
            lines.append(_render("forgotten", self._forgotten))
        fresh = self._path.with_suffix(".fresh")
        write_private(fresh, b"".join(lines))
        fresh.replace(self._path)
        sync_folder(self._path.parent)
        self._written = len(lines)
        self._rewritten_at = max(limits.NONCES_WRITTEN, 2 * len(lines))

    def _read(self, now: float) -> None:
        """Read the file; where it is lost, every order that could have been in it counts as taken.

        A last line without its end was cut off while it was written: its order never ran.
        """
        try:
            lines = read_own(self._path).decode("ascii").split("\n")[:-1]
            for mark, expires in map(_parse, lines):
                if mark == "forgotten":
                    self._forgotten = max(self._forgotten, expires)
                else:
                    self._seen[mark] = expires
        except (FileNotFoundError, ValueError) as fault:
            self._forgotten = now + VALID_SECONDS + limits.CLOCKS_APART_SECONDS
            _log.warning(
                "%s is lost (%s): orders are refused for a minute, as any could be a repeated one",
                self._path,
                type(fault).__name__,
            )


def _render(mark: str, expires: float) -> bytes:
    return f"{mark} {expires!r}\n".encode("ascii")


def _parse(line: str) -> tuple[str, float]:
    found = _LINE.fullmatch(line)
    if found is None or not math.isfinite(expires := float(found.group(2))):
        raise ValueError("no line of it")
    return found.group(1), expires
