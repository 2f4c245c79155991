"""The bridge as it is, that also notes when things happened: `python -m benchmarks.noting`.

From outside one sees what Telegram accepted, at the pace that a chat allows. What the bridge knew,
and when, only the bridge can say: when a host was asked, when its first event and its first output
came, when the last host of a broadcast was done, and how late its loop was. A note is a JSON line.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from agent.wire import Event, Output, Verb
from bridge import hands
from bridge.app import run
from bridge.core.jobs import Job
from bridge.inbound.chat import everywhere
from bridge.logs import set_up_logs
from bridge.settings import Settings, read_environment

NOTES = "NOTES"
"""Names the file in the environment."""
NOTE_LAG = "NOTE_LAG"
"""Set where the loop is watched too: that costs it a little, so not where its work is counted."""
TICK = 0.005  # seconds between two looks at the loop
BATCH = 100  # lags in a note


class Notes:
    """Writes notes as they come."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, what: str, **about: Any) -> None:
        """Write one, with the moment."""
        self._file.write(json.dumps({"what": what, "at": time.time(), **about}) + "\n")

    def wrap_ask(
        self, ask: Callable[..., AsyncGenerator[Event, None]]
    ) -> Callable[..., AsyncGenerator[Event, None]]:
        """Note when a host is asked, its first event, and its first output."""

        async def noted(
            self_: hands.Hands, host: Any, verb: Verb, **given: Any
        ) -> AsyncGenerator[Event, None]:
            about = {"host": host.name, "verb": verb.value}
            is_first, is_silent = True, True
            self.write("asked", **about)
            async for event in ask(self_, host, verb, **given):
                if is_first:
                    self.write("first event", **about)
                    is_first = False
                if is_silent and isinstance(event, Output):
                    self.write("first output", **about)
                    is_silent = False
                yield event

        return noted

    def wrap_everywhere(
        self, run_everywhere: Callable[..., Awaitable[tuple[Job, ...]]]
    ) -> Callable[..., Awaitable[tuple[Job, ...]]]:
        """Note when the last host of a broadcast was done."""

        async def noted(*hosts: Any, **given: Any) -> tuple[Job, ...]:
            jobs = await run_everywhere(*hosts, **given)
            bad = [
                f"{job.host}: {job.state.value} {job.sentence}" for job in jobs if not job.is_good
            ]
            self.write("all known", hosts=len(jobs), good=len(jobs) - len(bad), bad=bad[:3])
            return jobs

        return noted

    async def watch_lag(self) -> None:
        """Note how late the loop comes to a short sleep, in milliseconds."""
        lags: list[float] = []
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            lags.append(round(1000 * (time.perf_counter() - began - TICK), 3))
            if len(lags) == BATCH:
                self.write("lags", lags=lags)
                lags.clear()


async def run_noted(settings: Settings, notes: Notes) -> None:
    """Run the bridge, and watch its loop where that is asked for."""
    watching = asyncio.create_task(notes.watch_lag()) if NOTE_LAG in os.environ else None
    await run(settings)
    if watching is not None:
        watching.cancel()


def main() -> None:
    """Run the bridge until it is told to stop."""
    notes = Notes(Path(os.environ[NOTES]))
    for owner, name, wrap in (
        (hands.Hands, "ask", notes.wrap_ask),
        (everywhere, "run_everywhere", notes.wrap_everywhere),
    ):
        setattr(owner, name, wrap(getattr(owner, name)))
    settings = Settings.load(read_environment(Path.cwd()))
    set_up_logs(settings.log_level, settings.log_format, settings.secrets())
    uvloop.run(run_noted(settings, notes))  # as the bridge does


if __name__ == "__main__":
    main()
