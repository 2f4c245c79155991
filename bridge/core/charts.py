"""What a picture shows, in numbers and words: plain enough to be sent to another process."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bridge import limits
from bridge.core.answers import Answer
from bridge.core.promql import ASKED, SECOND, Metric, Unit, What
from bridge.core.series import (
    Point,
    Series,
    Statistics,
    choose_drawn,
    leave_out_twins,
    summarise,
)
from bridge.core.windows import Window

Range: TypeAlias = tuple[float, float, float]
"""Seconds since 1970, and the least and the most that a step hides."""
Say: TypeAlias = Callable[[str], str]
"""Says a message of the catalogues in somebody's language."""
GAP_STEPS: Final = 1.5
"""Each step has a point unless there was nothing to show."""
_ONE: Final = "one"
"""The key of a line that is the only one of its metric."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a chart."""

    name: str
    """What tells it apart; empty where there is only one."""
    points: tuple[Point, ...]
    band: tuple[Range, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A level that alerts look at."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Shade:
    """A time in which an alert fired, in seconds since 1970."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, kw_only=True)
class ChartWords:
    """The words of a chart that are the same for all."""

    last: str
    least: str
    mean: str
    most: str
    nothing: str
    """Stands where there is nothing to draw."""
    more: str
    """How many curves are left out; empty for none."""


@dataclass(frozen=True, kw_only=True)
class ChartFacts:
    """A chart of values over time."""

    host: str
    """Whom it is about; empty for nobody in particular."""
    title: str
    unit: Unit
    start: float
    end: float
    """The time axis, in seconds since 1970."""
    zone: str
    """The name of the time zone of the axis."""
    gap: float
    """Seconds without a point beyond which a line is interrupted."""
    curves: tuple[Curve, ...]
    thresholds: tuple[Threshold, ...] = ()
    shades: tuple[Shade, ...] = ()
    low: float | None = None
    high: float | None = None
    """The bounds of the other axis; None follows the values."""
    colour: int = 0
    """Where in the palette the first curve stands."""
    left_out: int = 0
    """How many curves more there are."""
    dark: bool
    words: ChartWords


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of a whole."""

    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class PieFacts:
    """A whole and its parts."""

    host: str
    title: str
    unit: Unit
    slices: tuple[Slice, ...]
    total: str
    """What the whole is called."""
    dark: bool


Facts: TypeAlias = ChartFacts | PieFacts


@dataclass(frozen=True, kw_only=True)
class Look:
    """How somebody wants their pictures."""

    zone: str
    """The name of a time zone."""
    dark: bool
    say: Say


def compose_chart(
    metric: Metric, host: str, answer: Answer, *, window: Window, step: timedelta, look: Look
) -> ChartFacts:
    """Make a chart of the answer to `write_range`."""
    parts = _sort(answer.series)
    lines = [
        each
        for line in metric.lines
        for each in leave_out_twins(parts[f"{metric.key}.{line.key}.{What.MEAN.value}"])
    ]
    drawn, rest = choose_drawn(lines, limits.CHART_CURVES)
    names = {f"{metric.key}.{line.key}": line for line in metric.lines}
    bands = _bands(parts)
    curves = []
    for each in sorted(drawn, key=lambda each: _place(each, tuple(names))):
        line = names[_key(each)]
        name = (
            each.labels.get(line.label, "") if line.label else line.title and look.say(line.title)
        )
        curves.append(Curve(name=name, points=each.points, band=bands.get(_identity(each), ())))
    threshold = _find_threshold(metric, parts[f"{metric.key}.{What.THRESHOLD.value}"])
    return ChartFacts(
        host=host,
        title=look.say(metric.title),
        unit=metric.unit,
        start=_whole(window.start),
        end=_whole(window.end),
        zone=look.zone,
        gap=GAP_STEPS * (step / SECOND),
        curves=tuple(curves),
        thresholds=()
        if threshold is None
        else (Threshold(value=threshold, label=look.say("threshold")),),
        shades=_shades(parts[f"{metric.key}.{What.FIRING.value}"], window=window, step=step),
        low=metric.low,
        high=metric.high,
        colour=metric.colour,
        dark=look.dark,
        left_out=rest + answer.left_out,
        words=_words(look.say, rest + answer.left_out),
    )


def compose_query_chart(
    promql: str, answer: Answer, *, window: Window, step: timedelta, look: Look
) -> ChartFacts:
    """Make a chart of the answer to a query of somebody's own."""
    drawn, rest = choose_drawn(answer.series, limits.CHART_CURVES)
    names = name_apart([each.labels for each in drawn])
    return ChartFacts(
        host="",
        title=" ".join(promql.split()),
        unit=Unit.NUMBER,
        start=_whole(window.start),
        end=_whole(window.end),
        zone=look.zone,
        gap=GAP_STEPS * (step / SECOND),
        curves=tuple(
            Curve(name=name, points=each.points) for name, each in zip(names, drawn, strict=True)
        ),
        dark=look.dark,
        left_out=rest + answer.left_out,
        words=_words(look.say, rest + answer.left_out),
    )


def summarise_curve(curve: Curve) -> Statistics | None:
    """Reckon what stands out, of the samples themselves where a band tells their extremes."""
    found = summarise(curve.points)
    if found is None or not curve.band:
        return found
    lows = summarise([(at, low) for at, low, _ in curve.band])
    highs = summarise([(at, high) for at, _, high in curve.band])
    return Statistics(
        last=found.last,
        least=min(found.least, lows.least) if lows else found.least,
        mean=found.mean,
        most=max(found.most, highs.most) if highs else found.most,
    )


def name_apart(labels: Sequence[Mapping[str, str]]) -> list[str]:
    """Name series by the labels in which they differ, by the values alone if that is one label."""
    if len(labels) == 1:
        return [labels[0].get("__name__", "")]
    names = dict.fromkeys(name for each in labels for name in each)
    differing = [name for name in names if len({each.get(name) for each in labels}) > 1]
    if len(differing) == 1:
        return [each.get(differing[0], "") for each in labels]
    return [
        ", ".join(f"{name}={each[name]}" for name in differing if name in each) for each in labels
    ]


def _find_threshold(metric: Metric, found: Sequence[Series]) -> float | None:
    """Find the level that holds now; one that nothing reaches switches an alert off, and is none.

    Drawn it would leave the curve no height.
    """
    value = next((each.points[-1][1] for each in found if each.points), math.nan)
    most = math.inf if metric.high is None else metric.high
    return value if math.isfinite(value) and value <= most else None


def _whole(at: datetime) -> float:
    """Give a moment to the second: who asks within one is shown the same."""
    return float(at.timestamp() // 1)


def _words(say: Say, rest: int) -> ChartWords:
    more = say("and %(count)s more") % {"count": rest} if rest else ""
    return ChartWords(
        last=say("last"),
        least=say("min"),
        mean=say("mean"),
        most=say("max"),
        nothing=say("no data"),
        more=more,
    )


def _sort(series: Iterable[Series]) -> defaultdict[str, list[Series]]:
    """Sort the series of an answer by what was asked."""
    parts: defaultdict[str, list[Series]] = defaultdict(list)
    for each in series:
        parts[each.labels.get(ASKED, "")].append(each)
    return parts


def _key(series: Series) -> str:
    """Name the line that a series belongs to."""
    return series.labels[ASKED].rpartition(".")[0]


def _place(series: Series, keys: Sequence[str]) -> tuple[int, bool, str]:
    """Order curves by their lines; of file systems the root comes first."""
    mountpoint = series.labels.get("mountpoint", "")
    return keys.index(_key(series)), mountpoint != "/", mountpoint


def _identity(series: Series) -> tuple[tuple[str, str], ...]:
    """Name what a series is of, without which of mean, least and most it holds."""
    labels = {**series.labels, ASKED: _key(series)}
    return tuple(sorted(labels.items()))


def _bands(parts: Mapping[str, Sequence[Series]]) -> dict[object, tuple[Range, ...]]:
    """Join the least and the most of each step."""
    ends = {
        what: {
            _identity(each): each.points
            for asked, found in parts.items()
            if asked.endswith(f".{what.value}")
            for each in found
        }
        for what in (What.LEAST, What.MOST)
    }
    bands: dict[object, tuple[Range, ...]] = {}
    for identity, lows in ends[What.LEAST].items():
        highs = dict(ends[What.MOST].get(identity, ()))
        bands[identity] = tuple((at, low, highs[at]) for at, low in lows if at in highs)
    return bands


def _shades(found: Iterable[Series], *, window: Window, step: timedelta) -> tuple[Shade, ...]:
    """Say when each alert fired; what is cut off by the end of the window goes up to it."""
    moments: defaultdict[str, set[float]] = defaultdict(set)
    for each in found:
        moments[each.labels.get("alertname", "")] |= {at for at, _ in each.points}
    length, end = step / SECOND, window.end.timestamp()
    shades: list[Shade] = []
    for label, seen in sorted(moments.items()):
        run: list[float] = []
        for at in [*sorted(seen), float("inf")]:
            if run and at - run[-1] > GAP_STEPS * length:
                until = end if run[-1] + length > end - length else run[-1]
                shades.append(Shade(start=run[0] - length, end=until, label=label))
                run = []
            run.append(at)
    return tuple(sorted(shades, key=lambda shade: shade.start))
