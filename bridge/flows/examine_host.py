"""One host in full, and whether what is known of it may be believed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bridge.core.answers import Answer
from bridge.core.inventory import Host
from bridge.core.machines import Machine, read_machine, write_machine
from bridge.core.presence import Presence, State, read_presence, write_presence
from bridge.core.promql import UPTIME, write_last_seen
from bridge.core.readings import Condition, is_old, read_last_seen


class Prometheus(Protocol):
    """Answers questions about a host."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...


@dataclass(frozen=True, kw_only=True)
class Examined:
    """A host and how it is."""

    presence: Presence
    machine: Machine
    condition: Condition
    seen_at: datetime | None = None
    """When its exporter last told anything, where it does not now; None: not for a long time."""
    warnings: tuple[str, ...] = ()


async def examine_host(
    host: Host, *, prometheus: Prometheus, now: datetime, scrape: timedelta
) -> Examined:
    """Ask everything about a host.

    Raises:
        Outage: Prometheus cannot be asked.
    """
    names = [host.name]
    questions = (write_presence(names), write_machine(host.name))
    who, what = await asyncio.gather(*(prometheus.fetch_fleet(each) for each in questions))
    (presence,) = read_presence(who.values, [host], now=now)
    machine = read_machine(what.values)
    condition = _judge(presence, machine, now=now, scrape=scrape)
    seen_at = None
    if condition is Condition.ABSENT or (condition is Condition.DOWN and presence.since is None):
        answer = await prometheus.fetch_fleet(write_last_seen(UPTIME, host.name))
        seen_at = read_last_seen(answer.values)
    return Examined(
        presence=presence,
        machine=machine,
        condition=condition,
        seen_at=seen_at,
        warnings=tuple(dict.fromkeys((*who.warnings, *what.warnings))),
    )


def _judge(presence: Presence, machine: Machine, *, now: datetime, scrape: timedelta) -> Condition:
    if presence.state is State.DOWN:
        return Condition.DOWN
    if presence.state is State.UNSEEN or not machine.is_known:
        return Condition.ABSENT
    at = presence.sampled_at
    is_fresh = at is not None and not is_old(at, now=now, scrape=scrape)
    return Condition.FRESH if is_fresh else Condition.OLD
