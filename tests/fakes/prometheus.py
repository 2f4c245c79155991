"""A Prometheus that knows some samples and understands the questions that the bridge itself asks.

It reads no more of PromQL than those are made of: selectors, `label_replace`, `timestamp`,
functions over time that it takes for the sample itself, and what is gathered `by` labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.core.answers import Answer, Kind, Value
from bridge.core.endings import Sample
from bridge.core.series import Series
from bridge.errors import BridgeError

_MARKED = re.compile(r'label_replace\((?P<inner>.*),"asked","(?P<key>[^"]*)","",""\)', re.DOTALL)
_SELECTOR = re.compile(r'(?P<name>[a-zA-Z_:][\w:]*)?\{(?P<matchers>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\}')
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')
_BY = re.compile(r"by \(([^)]*)\)")


@dataclass(frozen=True, kw_only=True)
class FakeSample:
    """One sample of one series."""

    name: str
    labels: Mapping[str, str]
    value: float
    at: datetime
    is_gone: bool = False
    """Whether it is too old to be found but by a look back."""


@dataclass
class FakePrometheus:
    """Answers from what it knows, or fails as it is told."""

    samples: list[FakeSample] = field(default_factory=list)
    fault: BridgeError | None = None
    warnings: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    answer: Answer | None = None
    """What it says to a person's own query."""
    ranges: list[tuple[int, int, timedelta]] = field(default_factory=list)
    """The stretches of time that it was asked about: start, end and step."""
    history: timedelta = timedelta(days=30)
    """For how long before its samples it knows the same values."""

    def know(self, name: str, value: float, at: datetime, **labels: str) -> None:
        """Take up a sample."""
        self.samples.append(FakeSample(name=name, labels=labels, value=value, at=at))

    async def fetch_fleet(self, promql: str) -> Answer:
        """Answer one of the bridge's own questions."""
        self._note(promql)
        values = tuple(evaluate(promql, self.samples))
        return Answer(kind=Kind.VECTOR, values=values, warnings=self.warnings)

    async def fetch(self, promql: str) -> list[Sample]:
        """Answer whether a host is there: it never says so, nor that it is not."""
        self._note(promql)
        return []

    async def fetch_values(self, promql: str, at: datetime | None = None) -> Answer:
        """Answer a person's own query."""
        del at
        self._note(promql)
        return self.answer or Answer(kind=Kind.VECTOR, warnings=self.warnings)

    async def fetch_range(self, promql: str, start: int, end: int, step: timedelta) -> Answer:
        """Answer about a stretch of time, in which every sample has always been the same."""
        self._note(promql)
        self.ranges.append((start, end, step))
        if self.answer is not None:
            return self.answer
        newest = max((each.at.timestamp() for each in self.samples), default=0.0)
        moments = [
            float(at)
            for at in range(start, end + 1, max(int(step.total_seconds()), 1))
            if newest - self.history.total_seconds() <= at <= newest
        ]
        series = tuple(
            Series(labels=each.labels, points=tuple((at, each.value) for at in moments))
            for each in evaluate(promql, self.samples)
            if moments
        )
        return Answer(kind=Kind.MATRIX, series=series, warnings=self.warnings)

    def _note(self, promql: str) -> None:
        self.asked.append(promql)
        if self.fault is not None:
            raise self.fault


def evaluate(promql: str, samples: Iterable[FakeSample]) -> Iterator[Value]:
    """Work a question out."""
    if promql.startswith("max(label_replace(max_over_time("):
        yield from _look_back(promql, list(samples))
        return
    known = [each for each in samples if not each.is_gone]
    for part in split_alternatives(promql):
        marked = _MARKED.fullmatch(part)
        inner = marked["inner"] if marked else part
        for labels, value in _reduce(inner, known):
            asked = {"asked": marked["key"]} if marked else {}
            yield Value(labels={**labels, **asked}, at=0.0, value=value)


def split_alternatives(promql: str) -> list[str]:
    """Part a question at its outermost `or`."""
    parts, depth, start, at, quoted = [], 0, 0, 0, False
    while at < len(promql):
        character = promql[at]
        if quoted and character == "\\":
            at += 1
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in "({[":
            depth += 1
        elif not quoted and character in ")}]":
            depth -= 1
        elif not quoted and not depth and promql.startswith(" or ", at):
            parts.append(promql[start:at])
            at += 3
            start = at + 1
        at += 1
    return [*parts, promql[start:]]


def _reduce(inner: str, known: Iterable[FakeSample]) -> Iterator[tuple[dict[str, str], float]]:
    """Choose samples and gather them."""
    if " / on (host) (" in inner:
        yield from _divide(inner, known)
        return
    groups = [[name.strip() for name in each.split(",")] for each in _BY.findall(inner)]
    is_time, is_count = "timestamp(" in inner, inner.startswith("count by")
    keeps_name = not is_time and not groups
    found: dict[tuple[tuple[str, str], ...], float] = {}
    for each in _choose(inner, known):
        labels = dict(each.labels)
        if groups:
            labels = {name: labels[name] for name in groups[-1] if name in labels}
        elif keeps_name:
            labels["__name__"] = each.name
        key = tuple(sorted(labels.items()))
        value = each.at.timestamp() if is_time else 1.0 if is_count else each.value
        found[key] = found.get(key, 0.0) + value if is_count else max(found.get(key, value), value)
    if inner.startswith("topk by (host) (1,"):
        best: dict[str, tuple[tuple[tuple[str, str], ...], float]] = {}
        for key, value in found.items():
            host = dict(key).get("host", "")
            if host not in best or value > best[host][1]:
                best[host] = (key, value)
        found = dict(best.values())
    for key, value in found.items():
        yield dict(key), value


def _divide(inner: str, known: Iterable[FakeSample]) -> Iterator[tuple[dict[str, str], float]]:
    """Divide hosts' numbers by their thresholds, and keep as many of the highest as asked for."""
    known = list(known)
    most = 0
    if inner.startswith("topk("):
        count, _, inner = inner.removeprefix("topk(").removesuffix(")").partition(", ")
        most = int(count)
    above, below = inner.split(" / on (host) (")
    thresholds = {labels["host"]: value for labels, value in _reduce(below, known)}
    ratios = [
        (labels, value / thresholds[labels["host"]])
        for labels, value in _reduce(above, known)
        if thresholds.get(labels["host"], 0) > 0
    ]
    if most:
        ratios = sorted(ratios, key=lambda each: -each[1])[:most]
    yield from ratios


def _choose(inner: str, known: Iterable[FakeSample]) -> list[FakeSample]:
    match = _SELECTOR.search(inner)
    assert match is not None, inner
    tests = [
        (name, operator, re.sub(r"\\(.)", r"\1", value))
        for name, operator, value in _MATCHER.findall(match["matchers"])
    ]
    if match["name"]:
        tests.append(("__name__", "=", match["name"]))
    return [each for each in known if all(_fits(each, test) for test in tests)]


def _fits(sample: FakeSample, test: tuple[str, str, str]) -> bool:
    name, operator, wanted = test
    value = sample.name if name == "__name__" else sample.labels.get(name, "")
    is_match = re.fullmatch(wanted, value) is not None if "~" in operator else value == wanted
    return is_match != operator.startswith("!")


def _look_back(promql: str, samples: list[FakeSample]) -> Iterator[Value]:
    times = [
        each.at.timestamp()
        for match in _SELECTOR.finditer(promql)
        for each in _choose(match[0], samples)
    ]
    if times:
        yield Value(labels={}, at=0.0, value=max(times))
