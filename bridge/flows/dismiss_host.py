"""A host goes: its key counts no more, for good, and its line is taken out of the inventory."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bridge.core.agents import Agent
from bridge.core.audit import Entry


class Agents(Protocol):
    """Remembers keys."""

    async def revoke(self, host: str, *, entry: Entry, now: datetime) -> Agent | None:
        """Let a host's key and code never count again, or raise Outage."""
        ...


class Inventory(Protocol):
    """Lists the hosts."""

    async def remove(self, name: str) -> None:
        """Take a host's line out, or raise Missing, Mistake or Outage."""
        ...


async def dismiss_host(
    host: str, *, agents: Agents, inventory: Inventory, entry: Entry, now: datetime
) -> Agent | None:
    """Let a host go; answer whose key it was, if it had an agent.

    The key dies first: where the line cannot be taken out, nobody speaks for the host all the same,
    and it can be tried again.

    Raises:
        Missing: the inventory does not have it.
        Mistake: the inventory has bad lines.
        Outage: the inventory, or the key, is as it was.
    """
    former = await agents.revoke(host, entry=entry, now=now)
    await inventory.remove(host)
    return former
