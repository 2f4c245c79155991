"""A page of the hosts that exist for somebody, with how they stand; and what else is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.core.access import Scope
from bridge.core.answers import Answer
from bridge.core.inventory import Host
from bridge.core.pages import Page, choose_page, cut_page
from bridge.core.presence import (
    Presence,
    State,
    Target,
    narrow,
    read_presence,
    read_states,
    read_targets,
    write_presence,
    write_states,
    write_targets,
)


class Prometheus(Protocol):
    """Answers questions about all hosts."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One page of the hosts, and of what else Prometheus asks where that was wanted."""

    states: Mapping[State, int]
    """How many hosts stand how, on all pages."""
    page: Page
    hosts: tuple[Presence, ...] = ()
    others: tuple[Target, ...] = ()
    warnings: tuple[str, ...] = ()
    """What Prometheus itself says is doubtful about it."""


async def list_hosts(
    hosts: Sequence[Host],
    scope: Scope,
    *,
    prometheus: Prometheus,
    now: datetime,
    wanted: int,
    size: int,
    with_others: bool = False,
) -> Listed:
    """List hosts, those that are down first, then the others; a page of so many lines.

    However many there are, Prometheus is asked who is up, and then about those of the page alone.

    Raises:
        Outage: Prometheus cannot be asked.
    """
    if not hosts and scope.is_limited:
        return Listed(states={}, page=choose_page(1, 0, size))
    questions = [write_states(narrow(hosts, scope))] + ([write_targets()] if with_others else [])
    answers = list(await asyncio.gather(*(prometheus.fetch_fleet(each) for each in questions)))
    # Thousands of hosts are read beside the loop.
    states = await asyncio.to_thread(read_states, answers[0].values, hosts)
    visible = [each.name for each in hosts] if scope.is_limited else None
    others: tuple[Target, ...] = ()
    if with_others:
        others = await asyncio.to_thread(read_targets, answers[1].values, visible)
    page = choose_page(wanted, len(states) + len(others), size)
    shown: Sequence[Host | Target] = cut_page([*(host for host, _ in states), *others], page, size)
    chosen = [each for each in shown if isinstance(each, Host)]
    if chosen:
        question = write_presence([each.name for each in chosen])
        answers.append(await prometheus.fetch_fleet(question))
    return Listed(
        states=Counter(state for _, state in states),
        page=page,
        hosts=read_presence(answers[-1].values, chosen, now=now),
        others=tuple(each for each in shown if isinstance(each, Target)),
        warnings=tuple(dict.fromkeys(said for each in answers for said in each.warnings)),
    )
