"""The fleet in one look: who is up, what fires, and the hosts that are worst off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge import limits
from bridge.core.access import Scope
from bridge.core.alerts import Severity
from bridge.core.answers import Answer
from bridge.core.inventory import Host
from bridge.core.presence import (
    State,
    narrow,
    read_presence,
    read_states,
    write_presence,
    write_states,
)
from bridge.core.troubles import (
    NO_CHECKS,
    Checks,
    Troubled,
    choose_worst,
    read_checks,
    read_troubles,
    write_checks,
    write_ratios,
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

    states: Mapping[State, int]
    """How many hosts stand how."""
    worst: tuple[Troubled, ...] = ()
    firing: Mapping[Severity, int]
    checks: Checks = NO_CHECKS
    outage: Outage | None = None
    """Why Prometheus could not be asked: what fires is known all the same."""
    warnings: tuple[str, ...] = ()


async def sum_up_fleet(
    hosts: Sequence[Host], scope: Scope, *, prometheus: Prometheus, alerts: Alerts, now: datetime
) -> Summary:
    """Sum up what exists for a scope.

    However many hosts there are, Prometheus is asked who is up and who is near a threshold, and
    then about the few worst alone.
    """
    firing = await alerts.firing(scope)
    if not hosts and scope.is_limited:
        return Summary(states={}, firing=firing)
    try:
        return await _sum_up(hosts, scope, prometheus=prometheus, firing=firing, now=now)
    except Outage as outage:
        return Summary(states={}, firing=firing, outage=outage)


async def _sum_up(
    hosts: Sequence[Host],
    scope: Scope,
    *,
    prometheus: Prometheus,
    firing: Mapping[Severity, int],
    now: datetime,
) -> Summary:
    names = narrow(hosts, scope)
    questions = (write_states(names), write_ratios(names), write_checks())
    answers = list(await asyncio.gather(*(prometheus.fetch_fleet(each) for each in questions)))
    who, ratios, checks = answers
    # Thousands of hosts are read beside the loop.
    states = await asyncio.to_thread(read_states, who.values, hosts)
    worst, is_certain = choose_worst(states, ratios.values, limits.WORST_HOSTS)
    if not is_certain:
        whole = await prometheus.fetch_fleet(write_ratios(names, is_whole=True))
        worst, _ = choose_worst(states, whole.values, limits.WORST_HOSTS)
    troubled: tuple[Troubled, ...] = ()
    if worst:
        chosen = [each.name for each in worst]
        last = (write_presence(chosen, with_shares=False), write_troubles(chosen))
        how, what = await asyncio.gather(*(prometheus.fetch_fleet(each) for each in last))
        troubled = read_troubles(read_presence(how.values, worst, now=now), what.values)
    visible = [each.name for each in hosts] if scope.is_limited else None
    return Summary(
        states=Counter(state for _, state in states),
        worst=troubled,
        firing=firing,
        checks=read_checks(checks.values, visible),
        warnings=tuple(dict.fromkeys(said for each in answers for said in each.warnings)),
    )
