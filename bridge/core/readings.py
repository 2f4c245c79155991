"""What a host's metric is now, and whether that may be believed.

    fresh     the sample is as young as it should be
    old       Prometheus still shows a sample, which no younger one followed
    absent    there is none
    down      the host's exporter does not answer, whatever samples are left of it

That Prometheus itself cannot be asked is no reading: it is an Outage, met on the way here.
"""

from __future__ import annotations

import enum
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bridge import limits
from bridge.core.answers import Value
from bridge.core.promql import ASKED, Metric, What
from bridge.core.series import leave_out_twins

_FAR: Final = 253402300799.0  # the last second of the year 9999


class Condition(enum.Enum):
    """Whether a reading may be believed."""

    FRESH = "fresh"
    OLD = "old"
    ABSENT = "absent"
    DOWN = "down"


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of a metric: of a file system, of a direction, or the only one."""

    line: str
    labels: Mapping[str, str]
    value: float
    at: datetime
    """When it was sampled."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A metric of one host now."""

    metric: Metric
    host: str
    condition: Condition
    numbers: tuple[Number, ...] = ()
    """In the order of the metric's lines, file systems with the root first."""
    at: datetime | None = None
    """When the youngest was sampled."""
    threshold: float | None = None
    scraped_at: datetime | None = None
    """When the host's exporter was last asked."""


def read_current(
    values: Iterable[Value],
    metric: Metric,
    hosts: Iterable[str],
    *,
    now: datetime,
    scrape: timedelta,
) -> dict[str, Reading]:
    """Read the answer to `write_current`, host by host."""
    asked: dict[tuple[str, str], list[Value]] = defaultdict(list)
    for value in values:
        asked[value.labels.get("host", ""), value.labels.get(ASKED, "")].append(value)
    return {host: _read(asked, metric, host, now=now, scrape=scrape) for host in hosts}


def read_last_seen(values: Iterable[Value]) -> datetime | None:
    """Read the answer to `write_last_seen`."""
    return next((_instant(each.value) for each in values if math.isfinite(each.value)), None)


def is_old(at: datetime, *, now: datetime, scrape: timedelta) -> bool:
    """Say whether a sample should have been followed by a younger one."""
    return now - at > limits.STALE_SCRAPES * scrape + limits.STALE_MARGIN


def _read(
    asked: Mapping[tuple[str, str], list[Value]],
    metric: Metric,
    host: str,
    *,
    now: datetime,
    scrape: timedelta,
) -> Reading:
    def find(key: str, what: What) -> list[Value]:
        return asked.get((host, f"{key}.{what.value}"), [])

    numbers = tuple(
        number
        for line in metric.lines
        for number in _pair(
            line.key,
            find(f"{metric.key}.{line.key}", What.VALUE),
            find(f"{metric.key}.{line.key}", What.TIME),
        )
    )
    youngest = max((number.at for number in numbers), default=None)
    answers = [each.value for each in find("up", What.VALUE)]
    thresholds = [each.value for each in find(metric.key, What.THRESHOLD)]
    scrapes = [_instant(each.value) for each in find("up", What.TIME)]
    if answers and not any(answers):
        condition = Condition.DOWN
    elif youngest is None:
        condition = Condition.ABSENT
    else:
        old = is_old(youngest, now=now, scrape=scrape)
        condition = Condition.OLD if old else Condition.FRESH
    return Reading(
        metric=metric,
        host=host,
        condition=condition,
        numbers=numbers,
        at=youngest,
        threshold=next(filter(math.isfinite, thresholds), None),
        scraped_at=max(scrapes, default=None),
    )


def _pair(line: str, values: list[Value], times: list[Value]) -> Iterable[Number]:
    """Join values with the times at which they were sampled; leave out what is no number."""
    sampled = {_identity(each): each.value for each in times}
    numbers = [
        Number(line=line, labels=dict(key), value=each.value, at=_instant(sampled[key]))
        for key, each in ((_identity(each), each) for each in values)
        if math.isfinite(each.value) and key in sampled
    ]
    return sorted(leave_out_twins(numbers), key=_place)


def _identity(value: Value) -> tuple[tuple[str, str], ...]:
    """Name what a value is of: its labels but for the one that says whether it is the time."""
    left_out = {ASKED, "__name__"}
    return tuple(sorted(pair for pair in value.labels.items() if pair[0] not in left_out))


def _place(number: Number) -> tuple[bool, str]:
    mountpoint = number.labels.get("mountpoint", "")
    return mountpoint != "/", mountpoint


def _instant(seconds: float) -> datetime:
    within = min(max(seconds, 0.0), _FAR) if math.isfinite(seconds) else 0.0
    return datetime.fromtimestamp(within, UTC)
