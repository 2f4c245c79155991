"""How benchmarks print their figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence


def print_figures(name: str, figures: Mapping[str, float], *, unit: str) -> None:
    """Print median, 95th percentile and extremes of a measurement."""
    values = sorted(figures.values())
    late = values[min(len(values) - 1, int(len(values) * 0.95))]
    print(
        f"{name:26} n {len(values):4}  median {statistics.median(values):8.1f} {unit}"
        f"  p95 {late:8.1f}  min {values[0]:8.1f}  max {values[-1]:8.1f}"
    )


def share_of(ordered: Sequence[float], share: float) -> float:
    """Give the value below which so large a share of some ordered values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def print_spread(name: str, values: Iterable[float], *, unit: str) -> None:
    """Print median, 99th percentile and maximum of a measurement."""
    ordered = sorted(values)
    print(
        f"{name:34} n {len(ordered):6}  p50 {share_of(ordered, 0.5):8.1f} {unit}"
        f"  p99 {share_of(ordered, 0.99):8.1f}  max {ordered[-1]:8.1f}",
        flush=True,
    )
