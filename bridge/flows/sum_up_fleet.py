"""The fleet in one look: who is up, what fires, and the hosts that are worst off."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge import limits
from bridge.core.access import Scope
from bridge.core.alerts import Severity
from bridge.core.answers import Answer
from bridge.core.inventory import Host
from bridge.core.presence import Presence, narrow, read_presence, write_presence
from bridge.core.troubles import (
    NO_CHECKS,
    Checks,
    Troubled,
    choose_worst,
    read_checks,
    write_checks,
    write_troubles,
)
from bridge.errors import Outage


class Prometheus(Protocol):
    """Answers questions about all hosts."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...


class Alerts(Protocol):
    """Knows what fires."""

    async def firing(self, scope: Scope) -> Mapping[Severity, int]:
        """Count what fires now, as far as it exists for a scope."""
        ...


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The fleet as it stands."""

    hosts: tuple[Presence, ...]
    worst: tuple[Troubled, ...] = ()
    firing: Mapping[Severity, int]
    checks: Checks = NO_CHECKS
    outage: Outage | None = None
    """Why Prometheus could not be asked: what fires is known all the same."""
    warnings: tuple[str, ...] = ()


async def sum_up_fleet(
    hosts: Sequence[Host], scope: Scope, *, prometheus: Prometheus, alerts: Alerts, now: datetime
) -> Summary:
    """Sum up what exists for a scope, in a fixed number of questions."""
    firing = await alerts.firing(scope)
    if not hosts and scope.is_limited:
        return Summary(hosts=(), firing=firing)
    names = narrow(hosts, scope)
    questions = (
        write_presence(names, with_shares=False),
        write_troubles(names),
        write_checks(),
    )
    try:
        answers = await asyncio.gather(*(prometheus.fetch_fleet(each) for each in questions))
    except Outage as outage:
        return Summary(hosts=(), firing=firing, outage=outage)
    who, what, checks = answers
    visible = [each.name for each in hosts] if scope.is_limited else None
    # Thousands of hosts are read beside the loop.
    presences = await asyncio.to_thread(read_presence, who.values, hosts, now=now)
    worst = await asyncio.to_thread(choose_worst, presences, what.values, limits.WORST_HOSTS)
    return Summary(
        hosts=presences,
        worst=worst,
        firing=firing,
        checks=read_checks(checks.values, visible),
        warnings=tuple(dict.fromkeys(said for each in answers for said in each.warnings)),
    )
