"""Every host that exists for somebody, with how it stands; and what else Prometheus asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.core.access import Scope
from bridge.core.answers import Answer
from bridge.core.inventory import Host
from bridge.core.presence import (
    Presence,
    Target,
    narrow,
    read_presence,
    read_targets,
    write_presence,
    write_targets,
)


class Prometheus(Protocol):
    """Answers questions about all hosts."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The hosts, and what else Prometheus asks where that was wanted."""

    hosts: tuple[Presence, ...]
    others: tuple[Target, ...] = ()
    warnings: tuple[str, ...] = ()
    """What Prometheus itself says is doubtful about it."""


async def list_hosts(
    hosts: Sequence[Host],
    scope: Scope,
    *,
    prometheus: Prometheus,
    now: datetime,
    with_others: bool = False,
) -> Fleet:
    """List hosts, those that are down first; however many there are, it is one question or two.

    Raises:
        Outage: Prometheus cannot be asked.
    """
    if not hosts and scope.is_limited:
        return Fleet(hosts=())
    names = narrow(hosts, scope)
    questions = [write_presence(names)] + ([write_targets()] if with_others else [])
    answers = await asyncio.gather(*(prometheus.fetch_fleet(each) for each in questions))
    visible = [each.name for each in hosts] if scope.is_limited else None
    # Thousands of hosts are read beside the loop.
    found = await asyncio.to_thread(read_presence, answers[0].values, hosts, now=now)
    return Fleet(
        hosts=found,
        others=read_targets(answers[1].values, visible) if with_others else (),
        warnings=tuple(dict.fromkeys(said for each in answers for said in each.warnings)),
    )
