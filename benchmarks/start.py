"""How long a person waits: the bridge alone, a fresh clone, a second start.

Beside the bridge stands what no program with its libraries can beat: importing aiogram alone.

Run from the top of the project: `.venv/bin/python -m benchmarks.start`. The fresh start fetches
packages, so it also measures the line.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.printing import print_figures
from tests.fakes.local_telegram import open_local_telegram
from tests.live.conftest import Programs
from tests.live.test_first_light import copy_project, started
from tests.ports import free_port

RUNS = 5


async def main() -> None:
    """Measure each and print."""
    with tempfile.TemporaryDirectory() as folder:
        await measure_bridge(Path(folder))
        project = copy_project(Path(folder))
        for name in ("fresh clone → page", "second start → page"):
            print_figures(name, {"": await time_start(project)}, unit="s")


async def measure_bridge(folder: Path) -> None:
    """Time the bridge from its start to /healthz, and the import alone, in turn."""
    imports: dict[str, float] = {}
    bridges: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(open_local_telegram(folder / "telegram"))
        for run in map(str, range(RUNS)):
            began = time.perf_counter()
            only = await asyncio.create_subprocess_exec(sys.executable, "-c", "import aiogram")
            await only.wait()
            imports[run] = time.perf_counter() - began
            home = folder / f"bridge-{run}"
            home.mkdir()
            began = time.perf_counter()
            bridge = await Programs(home, stack).bridge(local, free_port())
            bridges[run] = time.perf_counter() - began
            await bridge.end()
    print_figures("import aiogram alone", imports, unit="s")
    print_figures("bridge → /healthz", bridges, unit="s")


async def time_start(project: Path) -> float:
    """Time ./start.sh until it prints the page's address."""
    began = time.perf_counter()
    async with started(project, os.environ["PATH"]):
        return time.perf_counter() - began


if __name__ == "__main__":
    asyncio.run(main())
