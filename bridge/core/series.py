"""Samples of one thing over time: what stands out of them, and where there were none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

Point: TypeAlias = tuple[float, float]
"""Seconds since 1970, and the value then."""


class Labelled(Protocol):
    """Whatever bears labels."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Name → value."""
        ...


Each = TypeVar("Each", bound=Labelled)


@dataclass(frozen=True, kw_only=True)
class Series:
    """One series of an answer."""

    labels: Mapping[str, str]
    points: tuple[Point, ...]
    """In the order of time."""


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What stands out of a series; values that are no number count for nothing."""

    last: float
    least: float
    mean: float
    most: float


def summarise(points: Iterable[Point]) -> Statistics | None:
    """Reckon what stands out; None where there is no number at all."""
    values = [value for _, value in points if math.isfinite(value)]
    if not values:
        return None
    # Divided first: the sum of the largest numbers there are is none any more.
    mean = math.fsum(value / len(values) for value in values)
    return Statistics(last=values[-1], least=min(values), mean=mean, most=max(values))


def split_at_gaps(points: Sequence[Point], longest: float) -> tuple[tuple[Point, ...], ...]:
    """Part a series where more seconds than `longest` passed without a number."""
    segments: list[list[Point]] = []
    before = -math.inf
    for at, value in points:
        if not math.isfinite(value):
            continue
        if at - before > longest:
            segments.append([])
        segments[-1].append((at, value))
        before = at
    return tuple(tuple(segment) for segment in segments)


def choose_drawn(series: Sequence[Series], most: int) -> tuple[tuple[Series, ...], int]:
    """Keep the series that reach highest, in the order of the answer; count the others.

    Those without a number are not counted: there is nothing to draw.
    """
    peaks = {index: _peak(each) for index, each in enumerate(series)}
    there = [index for index, peak in peaks.items() if peak is not None]
    kept = sorted(sorted(there, key=lambda index: -(peaks[index] or 0.0))[:most])
    return tuple(series[index] for index in kept), len(there) - len(kept)


def leave_out_twins(found: Sequence[Each]) -> tuple[Each, ...]:
    """Keep one a device: the same file system may be mounted in many places."""
    first: dict[tuple[str, ...], Each] = {}
    for each in found:
        place = each.labels.get("device") or each.labels.get("mountpoint", "")
        key = (each.labels.get("host", ""), place, each.labels.get("asked", ""))
        if key not in first or _depth(each) < _depth(first[key]):
            first[key] = each
    kept = set(map(id, first.values()))
    return tuple(each for each in found if id(each) in kept)


def _depth(labelled: Labelled) -> tuple[int, str]:
    mountpoint = labelled.labels.get("mountpoint", "")
    return len(mountpoint), mountpoint


def _peak(series: Series) -> float | None:
    return max((value for _, value in series.points if math.isfinite(value)), default=None)
