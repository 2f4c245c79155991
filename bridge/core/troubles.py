"""What is bad about hosts: how near each is to the thresholds of its alerts."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.answers import Value
from bridge.core.presence import Presence, State, choose_hosts, mark
from bridge.core.promql import ASKED, CPU, DISK, LOAD, MEMORY, Metric

MEASURED: Final = (CPU, MEMORY, DISK, LOAD)
"""What a host may run short of."""
_UNTOLD: Final = {CPU.key: 80.0, MEMORY.key: 85.0, DISK.key: 90.0, LOAD.key: 0.8}
"""The shipped thresholds, for a Prometheus without their series."""
_DOWN: Final = math.inf


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One number of a host beside its threshold."""

    metric: Metric
    value: float
    threshold: float
    place: str = ""
    """The file system, where it is of one."""

    @property
    def ratio(self) -> float:
        """How much of the way to the threshold it has gone; 1 is there."""
        return self.value / self.threshold if self.threshold > 0 else 0.0

    @property
    def is_bad(self) -> bool:
        """Whether it is where alerts begin."""
        return self.value > self.threshold


@dataclass(frozen=True, kw_only=True)
class Troubled:
    """A host, and what is bad about it, the worst first; or the worst of what is well."""

    presence: Presence
    troubles: tuple[Trouble, ...]

    @property
    def is_bad(self) -> bool:
        """Whether anything is bad about it at all."""
        return self.presence.state is State.DOWN or any(each.is_bad for each in self.troubles)


@dataclass(frozen=True, kw_only=True)
class Checks:
    """How many checks there are, and which of them fail."""

    total: int = 0
    failing: tuple[str, ...] = ()


NO_CHECKS: Final = Checks()


def write_troubles(hosts: Sequence[str] | None) -> str:
    """Ask what some hosts, or all, run short of; of file systems the fullest."""
    which = choose_hosts(hosts)
    parts = []
    for metric in MEASURED:
        (line,) = metric.lines
        series = f"{line.series}{which}"
        if line.label:
            series = f"topk by (host) (1, max by (host, {line.label}) ({series}))"
        parts.append(mark(series, metric.key))
        parts.append(mark(f"{metric.threshold}{which}", f"{metric.key} threshold"))
    return " or ".join(parts)


def choose_worst(
    presences: Iterable[Presence], values: Iterable[Value], most: int
) -> tuple[Troubled, ...]:
    """Read the answer to `write_troubles`: the worst hosts, those that are down before all."""
    measured: dict[str, dict[str, Value]] = defaultdict(dict)
    for each in values:
        measured[each.labels.get("host", "")][each.labels.get(ASKED, "")] = each
    # A host that lacks what others have was freed of it; where nobody has one, there are no rules.
    told = {asked for each in measured.values() for asked in each}
    limits = {
        each.key: math.inf if f"{each.key} threshold" in told else _UNTOLD[each.key]
        for each in MEASURED
    }
    found = [(each, _read_troubles(measured.get(each.host.name, {}), limits)) for each in presences]
    known = [
        (presence, troubles)
        for presence, troubles in found
        if troubles or presence.state is State.DOWN
    ]
    known.sort(key=_badness, reverse=True)
    return tuple(
        Troubled(presence=presence, troubles=_tell(presence, troubles))
        for presence, troubles in known[:most]
    )


def _read_troubles(
    measured: Mapping[str, Value], limits: Mapping[str, float]
) -> tuple[Trouble, ...]:
    troubles = []
    for metric in MEASURED:
        found = measured.get(metric.key)
        if found is None or not math.isfinite(found.value):
            continue
        limit = measured.get(f"{metric.key} threshold")
        troubles.append(
            Trouble(
                metric=metric,
                value=found.value,
                threshold=limit.value if limit else limits[metric.key],
                place=found.labels.get(metric.lines[0].label, ""),
            )
        )
    return tuple(sorted(troubles, key=lambda each: -each.ratio))


def _badness(found: tuple[Presence, tuple[Trouble, ...]]) -> float:
    presence, troubles = found
    if presence.state is State.DOWN:
        return _DOWN
    return max((each.ratio for each in troubles), default=0.0)


def _tell(presence: Presence, troubles: tuple[Trouble, ...]) -> tuple[Trouble, ...]:
    """Choose what is said: all that is bad; of a host that is well the nearest to it."""
    if presence.state is State.DOWN:
        return ()
    return tuple(each for each in troubles if each.is_bad) or troubles[:1]


def write_checks() -> str:
    """Ask how the TCP and HTTP checks went."""
    return 'probe_success{job=~"tcp|http"}'


def read_checks(values: Iterable[Value], hosts: Iterable[str] | None) -> Checks:
    """Read the answer to `write_checks`, as far as it is about some hosts, or all."""
    visible = None if hosts is None else set(hosts)
    seen = [each for each in values if visible is None or each.labels.get("host", "") in visible]
    failing = (
        each.labels.get("host") or each.labels.get("instance", "")
        for each in seen
        if each.value != 1
    )
    return Checks(total=len(seen), failing=tuple(sorted(failing)))
