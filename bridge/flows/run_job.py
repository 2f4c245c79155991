"""A command runs on a host, and whoever asked watches it grow to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta

from agent.wire import Event
from bridge.core.jobs import Job
from bridge.flows.follow_job import follow_job

Show = Callable[[Job], Awaitable[object]]
"""Shows how a job stands; it never raises."""


class _Latest:
    """The newest state of a job, and whether it was shown."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.changed = asyncio.Event()
        self.calm = asyncio.Lock()
        """Held while it is being shown."""

    def note(self, job: Job) -> None:
        self.job = job
        self.changed.set()


async def run_job(
    job: Job,
    events: AsyncGenerator[Event, None],
    *,
    show: Show,
    every: timedelta,
    sleep: Callable[[float], Awaitable[None]],
) -> Job:
    """Follow a job to its end; show it as it goes, not more often than `every`.

    What is shown is always the newest: however fast the host writes, a slow chat is never behind.
    The end is for the caller to show; nothing that is shown here comes after it.
    """
    latest = _Latest(job)
    showing = asyncio.create_task(_keep_showing(latest, show, every, sleep))
    try:
        await follow_job(job, events, latest.note)
        async with latest.calm:  # an edit that is torn off may arrive after the last one
            showing.cancel()
    finally:
        showing.cancel()
        await asyncio.wait({showing})
    return latest.job


async def _keep_showing(
    latest: _Latest, show: Show, every: timedelta, sleep: Callable[[float], Awaitable[None]]
) -> None:
    while True:
        await latest.changed.wait()
        latest.changed.clear()
        async with latest.calm:
            await show(latest.job)
        await sleep(every.total_seconds())
