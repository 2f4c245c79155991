"""A small agent: runs lines of a shell one after the other, and says how each ended."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from agent import limits
from agent import nursery as nurseries
from agent.jobs import Command, Jobs
from agent.nursery import Nursery
from agent.wire import Ended, Started
from tests.agent.patience import PATIENT_BOOT
from tests.agent.processes import PATIENCE_SECONDS, Processes, list_children, wait_until


async def main(folder: Path, user: str, way: str, seconds: float, *lines: str) -> None:
    limits.BIRTH_SECONDS = limits.JOB_WATCH_SECONDS = PATIENCE_SECONDS  # type: ignore[misc]
    nurseries._BOOT = PATIENT_BOOT  # type: ignore[misc]
    async with Nursery(user=user, has_namespaces=way == "namespace") as nursery:
        jobs = Jobs(folder, nursery=nursery, clock=time.time)
        await anext(jobs.run("first", Command(argv=("/bin/true",), shown="", seconds=60)))
        await wait_until(lambda: not jobs.running)
        processes = Processes(os.getuid())  # the fork server is one of those before
        for number, line in enumerate(lines):
            command = Command(argv=("/bin/sh", "-c", line), shown=line, seconds=seconds)
            async for event in jobs.run(str(number), command):
                if isinstance(event, Started):
                    print(json.dumps("started"), flush=True)  # noqa: T201 - a program of tests
                if isinstance(event, Ended):
                    # Its runner has said so, and goes.
                    await wait_until(lambda: not list_children(nursery.pid))
                    ended = {
                        "why": event.why.value,
                        "seconds": event.seconds,
                        "stuck": event.stuck,
                        "beside": len(processes.list_all()),
                    }
                    print(json.dumps(ended), flush=True)  # noqa: T201 - the same
        await jobs.close()


if __name__ == "__main__":
    _, folder, user, way, seconds, *lines = sys.argv
    asyncio.run(main(Path(folder), user, way, float(seconds), *lines))
