"""What Prometheus answers when it is asked for values, of one moment or of a stretch of time."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.core.series import Series


class Kind(enum.Enum):
    """What an expression yields."""

    VECTOR = "vector"
    """A value for each of many series."""
    SCALAR = "scalar"
    STRING = "string"
    MATRIX = "matrix"
    """Many values for each of many series."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value."""

    labels: Mapping[str, str]
    at: float
    """Seconds since 1970: when it was asked for. When it was sampled, `timestamp` alone tells."""
    value: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is known of an answer; it may have been longer."""

    kind: Kind
    values: tuple[Value, ...] = ()
    """Of a vector; of a scalar, which has no labels, just one."""
    series: tuple[Series, ...] = ()
    """Of a matrix."""
    text: str = ""
    """Of a string."""
    left_out: int = 0
    """How many series more there were; at least so many, if it `is_cut`."""
    is_cut: bool = False
    """Whether not even all that was left out has been counted."""
    warnings: tuple[str, ...] = ()
    """What Prometheus itself says is doubtful about it."""
