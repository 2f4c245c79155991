"""Runs the catalogue and the ways to escape as the agent does, and prints what came of each.

A test starts it with the restrictions of the agent's unit and without any, and compares.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from agent.catalogue import load_catalogue
from agent.nursery import Nursery
from tests.agent.matrix import ESCAPES

SECONDS = 120.0  # each ends by itself, on a slow machine as well
ESCAPE_SECONDS = 0.5
LEFT_SECONDS = 60.0


async def read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    content = await reader.read()
    transport.close()
    return content


async def run(nursery: Nursery, argv: tuple[str, ...], seconds: float) -> dict[str, object]:
    born = await nursery.bear(argv, seconds=seconds)
    output, errors = await asyncio.gather(read(born.output), read(born.errors))
    said = (await asyncio.get_running_loop().sock_recv(born.control, 64)).decode().split()
    born.control.close()
    reason, status, *_ = said
    return {
        "reason": reason,
        "status": int(status),
        "out": output.decode("utf-8", "replace"),
        "err": errors.decode("utf-8", "replace"),
    }


def count_own(nursery: Nursery) -> int:
    """Count the processes of this user beside this one and the fork server."""
    mine = {os.getpid(), nursery.pid}
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_own = folder.stat().st_uid == os.getuid() and int(folder.name) not in mine
        except OSError:
            continue
        found += is_own
    return found


async def count_left(nursery: Nursery, at_rest: int) -> int:
    """Count what is left of a job some seconds after its end, beside what was there before."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LEFT_SECONDS
    while (left := count_own(nursery) - at_rest) > 0 and loop.time() < until:  # noqa: ASYNC110 - see below
        await asyncio.sleep(0.05)  # nobody tells when a process of a job is gone
    return left


def tell(result: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(result) + "\n")


async def main() -> None:
    catalogue = load_catalogue(Path("/nowhere"))
    async with Nursery() as nursery:
        for action in catalogue.describe():
            match = catalogue.match(action["example"])
            result = await run(nursery, match.argv, SECONDS)
            tell({"action": match.shown, **result})
        at_rest = count_own(nursery)  # the agent itself, which runs beside this
        for name, script in ESCAPES.items():
            result = await run(nursery, ("/bin/bash", "-c", script), ESCAPE_SECONDS)
            tell({"escape": name, "left": await count_left(nursery, at_rest), **result})
        kill = ("/bin/bash", "-c", f"kill -0 {os.getpid()}")
        tell({"signal": "to the agent", **await run(nursery, kill, SECONDS)})


asyncio.run(main())
