"""What listens on a port is ended, and what became of it is told as far as it is known."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

from agent.wire import Event
from bridge.core.jobs import Job, State, absorb, fail
from bridge.core.told import read_closing
from bridge.errors import Late, Outage, Refused, Unanswered
from bridge.flows.ask_host import HostRefused, ask_host


async def close_port(job: Job, events: AsyncGenerator[Event, None]) -> Job:
    """Hear what the host says to the order; it ends in one of the states there are."""
    try:
        facts = await ask_host(job.host, events)
    except HostRefused as refused:
        return absorb(job, refused.said)
    except (Late, Unanswered) as fault:
        return fail(job, State.SILENT, fault.reason)
    except Outage as fault:
        return fail(job, State.UNREACHABLE, fault.reason)
    except Refused as fault:
        return fail(job, State.REFUSED, fault.sentence)
    return replace(job, state=State.DONE, closing=read_closing(facts))
