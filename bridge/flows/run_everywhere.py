"""A command runs on many hosts at once; those that are dead hold up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import timedelta

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
    jobs: Sequence[Job],
    *,
    ask: Ask,
    is_stopped: Callable[[], bool],
    within: timedelta,
    tell: Tell,
    every: timedelta,
    sleep: Callable[[float], Awaitable[None]],
) -> tuple[Job, ...]:
    """Run a command on all of them at once; answer each job's end, in their order.

    Hosts that have not been asked when somebody stops it never are. Nothing that is told here
    comes after this has answered.
    """
    latest = list(jobs)
    room = asyncio.Semaphore(limits.BROADCAST_AT_ONCE)
    calm = asyncio.Lock()

    async def run(number: int) -> None:
        async with room:
            if is_stopped():
                latest[number] = fail(latest[number], State.WITHDRAWN, "")
                return

            def note(job: Job) -> None:
                latest[number] = job

            await _follow(latest[number], ask, within, note)

    telling = asyncio.create_task(_keep_telling(latest, tell, calm, every, sleep))
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(len(latest)):
                group.create_task(run(number))
        async with calm:  # an edit that is torn off may arrive after the last one
            telling.cancel()
    finally:
        telling.cancel()
        await asyncio.wait({telling})
    return tuple(latest)


async def _follow(job: Job, ask: Ask, within: timedelta, note: Callable[[Job], None]) -> None:
    """Follow the job of one host to its end, whatever that host does."""
    known = job

    def learn(job: Job) -> None:
        nonlocal known
        known = job
        note(job)

    try:
        async with asyncio.timeout((within + limits.JOB_GRACE).total_seconds()):
            await follow_job(job, ask(job.host), learn)
    except TimeoutError:
        note(fail(known, State.SILENT, ""))
    except Exception:  # noqa: BLE001 - what one host says must not end the others' jobs
        _log.exception("a host's job was not seen through", action="job", host=job.host)
        note(fail(known, State.SILENT, ""))


async def _keep_telling(
    latest: Sequence[Job],
    tell: Tell,
    calm: asyncio.Lock,
    every: timedelta,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    while True:
        await sleep(every.total_seconds())
        async with calm:
            await tell(tuple(latest))
