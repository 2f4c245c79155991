"""A command runs on many hosts at once; those that are dead hold up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from agent.wire import Event
from bridge import limits
from bridge.core.jobs import Job, State, fail
from bridge.flows.follow_job import follow_job
from bridge.logs import create_log

_log = create_log(__name__)
Ask = Callable[[str], AsyncGenerator[Event, None]]
"""Gives a host the order, and what it says to that."""
Tell = Callable[[Sequence[Job]], Awaitable[None]]
"""Shows how far they are; it never raises."""


async def run_everywhere(
    hosts: Sequence[str],
    command: str,
    *,
    ask: Ask,
    now: datetime,
    within: timedelta,
    tell: Tell,
    every: timedelta,
    sleep: Callable[[float], Awaitable[None]],
) -> tuple[Job, ...]:
    """Run a command on all of them at once; answer one ended job for each, in their order."""
    jobs = [Job(host=host, command=command, asked_at=now) for host in hosts]
    room = asyncio.Semaphore(limits.BROADCAST_AT_ONCE)

    async def run(number: int) -> None:
        async with room:
            try:
                async with asyncio.timeout((within + limits.JOB_GRACE).total_seconds()):
                    jobs[number] = await follow_job(
                        jobs[number],
                        ask(hosts[number]),
                        lambda job: jobs.__setitem__(number, job),
                    )
            except TimeoutError:
                jobs[number] = fail(jobs[number], State.SILENT, "")
            except Exception:  # noqa: BLE001 - what one host says must not end the others' jobs
                _log.exception(
                    "a host's job was not seen through", action="job", host=hosts[number]
                )
                jobs[number] = fail(jobs[number], State.SILENT, "")

    telling = asyncio.create_task(_keep_telling(jobs, tell, every, sleep))
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(len(hosts)):
                group.create_task(run(number))
    finally:
        telling.cancel()
        await asyncio.wait({telling})
    return tuple(jobs)


async def _keep_telling(
    jobs: Sequence[Job],
    tell: Tell,
    every: timedelta,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    while True:
        await sleep(every.total_seconds())
        await tell(tuple(jobs))
