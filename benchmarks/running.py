"""What running a command costs an agent: its start, and an output that never ends.

Beside the start of a job stand a plain child of this process, which nothing ends for sure, and an
interpreter that would be started to stand above each job.

Run from the top of the project: `.venv/bin/python -m benchmarks.running [seconds of yes]`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from agent.jobs import Command, Jobs
from agent.nursery import Nursery
from agent.wire import Ended, Started
from benchmarks.printing import print_spread

RUNS = 200
TRUE = "/bin/true"


async def main(seconds: float) -> None:
    """Measure each and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with Nursery() as nursery:
            jobs = Jobs(Path(folder), nursery=nursery, clock=time.time)
            await measure_starts(jobs)
            await measure_yes(jobs, seconds)
            await jobs.close()


async def measure_starts(jobs: Jobs) -> None:
    """Time the start and the whole of a job that does nothing, and others in turn with it."""
    begun, over, child, interpreter = [], [], [], []
    for run in range(RUNS):
        at, started = time.perf_counter(), 0.0
        async for event in jobs.run(str(run), Command(argv=(TRUE,), shown="true", seconds=5)):
            if isinstance(event, Started):
                started = time.perf_counter() - at
        begun.append(started)
        over.append(time.perf_counter() - at)
        child.append(await time_child(TRUE))
        if run % 10 == 0:
            interpreter.append(await time_child(sys.executable, "-I", "-S", "-c", ""))
    print_spread("a job, until it runs", milliseconds(begun), unit="ms")
    print_spread("a job, until its end is told", milliseconds(over), unit="ms")
    print_spread("a plain child, until its end", milliseconds(child), unit="ms")
    print_spread("a bare interpreter", milliseconds(interpreter), unit="ms")


async def measure_yes(jobs: Jobs, seconds: float) -> None:
    """Run `yes` with nobody reading what it is said to write."""
    before, cpu = resident_megabytes(), time.process_time()
    command = Command(argv=("yes",), shown="yes", seconds=seconds)
    async with aclosing(jobs.run("yes", command)) as events:
        await anext(events)
        most = before
        while jobs.running:
            await asyncio.sleep(0.1)
            most = max(most, resident_megabytes())
        async for event in events:
            if isinstance(event, Ended):
                print(
                    f"yes for {seconds:.0f} s: {event.bytes / 1024**2:.0f} MB counted,"
                    f" resident +{most - before:.1f} MB at most,"
                    f" {(time.process_time() - cpu) / seconds:.0%} of a core"
                )


async def time_child(*command: str) -> float:
    """Time a child of this process."""
    at = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command)
    await process.wait()
    return time.perf_counter() - at


def milliseconds(seconds: list[float]) -> list[float]:
    """Give seconds as milliseconds."""
    return [each * 1000 for each in seconds]


def resident_megabytes() -> float:
    """Read how much memory this process has."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [each for each in status.splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0))
