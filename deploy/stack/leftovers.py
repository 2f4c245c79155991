"""Find and end what an earlier run left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from deploy.stack.folder import MARK, Folder

# Chosen: longer than a program takes to end in order.
GRACE_SECONDS = 6.0
PROCESSES = Path("/proc")


def find_leftovers(folder: Folder) -> list[int]:
    """List this folder's processes by the mark in their environment (Linux)."""
    mark = f"{MARK}={folder.mark}".encode()
    found = []
    for entry in PROCESSES.glob("[0-9]*"):
        # Processes of other people are not ours to read, and some end while we look.
        with contextlib.suppress(OSError):
            environ = (entry / "environ").read_bytes().split(b"\0")
            if mark in environ and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def end_leftovers(folder: Folder) -> int:
    """End them in order, then by force; answers how many there were."""
    left = find_leftovers(folder)
    first = len(left)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + GRACE_SECONDS
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = find_leftovers(folder)
        if not left:
            break
    return first
