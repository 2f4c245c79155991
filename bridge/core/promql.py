"""What can be asked about a host: the catalogue of metrics, and the queries that ask for them.

Everything is read from the recorded `host:*` series, so Linux and Windows answer alike. A query
asks for several things at once, each marked in the label `asked` as `metric.line.what`; the answer
is one moment's, and costs one round trip.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bridge import limits
from bridge.core.quoting import quote_regex, quote_value
from bridge.core.spans import render_span
from bridge.core.windows import Window

ASKED: Final = "asked"
"""The label that says what a series of the answer is."""
SECOND: Final = timedelta(seconds=1)
_DOWN: Final = "AgentDown"
_UP: Final = "up"


class Unit(enum.Enum):
    """What a number counts."""

    PERCENT = "percent"
    BITS = "bits per second"
    BYTES = "bytes"
    SECONDS = "seconds"
    NUMBER = "number"


class What(enum.Enum):
    """What of a line a series of the answer holds."""

    VALUE = "value"
    TIME = "time"
    """When the value was sampled, in seconds since 1970: an answer bears its own time alone."""
    MEAN = "mean"
    LEAST = "least"
    MOST = "most"
    THRESHOLD = "threshold"
    FIRING = "firing"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One recorded series of a host, or several that differ in a label."""

    key: str
    series: str
    title: str = ""
    """How it is called among others of the metric, as a message of the catalogues."""
    label: str = ""
    """The label that tells several apart."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """Something that can be asked about a host and drawn."""

    key: str
    title: str
    """A message of the catalogues."""
    unit: Unit
    lines: tuple[Line, ...]
    low: float | None = 0.0
    high: float | None = None
    """The bounds of the axis; None follows the values."""
    threshold: str = ""
    """The recorded series of the hosts' thresholds, where alerts have one."""
    resource: str = ""
    """The label of the alerts about it."""
    colour: int = 0
    """Where in the palette its first line stands."""


def _one(series: str) -> tuple[Line, ...]:
    return (Line(key="one", series=series),)


CPU: Final = Metric(
    key="cpu",
    title="CPU used",
    unit=Unit.PERCENT,
    lines=_one("host:cpu_busy_percent:rate2m"),
    high=100.0,
    threshold="host:threshold:cpu",
    resource="cpu",
    colour=0,
)
MEMORY: Final = Metric(
    key="mem",
    title="memory used",
    unit=Unit.PERCENT,
    lines=_one("host:memory_used_percent"),
    high=100.0,
    threshold="host:threshold:memory",
    resource="memory",
    colour=1,
)
DISK: Final = Metric(
    key="disk",
    title="disk used",
    unit=Unit.PERCENT,
    lines=(Line(key="one", series="host:filesystem_used_percent", label="mountpoint"),),
    high=100.0,
    threshold="host:threshold:disk",
    resource="disk",
    colour=2,
)
LOAD: Final = Metric(
    key="load",
    title="load per core",
    unit=Unit.NUMBER,
    lines=_one("host:load1_per_core"),
    threshold="host:threshold:load",
    resource="load",
    colour=3,
)
NETWORK: Final = Metric(
    key="net",
    title="network traffic",
    unit=Unit.BITS,
    lines=(
        Line(key="in", series="host:network_receive_bits:rate5m", title="received"),
        Line(key="out", series="host:network_transmit_bits:rate5m", title="sent"),
    ),
    colour=0,
)
SWAP: Final = Metric(
    key="swap",
    title="swap used",
    unit=Unit.PERCENT,
    lines=_one("host:swap_used_percent"),
    high=100.0,
    resource="swap",
    colour=4,
)
IOWAIT: Final = Metric(
    key="iowait",
    title="CPU waiting for disks",
    unit=Unit.PERCENT,
    lines=_one("host:cpu_iowait_percent:rate5m"),
    high=100.0,
    colour=5,
)
STEAL: Final = Metric(
    key="steal",
    title="CPU taken by other machines",
    unit=Unit.PERCENT,
    lines=_one("host:cpu_steal_percent:rate5m"),
    high=100.0,
    colour=5,
)
FREE: Final = Metric(
    key="free",
    title="disk free",
    unit=Unit.BYTES,
    lines=(Line(key="one", series="host:filesystem_avail_bytes", label="mountpoint"),),
    colour=2,
)
UPTIME: Final = Metric(
    key="uptime",
    title="uptime",
    unit=Unit.SECONDS,
    lines=_one("host:uptime_seconds"),
    colour=1,
)
METRICS: Final = {
    each.key: each for each in (CPU, MEMORY, DISK, LOAD, NETWORK, SWAP, IOWAIT, STEAL, FREE, UPTIME)
}


