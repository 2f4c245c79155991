"""How long it takes to list what listens while 20,000 sockets are open, beside `ss`.

.venv/bin/python -m benchmarks.ports
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from agent.ports import list_listening, read_sockets

PROCESSES = 20
CONNECTIONS = 500
RUNS = 7
HOLD = """
import resource, socket, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
listening = socket.create_server(("127.0.0.1", 0), backlog=128)
held = []
for _ in range(int(sys.argv[1])):
    held.append(socket.create_connection(listening.getsockname()))
    held.append(listening.accept()[0])
print("open", flush=True)
sys.stdin.read()
"""


def open_sockets(held: ExitStack) -> int:
    """Open connections within processes: two sockets each, and one that listens."""
    for _ in range(PROCESSES):
        process = held.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", HOLD, str(CONNECTIONS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        process.stdout.readline()
    return PROCESSES * (2 * CONNECTIONS + 1)


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
        print(f"{count:,} sockets in {PROCESSES} processes, median of {RUNS}\n")
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
