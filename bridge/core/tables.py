"""An answer of Prometheus as rows: what all of them share is said once, each row by the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.answers import Answer, Kind
from bridge.core.quoting import quote_value

_NAME: Final = "__name__"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One series."""

    name: str
    """What tells it from the others; empty where there is no other."""
    value: float
    """Its value, or its last one."""
    samples: int = 1


@dataclass(frozen=True, kw_only=True)
class Tabulated:
    """All series of an answer."""

    shared: str
    """Name and labels that all of them have."""
    rows: tuple[Row, ...]


def tabulate(answer: Answer) -> Tabulated:
    """Lay an answer out in rows, in Prometheus's order."""
    if answer.kind is Kind.MATRIX:
        found = [
            (each.labels, each.points[-1][1], len(each.points))
            for each in answer.series
            if each.points
        ]
    else:
        found = [(each.labels, each.value, 1) for each in answer.values]
    labels = [each for each, _, _ in found]
    shared = find_shared(labels)
    names = [_name(each, shared) for each in labels]
    return Tabulated(
        shared=write_series(shared),
        rows=tuple(
            Row(name=name, value=value, samples=samples)
            for name, (_, value, samples) in zip(names, found, strict=True)
        ),
    )


def find_shared(labels: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Find the labels that all series have alike."""
    if not labels:
        return {}
    return {
        name: value
        for name, value in labels[0].items()
        if all(each.get(name) == value for each in labels[1:])
    }


def write_series(labels: Mapping[str, str]) -> str:
    """Write a series as PromQL would: `up{job="node"}`."""
    named = ", ".join(
        f"{name}={quote_value(value)}" for name, value in sorted(labels.items()) if name != _NAME
    )
    return labels.get(_NAME, "") + (f"{{{named}}}" if named else "")


def write_whole(answer: Answer) -> Iterator[str]:
    """Write everything that is known of an answer, a line for each value."""
    if answer.kind is Kind.STRING:
        yield answer.text
    for value in answer.values:
        yield f"{write_series(value.labels)} {value.value!r}".strip()
    for series in answer.series:
        yield write_series(series.labels)
        for at, number in series.points:
            yield f"  {at:.3f} {number!r}"


def _name(labels: Mapping[str, str], shared: Mapping[str, str]) -> str:
    """Name a series by what it does not share: a single label by its value alone."""
    own = {name: value for name, value in labels.items() if name not in shared}
    metric = own.pop(_NAME, "")
    if len(own) == 1 and not metric:
        return next(iter(own.values()))
    told = ", ".join(f"{name}={value}" for name, value in sorted(own.items()))
    return " ".join(filter(None, (metric, told)))
