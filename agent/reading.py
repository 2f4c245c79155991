"""Reads both streams of a job as they come, and never more than its share of the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from agent import limits

Take = Callable[[bytes, bool], None]
"""Takes a chunk, and whether it came by standard error."""


class Reading:
    """The reading of two pipes; whoever writes into them waits for nobody but this."""

    def __init__(self, output: int, errors: int, take: Take) -> None:
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._open = {output: False, errors: True}
        self._had = 0
        self._rest: asyncio.TimerHandle | None = None
        self.is_over = asyncio.Event()
        """Both have been closed by everybody who could write into them."""
        self._listen()

    def close(self) -> None:
        """Read no further."""
        if self._rest is not None:
            self._rest.cancel()
        for each in self._open:
            self._loop.remove_reader(each)
        self._open.clear()
        self.is_over.set()

    def take_rest(self) -> None:
        """Take what is in the pipes by now: as much as a pipe holds, however it was meant to go."""
        for pipe, is_error in self._open.items():
            with suppress(BlockingIOError):
                if chunk := os.read(pipe, limits.READ_BYTES):
                    self._take(chunk, is_error)

    def _listen(self) -> None:
        self._rest = None
        self._had = 0
        for each, is_error in self._open.items():
            self._loop.add_reader(each, self._read, each, is_error)

    def _read(self, pipe: int, is_error: bool) -> None:  # noqa: FBT001 - the loop calls by position
        try:
            chunk = os.read(pipe, limits.READ_BYTES)
        except BlockingIOError:
            return
        if not chunk:
            self._loop.remove_reader(pipe)
            self._open.pop(pipe, None)
            if not self._open:
                self.is_over.set()
            return
        self._take(chunk, is_error)
        self._had += len(chunk)
        if self._had >= limits.READ_TICK_BYTES:
            self._pause()

    def _pause(self) -> None:
        """Let others have the loop for a moment."""
        if self._rest is None:
            for each in self._open:
                self._loop.remove_reader(each)
            self._rest = self._loop.call_later(limits.READ_TICK_SECONDS, self._listen)