def write_current(metrics: Iterable[Metric], hosts: Sequence[str] | None) -> str:
    """Ask what the metrics are now, of some hosts or of all, when each was sampled, and `up`."""
    chosen = _choose(hosts)
    parts = [
        *_current(_UP, f'up{{job="node"{"," if chosen else ""}{chosen}}}'),
        *(
            part
            for metric in metrics
            for line in metric.lines
            for part in _current(f"{metric.key}.{line.key}", f"{line.series}{{{chosen}}}")
        ),
        *(
            _mark(f"{metric.threshold}{{{chosen}}}", f"{metric.key}", What.THRESHOLD)
            for metric in metrics
            if metric.threshold
        ),
    ]
    return " or ".join(parts)


def write_last_seen(metric: Metric, host: str) -> str:
    """Ask when the metric of a host, which has no value now, was sampled last."""
    # Each look of the inner question finds the last sample of five minutes. Looks are at whole
    # multiples of five minutes, so what came after the last of them is looked for more closely.
    far = render_span(limits.LAST_SEEN)
    samples = " or ".join(f"timestamp({line.series}{{{_choose([host])}}})" for line in metric.lines)
    looks = {"far": f"({samples})[{far}:5m]", "near": f"({samples})[10m:1s]"}
    parts = (
        f'label_replace(max_over_time({look}),"{ASKED}","{key}","","")'
        for key, look in looks.items()
    )
    return f"max({' or '.join(parts)})"


def write_range(metric: Metric, host: str, *, step: timedelta, scrape: timedelta) -> str:
    """Ask for everything that a picture shows: lines, band, threshold, and when alerts fired.

    A step that hides samples gets their mean, and the least and most of them; else the samples
    themselves, and none where there was none for two scrapes.
    """
    chosen = _choose([host])
    reach = f"[{render_span(max(step, 2 * scrape))}]"
    over = {What.MEAN: "last_over_time"}
    if step > scrape:
        over = {What.MEAN: "avg_over_time", What.LEAST: "min_over_time", What.MOST: "max_over_time"}
    parts = [
        _mark(f"{function}({line.series}{{{chosen}}}{reach})", f"{metric.key}.{line.key}", what)
        for line in metric.lines
        for what, function in over.items()
    ]
    if metric.threshold:
        value = f"last_over_time({metric.threshold}{{{chosen}}}{reach})"
        parts.append(_mark(value, metric.key, What.THRESHOLD))
    for about in _alerts(metric):
        fired = f'max_over_time(ALERTS{{alertstate="firing",{about},{chosen}}}{reach})'
        parts.append(_mark(fired, metric.key, What.FIRING))
    return " or ".join(parts)


def step_for(window: Window, scrape: timedelta, points: int = limits.CHART_POINTS) -> timedelta:
    """Say how far apart the points of a picture are: about so many of them, and no scrape twice."""
    most = min(points, limits.PROMETHEUS_POINTS - 1)
    scrapes = math.ceil(window.span / (max(scrape, SECOND) * most))
    step = max(scrape, SECOND) * max(scrapes, 1)
    return timedelta(seconds=math.ceil(step.total_seconds()))


def align(window: Window, step: timedelta) -> tuple[int, int]:
    """Give the first and last moment to ask for, in seconds since 1970.

    They are multiples of the step, so that the same picture a moment later has the same points.
    """
    seconds = step // SECOND
    start, end = (int(at.timestamp() // seconds) * seconds for at in (window.start, window.end))
    return start, end


def choose_moments(window: Window, *, step: timedelta, scrape: timedelta) -> tuple[int, int]:
    """Give the first and last moment to ask for, so that the last shows what is true by now.

    They move on with each scrape, not only with each step: of a month a step is over an hour.
    """
    start, end = align(window, max(scrape, SECOND))
    seconds = step // SECOND
    return end - (end - start) // seconds * seconds, end


def _choose(hosts: Sequence[str] | None) -> str:
    if hosts is None:
        return ""
    if len(hosts) == 1:
        return f"host={quote_value(hosts[0])}"
    return f"host=~{quote_value('|'.join(quote_regex(host) for host in hosts))}"


def _current(key: str, series: str) -> Iterator[str]:
    yield _mark(series, key, What.VALUE)
    yield _mark(f"timestamp({series})", key, What.TIME)


def _alerts(metric: Metric) -> Iterator[str]:
    """Choose the alerts that a picture shows: those about the metric, and that of a silent host."""
    if metric.resource:
        yield f"resource={quote_value(metric.resource)}"
    yield f"alertname={quote_value(_DOWN)}"


def _mark(expression: str, key: str, what: What) -> str:
    return f'label_replace({expression},"{ASKED}","{key}.{what.value}","","")'
