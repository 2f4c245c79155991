"""A bridge that gives an agent an order, and hears what comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from agent.wire import (
    Event,
    Output,
    Started,
    Verb,
)
from bridge import errors
from bridge.clients.agents import Agents, SignedOrder
from tests.fakes.clock import NOON
from tests.fakes.local_agent import (
    LocalAgent,
    ended,
)

JOB = "job-1"
PLANTED = "planted-secret-in-the-command"
STARTED = Started(at=1.0, shown="uptime")
OUTPUT = Output(at=2.0, is_error=False, text="up 3 days\n")


def order(agents: Agents, **arguments: Any) -> SignedOrder:
    return agents.create_order("web-1", Verb.RUN, arguments, job=JOB, now=NOON)


async def hear(
    agents: Agents,
    agent: LocalAgent,
    *,
    key: bytes | None = None,
    patience: float = 60,
    heard: list[Event] | None = None,
) -> list[Event]:
    """Everything that comes of an order; what came before a failure is in `heard`."""
    events = [] if heard is None else heard
    wanted = order(agents, command=PLANTED)
    told = agents.ask("web-1", agent.address, key or agent.public, wanted, patience=patience)
    async with aclosing(told):
        async for event in told:
            events.append(event)
    return events


async def fail(agents: Agents, agent: LocalAgent, **changes: Any) -> errors.BridgeError:
    """How an order fails; whatever it is, it repeats nothing of the command."""
    with pytest.raises(errors.BridgeError) as caught:
        await hear(agents, agent, **changes)
    assert PLANTED not in repr(caught.value) + str(caught.value)
    return caught.value


async def well(agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
    """Answer as an agent does."""
    yield agent.write(STARTED)
    yield agent.write(OUTPUT)
    yield agent.write(ended(JOB, bytes=10))


def saying(*pieces: bytes | Callable[[LocalAgent], bytes]) -> Any:
    """Make an answer of given pieces; those that are functions are given the agent."""

    async def answer(agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece if isinstance(piece, bytes) else piece(agent)

    return answer
