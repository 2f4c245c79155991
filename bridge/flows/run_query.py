"""A person's own query, for those who may see every host."""

from __future__ import annotations

from typing import Protocol

from bridge.core.access import Actor
from bridge.core.answers import Answer


class Prometheus(Protocol):
    """Answers any query, within bounds."""

    async def fetch_values(self, promql: str) -> Answer:
        """Ask for the values of this moment."""
        ...


async def run_query(promql: str, *, actor: Actor, prometheus: Prometheus) -> Answer:
    """Ask Prometheus what somebody typed.

    Raises:
        NotAllowed: they are limited to some hosts, and a query may be about any.
        Mistake: the query makes no sense; in Prometheus's words.
        Outage: Prometheus cannot be asked.
    """
    actor.require_everywhere()
    return await prometheus.fetch_values(promql)
