"""The supervisor process: the library's, telling its parent of every change on standard output."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from typing import Any

from supervisor import events
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

from deploy.stack.leash import tie_to_parent


class Warden(Supervisor):  # type: ignore[misc]  # the library has no types
    """A supervisor that reports, and stops everything at once."""

    def runforever(self) -> None:
        """Report from the first change on."""
        events.subscribe(events.ProcessStateEvent, report)
        super().runforever()

    def ordered_stop_groups_phase_1(self) -> None:
        """Stop all programs together; the library's way is one after the other."""
        for group in self.stop_groups or ():
            group.stop_all()


def report(event: Any) -> None:
    """Write one change as a line of JSON."""
    process = event.process
    change = {
        "name": process.config.name,
        "state": events.getEventNameByType(type(event)).removeprefix("PROCESS_STATE_"),
        "pid": process.pid,
        "tries": int(process.backoff or 0),
        "code": process.exitstatus,
    }
    # The parent may be gone: then the kernel's signal is already on its way.
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(change) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Supervise until told to end."""
    tie_to_parent(int(sys.argv[2]))
    # The library's own setting is for the programs alone; logs are the owner's too.
    os.umask(0o077)
    options = ServerOptions()
    options.realize(["-n", "-s", "-c", sys.argv[1]], doc="")
    for group in options.process_group_configs:
        for program in group.process_configs:
            words = [sys.executable, "-S", "-m", "deploy.stack.leash", program.name]
            program.command = shlex.join(words)
    options.first = True
    options.test = False
    with contextlib.suppress(ExitNow):
        Warden(options).main()


if __name__ == "__main__":
    main()
