"""What is bad about hosts: how near each is to the thresholds of its alerts."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.answers import Value
from bridge.core.inventory import Host
from bridge.core.presence import Presence, State, choose_hosts, mark
from bridge.core.promql import ASKED, CPU, DISK, LOAD, MEMORY, Metric

MEASURED: Final = (CPU, MEMORY, DISK, LOAD)
"""What a host may run short of."""
_RATIOS: Final = 50
"""Hosts nearest to each threshold that are asked for: ten times what is shown."""


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


def write_ratios(hosts: Sequence[str] | None, *, is_whole: bool = False) -> str:
    """Ask how near some hosts, or all, are to their thresholds; about the nearest, or the whole.

    A host without a threshold is never near it.
    """
    which = choose_hosts(hosts)
    parts = []
    for metric in MEASURED:
        (line,) = metric.lines
        ratio = f"max by (host) ({line.series}{which}) / on (host) ({metric.threshold}{which} > 0)"
        parts.append(mark(ratio if is_whole else f"topk({_RATIOS}, {ratio})", metric.key))
    return " or ".join(parts)


def choose_worst(
    states: Sequence[tuple[Host, State]], values: Iterable[Value], most: int
) -> tuple[tuple[Host, ...], bool]:
    """Read the answer to `write_ratios`: the worst hosts, those that are down before all.

    Also say whether that is certain: where others than those that are looked at fill the answer,
    it is not.
    """
    own = {host.name for host, _ in states}
    ratios: dict[str, float] = defaultdict(float)
    seen: dict[str, list[bool]] = defaultdict(list)
    for each in values:
        name = each.labels.get("host", "")
        seen[each.labels.get(ASKED, "")].append(name in own)
        if math.isfinite(each.value):
            ratios[name] = max(ratios[name], each.value)
    known = [
        (math.inf if state is State.DOWN else ratios[host.name], host)
        for host, state in states
        if state is State.DOWN or host.name in ratios
    ]
    known.sort(key=lambda each: -each[0])
    is_certain = all(len(each) < _RATIOS or sum(each) >= most for each in seen.values())
    return tuple(host for _, host in known[:most]), is_certain


def write_troubles(hosts: Sequence[str]) -> str:
    """Ask what some hosts run short of; of file systems the fullest."""
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


def read_troubles(presences: Iterable[Presence], values: Iterable[Value]) -> tuple[Troubled, ...]:
    """Read the answer to `write_troubles`, host by host."""
    measured: dict[str, dict[str, Value]] = defaultdict(dict)
    for each in values:
        measured[each.labels.get("host", "")][each.labels.get(ASKED, "")] = each
    return tuple(
        Troubled(
            presence=presence,
            troubles=_tell(presence, _sort(measured.get(presence.host.name, {}))),
        )
        for presence in presences
    )


def _sort(measured: Mapping[str, Value]) -> tuple[Trouble, ...]:
    """Put the numbers of a host beside their thresholds, the worst first."""
    troubles = []
    for metric in MEASURED:
        found, limit = measured.get(metric.key), measured.get(f"{metric.key} threshold")
        if found is None or limit is None or not math.isfinite(found.value):
            continue
        place = found.labels.get(metric.lines[0].label, "")
        troubles.append(
            Trouble(metric=metric, value=found.value, threshold=limit.value, place=place)
        )
    return tuple(sorted(troubles, key=lambda each: -each.ratio))


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
