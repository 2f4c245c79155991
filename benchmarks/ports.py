"""How long it takes to list what listens while 20,000 sockets are open, beside `ss`.

.venv/bin/python -m benchmarks.ports
"""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from agent.ports import list_listening, read_sockets

CONNECTIONS = 10_000
RUNS = 7


def open_sockets(held: ExitStack) -> int:
    """Open connections to listeners of this process: two sockets each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * CONNECTIONS + 200
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(hard, needed)))
    listening = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
    for _ in range(CONNECTIONS):
        held.enter_context(socket.create_connection(listening.getsockname()))
        held.enter_context(listening.accept()[0])
    return 2 * CONNECTIONS + 1


def measure(call: Callable[[], object]) -> float:
    """Give the median time of a call in milliseconds."""
    spent = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - begun))
    return median(spent)


def run_ss() -> None:
    """Ask `ss` for the same."""
    subprocess.run(["ss", "-Htulpn"], capture_output=True, check=True)


def main() -> int:
    """Print the table."""
    with ExitStack() as held:
        count = open_sockets(held)
        print(f"{count:,} sockets in one process, median of {RUNS}\n")
        print("| way | ms |\n| --- | --- |")
        for name, call in (
            ("`ss -tulpn`", run_ss),
            ("the tables alone", lambda: list(read_sockets())),
            ("the agent's list, with processes", list_listening),
        ):
            print(f"| {name} | {measure(call):.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
