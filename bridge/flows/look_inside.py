"""What only the agent of a host knows: who is logged in, and what it is busy with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from agent.wire import Event, Verb
from bridge import limits
from bridge.core.told import Inside, read_sessions, read_uses
from bridge.errors import BridgeError
from bridge.flows.ask_host import ask_host

Ask = Callable[[Verb, Mapping[str, Any]], AsyncGenerator[Event, None]]
"""Gives the host an order, and what it says to that."""


async def look_inside(name: str, ask: Ask) -> Inside | None:
    """Ask for both at once, and not for long: the rest of the answer waits for it."""
    busiest = {"by": "cpu", "count": limits.CARD_PROCESSES}
    try:
        async with (
            asyncio.timeout(limits.INSIDE_WITHIN.total_seconds()),
            asyncio.TaskGroup() as both,
        ):
            uses = both.create_task(ask_host(name, ask(Verb.TOP, busiest)))
            sessions = both.create_task(ask_host(name, ask(Verb.SESSIONS, {})))
    except (TimeoutError, ExceptionGroup) as fault:
        if isinstance(fault, ExceptionGroup) and fault.split(BridgeError)[1] is not None:
            raise
        return None
    return Inside(uses=read_uses(uses.result()), sessions=read_sessions(sessions.result()))
