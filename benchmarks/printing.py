"""How benchmarks print their figures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping


def print_figures(name: str, figures: Mapping[str, float], *, unit: str) -> None:
    """Print median, 95th percentile and extremes of a measurement."""
    values = sorted(figures.values())
    late = values[min(len(values) - 1, int(len(values) * 0.95))]
    print(
        f"{name:26} n {len(values):4}  median {statistics.median(values):8.1f} {unit}"
        f"  p95 {late:8.1f}  min {values[0]:8.1f}  max {values[-1]:8.1f}"
    )
