"""How the bridge reaches its hosts: whose key speaks there, and the order that is signed for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from agent.wire import Argument, Event, Verb
from bridge import limits
from bridge.clients.agents import Agents as Lines
from bridge.clients.authority import Authority
from bridge.core.agents import Agent
from bridge.core.inventory import Host
from bridge.errors import Outage
from bridge.metrics import Metrics


class Known(Protocol):
    """Knows which key speaks for which host."""

    async def find(self, host: str) -> Agent | None:
        """Find the agent that speaks for a host now."""
        ...


@dataclass(frozen=True, kw_only=True)
class WayToHosts:
    """What reaches the hosts."""

    authority: Authority
    lines: Lines


@dataclass(frozen=True, kw_only=True)
class Hands:
    """Gives orders to hosts, and hears what they say."""

    known: Known
    lines: Lines
    clock: Callable[[], datetime]
    metrics: Metrics

    async def ask(
        self, host: Host, verb: Verb, *, job: str, within: timedelta, **arguments: Any
    ) -> AsyncGenerator[Event, None]:
        """Give a host an order, and tell what it says to that; the last event is signed.

        Raises:
            Outage: it cannot be reached, or did not say how it ended.
            Refused: it turned the order away.
            TooMuch: the order is longer than it reads.
        """
        agent = await self.known.find(host.name)
        if agent is None:
            raise Outage(host.name, "no agent was let in for it")
        given: dict[str, Argument] = dict(arguments)
        # It knows itself by the name it was let in by; people may have written it otherwise since.
        order = self.lines.create_order(agent.host, verb, given, job=job, now=self.clock())
        patience = (within + limits.JOB_GRACE).total_seconds()
        events = self.lines.ask(host.name, agent.address, agent.key, order, patience=patience)
        outcome = "unfinished"
        try:
            async with aclosing(events) as said:
                async for event in said:
                    outcome = type(event).__name__.lower()
                    yield event
        except Outage as fault:
            outcome = type(fault).__name__.lower()
            raise
        finally:
            self.metrics.agent_calls.labels(verb.value, outcome).inc()
