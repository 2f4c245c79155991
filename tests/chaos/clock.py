"""The clock of a bridge under test: it runs fast, and jumps, while the machine's does not.

Waits of minutes (a chat that refuses, Telegram's twenty messages a minute) would make a round last
minutes. The bridge asks its one clock for everything, so its minutes can be made short. The clock
lies in a file that a bridge maps into its memory: it goes on when bridges are killed.
"""

from __future__ import annotations

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

_FIGURES: Final = struct.Struct("ddd")  # the machine's time, what we called it, our seconds in one


class BentClock:
    """A clock that several processes read and one may bend."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_FIGURES.pack(time.time(), time.time(), 1.0))
        with path.open("r+b") as file:
            self._figures = mmap.mmap(file.fileno(), _FIGURES.size)

    @property
    def rate(self) -> float:
        """How many of its seconds pass in one of the machine's."""
        return float(self._read()[2])

    def now(self) -> datetime:
        """Tell its time."""
        real, ours, rate = self._read()
        return datetime.fromtimestamp(ours + (time.time() - real) * rate, UTC)

    def run(self, rate: float) -> None:
        """Go on from where it stands at another rate."""
        self._write(self.now(), rate)

    def jump(self, span: timedelta) -> None:
        """Be wrong by that much from now on."""
        self._write(self.now() + span, self.rate)

    def _read(self) -> tuple[float, float, float]:
        real, ours, rate = _FIGURES.unpack(self._figures[: _FIGURES.size])
        return real, ours, rate

    def _write(self, at: datetime, rate: float) -> None:
        self._figures[: _FIGURES.size] = _FIGURES.pack(time.time(), at.timestamp(), rate)
