"""Ends everything below a process, until the kernel says that nothing is left.

Two ways. In a PID namespace the first process sends a signal to all others at once, and no fork
slips through. Elsewhere every orphan comes up to the nearest process that adopts orphans; who is
below is read from /proc and stopped before it is killed, so that a fork bomb stands still first.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from agent import limits

Wait = Callable[[float], None]
"""Sleeps for so long at most, less where a child ends."""
Note = Callable[[int, int], None]
"""Is told of each child that ended: its number and its status, as the kernel has it."""
_PROC: Final = "/proc"


class Below:
    """All processes below this one."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def reap(self) -> bool:
        """Take the dead in, and say whether anybody lives."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._note(pid, status)

    def tell(self, *signums: signal.Signals) -> None:
        """Send signals to all of them."""
        raise NotImplementedError

    def freeze(self) -> None:
        """Stop them all, so that none forks any more."""
        raise NotImplementedError

    def end(self, wait: Wait) -> bool:
        """End them all: ask, give them a moment, kill; say whether any is left."""
        began = time.monotonic()
        if not self.reap():
            return False
        self.tell(signal.SIGTERM, signal.SIGCONT)  # the stopped hear the first by the second
        if not self._settle(began + limits.JOB_GRACE_SECONDS, wait):
            return False
        return self.kill(wait, began + limits.JOB_END_SECONDS)

    def kill(self, wait: Wait, until: float) -> bool:
        """Kill them all, at least once, until then again and again; say whether any is left."""
        while self.reap():
            self.freeze()
            self.tell(signal.SIGKILL)
            # Only who was killed and lives is left: this process may itself have stood still.
            is_left = self._settle(time.monotonic() + limits.JOB_SWEEP_SECONDS, wait)
            if is_left and time.monotonic() > until:
                return True
        return False

    def _settle(self, until: float, wait: Wait) -> bool:
        """Wait until none is left, or until then; say whether any is left."""
        while self.reap():
            left = until - time.monotonic()
            if left <= 0:
                return True
            wait(left)
        return False


class Namespace(Below):
    """All processes of the PID namespace that this one is the first of."""

    def tell(self, *signums: signal.Signals) -> None:
        """Send signals to all of them, each in one call."""
        for each in signums:
            with suppress(ProcessLookupError):
                os.kill(-1, each)

    def freeze(self) -> None:
        """Leave it: a fork does not get away from a signal to all."""


class Descendants(Below):
    """All descendants of this process, but for some children and those below these."""

    def __init__(self, note: Note, spared: Callable[[], set[int]] = set) -> None:
        super().__init__(note)
        self._spared = spared

    def has_any(self) -> bool:
        """Say whether there is any but the spared."""
        return any(True for _ in list_below(os.getpid(), self._spared()))

    def tell(self, *signums: signal.Signals) -> None:
        """Send signals to all that are there; who ends meanwhile hands its children up, unseen."""
        for pid in list(list_below(os.getpid(), self._spared())):
            for each in signums:
                _send(pid, each)

    def freeze(self) -> None:
        """Stop them all: a stopped one has no further children, so the looking comes to an end."""
        until = time.monotonic() + limits.JOB_FREEZE_SECONDS
        frozen: set[int] = set()
        while time.monotonic() < until:
            found = False
            for pid in list_below(os.getpid(), self._spared()):
                if pid not in frozen:
                    _send(pid, signal.SIGSTOP)
                    frozen.add(pid)
                    found = True
            if not found:
                return


def list_below(top: int, spared: set[int]) -> Iterator[int]:
    """List the descendants of a process; each comes before its own children are looked for."""
    seen = {top, *spared}
    waiting = [top]
    while waiting:
        for pid in _list_children(waiting.pop()):
            if pid not in seen:
                seen.add(pid)
                yield pid
                waiting.append(pid)


def _list_children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"{_PROC}/{pid}/task"):  # noqa: PTH208 - the fork server is light
            found += map(int, _read(f"{_PROC}/{pid}/task/{task}/children").split())
    except FileNotFoundError:
        # It ended; or this kernel has no such file.
        return _search_children(pid) if not _HAS_CHILDREN else found
    except OSError:
        return found
    return found


def _search_children(parent: int) -> list[int]:
    """Find the children of a process among all there are."""
    found = []
    for name in os.listdir(_PROC):  # noqa: PTH208 - the fork server is light
        if name.isdigit():
            with suppress(OSError):
                # The name of a program may hold anything, even brackets; it ends with the last.
                after = _read(f"{_PROC}/{name}/stat").rpartition(")")[2].split()
                if int(after[1]) == parent:
                    found.append(int(name))
    return found


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - the same
        return file.read()


def _send(pid: int, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signum)


_HAS_CHILDREN: Final = os.path.exists(f"{_PROC}/self/task/{os.getpid()}/children")  # noqa: PTH110
