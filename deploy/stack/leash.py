"""Start one program of the stack so that it ends when the supervisor does, however that ends."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from deploy.stack.folder import MARK

# prctl(2): the signal that the kernel sends when the parent dies. It survives execve.
PR_SET_PDEATHSIG = 1


def tie_to_parent(parent: int) -> None:
    """Ask the kernel to end this process with its parent (Linux; elsewhere `down` cleans up)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        # The parent died before the kernel knew about the wish.
        sys.exit(1)


def main() -> None:
    """Become the program whose plan lies in the run folder."""
    name, parent = sys.argv[1], os.getppid()
    tie_to_parent(parent)
    plan = json.loads(Path(f".runtime/run/{name}.json").read_text(encoding="utf-8"))
    # The mark lets `down` find it; unbuffered lines reach the log when they are written.
    environ = {**plan["environ"], MARK: os.environ[MARK], "PYTHONUNBUFFERED": "1"}
    os.execvpe(plan["command"][0], plan["command"], environ)  # noqa: S606  a list, no shell


if __name__ == "__main__":
    main()
