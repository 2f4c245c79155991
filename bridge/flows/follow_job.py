"""A job is followed to its end: whatever happens, it has one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from agent.wire import Event
from bridge.core.jobs import Job, State, absorb, fail
from bridge.errors import Late, Outage, Refused, Unanswered


async def follow_job(
    job: Job, events: AsyncGenerator[Event, None], note: Callable[[Job], None] = lambda _: None
) -> Job:
    """Follow a job to its end; whatever happens, it ends in one of the states there are."""
    try:
        async with aclosing(events) as said:
            async for event in said:
                job = absorb(job, event)
                note(job)
    except (Late, Unanswered) as fault:
        job = fail(job, State.SILENT, fault.reason)
    except Outage as fault:
        job = fail(job, State.UNREACHABLE, fault.reason)
    except Refused as fault:
        job = fail(job, State.REFUSED, fault.sentence)
    if not job.state.is_over:
        job = fail(job, State.SILENT, "")
    note(job)
    return job
