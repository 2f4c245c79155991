"""One metric of one host now, and whether it may be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from bridge.core.answers import Answer
from bridge.core.presence import choose_hosts, mark, read_instant
from bridge.core.promql import ASKED, DISK, FREE, Metric, write_current, write_last_seen
from bridge.core.readings import Condition, Reading, read_current, read_last_seen

_SINCE: Final = "since"


class Prometheus(Protocol):
    """Answers questions about a host."""

    async def fetch_fleet(self, promql: str) -> Answer:
        """Ask for the values of this moment, or raise Outage."""
        ...


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A metric of a host, and what helps where it has no value now."""

    reading: Reading
    free: Reading | None = None
    """What is free, where the metric is how full file systems are."""
    since: datetime | None = None
    """Since when the host is up or down."""
    seen_at: datetime | None = None
    """When it was last sampled, where it is not now; None: not for a long time."""
    warnings: tuple[str, ...] = ()


async def read_metric(
    metric: Metric, host: str, *, prometheus: Prometheus, now: datetime, scrape: timedelta
) -> Measured:
    """Ask for a metric of a host; where there is none, when there last was.

    Raises:
        Outage: Prometheus cannot be asked.
    """
    metrics = [metric, FREE] if metric is DISK else [metric]
    since = mark(f"host:up:since{choose_hosts([host])}", _SINCE)
    answer = await prometheus.fetch_fleet(f"{write_current(metrics, [host])} or {since}")
    readings = [
        read_current(answer.values, each, [host], now=now, scrape=scrape)[host] for each in metrics
    ]
    told = [each.value for each in answer.values if each.labels.get(ASKED) == _SINCE]
    since_at = read_instant(max(told, default=None))
    condition = readings[0].condition
    seen_at = None
    if condition is Condition.ABSENT or (condition is Condition.DOWN and since_at is None):
        last = await prometheus.fetch_fleet(write_last_seen(metric, host))
        seen_at = read_last_seen(last.values)
    return Measured(
        reading=readings[0],
        free=readings[1] if len(readings) > 1 else None,
        since=since_at,
        seen_at=seen_at,
        warnings=answer.warnings,
    )
