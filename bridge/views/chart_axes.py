"""The axes of a chart: which moments and which values get a mark, and what is written there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from bridge.core.promql import Unit
from bridge.views.quantities import choose_scale, write_decimals

MOST_MOMENTS: Final = 6
"""Marks of the time axis: the labels of more would touch each other."""
MOST_VALUES: Final = 5
_DAY: Final = 86400
_HOUR: Final = 3600
_STEPS: Final = (
    *(60, 120, 300, 600, 900, 1800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY),
)
_MONTH: Final = 30.44 * _DAY
_MONTHS: Final = (1, 2, 3, 6, 12, 24)
_QUARTERS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_BINARY: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
_PERCENT: Final = 25.0
_FLAT: Final = 1e-9
"""A range that is narrower than this share of its values is a flat line."""
_TINY: Final = 1e-290
"""What is smaller is drawn as nothing: its parts are no numbers that arithmetic holds."""
_VAST: Final = 1e300
"""What differs by more cannot be reckoned with."""
_TURNED: Final = timedelta(hours=12)
"""By so much clocks may be turned within a chart; a multiple of every step below a day."""
_MOST_DECIMALS: Final = 4
_LONG: Final = 100_000


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A mark of the time axis."""

    at: float
    label: str
    date: str = ""
    """Written below where a day begins, and under the first mark."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """The other axis."""

    low: float
    high: float
    marks: tuple[tuple[float, str], ...]
    symbol: str
    """What all the labels count."""


def lay_out_time(start: float, end: float, zone: tzinfo) -> tuple[Moment, ...]:
    """Choose round moments of a zone's clocks, however those change meanwhile."""
    step = next((each for each in _STEPS if (end - start) / each <= MOST_MOMENTS), None)
    if step is None:
        return _lay_out_months(start, end, zone)
    moments: list[Moment] = []
    day = None
    for at in _round_moments(start, end, step, zone):
        shown = datetime.fromtimestamp(at, zone)
        is_first_of_day = shown.date() != day
        day = shown.date()
        if step >= _DAY:
            moments.append(Moment(at=at, label=f"{shown:%m-%d}"))
        else:
            date = f"{shown:%m-%d}" if is_first_of_day else ""
            moments.append(Moment(at=at, label=f"{shown:%H:%M}", date=date))
    return _without_needless_dates(moments)


def write_period(start: float, end: float, zone: tzinfo) -> str:
    """Write from when to when, and by which clock."""
    first, last = (datetime.fromtimestamp(at, zone) for at in (start, end))
    names = dict.fromkeys(each.tzname() or f"{each:%z}" for each in (first, last))
    if first.date() == last.date():
        return f"{first:%Y-%m-%d %H:%M} – {last:%H:%M} {'/'.join(names)}"  # noqa: RUF001 - a dash
    return f"{first:%Y-%m-%d %H:%M} – {last:%Y-%m-%d %H:%M} {'/'.join(names)}"  # noqa: RUF001 - a dash


def lay_out_values(
    values: Iterable[float], unit: Unit, *, low: float | None, high: float | None
) -> Values:
    """Choose the range that shows all values, and round marks in it."""
    held = (value if abs(value) > _TINY else 0.0 for value in values)
    shown = [min(max(value, -_VAST), _VAST) for value in held]
    least = min([*shown, *([] if low is None else [low])], default=0.0)
    most = max([*shown, *([] if high is None else [high])], default=1.0)
    if most - least <= _FLAT * max(abs(most), abs(least), _FLAT):
        below = 0.0 if low is not None and least >= low else abs(least) / 2
        least, most = least - below, most + (abs(most) or 1.0) / 2
    scale = choose_scale(unit, max(abs(least), abs(most)))
    if unit is Unit.PERCENT and high is not None and most <= high:
        step = _PERCENT
    else:
        step = _round_step((most - least) / scale.divisor / MOST_VALUES, unit)
    first = math.floor(least / scale.divisor / step + _FLAT)
    last = math.ceil(most / scale.divisor / step - _FLAT)
    return Values(
        low=first * step * scale.divisor,
        high=last * step * scale.divisor,
        marks=tuple(
            (each * step * scale.divisor, _label(each * step, step))
            for each in range(first, last + 1)
        ),
        symbol=scale.symbol,
    )


def spread(wanted: Sequence[float], apart: float, *, low: float, high: float) -> list[float]:
    """Move places so that they are so far apart, in the same order, and as little as possible.

    Where they do not all fit, they are as far apart as there is room.
    """
    if not wanted:
        return []
    apart = min(apart, (high - low) / max(len(wanted) - 1, 1))
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    # What has to share a stretch is a block, which stands where its parts wish on average.
    blocks: list[tuple[float, int]] = []
    for rank, index in enumerate(order):
        block = (wanted[index] - rank * apart, 1)
        while blocks and blocks[-1][0] > block[0]:
            before, count = blocks.pop()
            total = count + block[1]
            block = ((before * count + block[0] * block[1]) / total, total)
        blocks.append(block)
    placed = [0.0] * len(wanted)
    most = high - (len(wanted) - 1) * apart
    starts = [min(max(at, low), most) for at, count in blocks for _ in range(count)]
    for rank, index in enumerate(order):
        placed[index] = starts[rank] + rank * apart
    return placed


def _round_moments(start: float, end: float, step: int, zone: tzinfo) -> list[float]:
    """Walk over the clocks of a zone: what a change skips is none, what it repeats comes twice."""
    first = datetime.fromtimestamp(start, zone).replace(tzinfo=None, fold=0)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if step < _DAY:
        into_day = timedelta(seconds=(first - midnight).total_seconds() // step * step)
        shown = midnight + into_day - _TURNED
    else:
        days = midnight.toordinal() // (step // _DAY) * (step // _DAY)
        shown = datetime.fromordinal(days)
    moments: set[float] = set()
    while shown <= first + timedelta(seconds=end - start) + _TURNED:
        for fold in (0, 1):
            at = shown.replace(tzinfo=zone, fold=fold).timestamp()
            # A midnight that does not exist is the first moment of its day.
            if start <= at <= end and (step >= _DAY or _shows(at, shown, zone)):
                moments.add(at)
            if step >= _DAY:
                break
        shown += timedelta(seconds=step)
    return sorted(moments)


def _lay_out_months(start: float, end: float, zone: tzinfo) -> tuple[Moment, ...]:
    most = (end - start) / _MONTH / MOST_MOMENTS
    step = next((each for each in _MONTHS if most <= each), _MONTHS[-1])
    first, last = (datetime.fromtimestamp(at, zone) for at in (start, end))
    months = range(first.year * 12 // step * step, last.year * 12 + last.month, step)
    begun = [datetime(each // 12, each % 12 + 1, 1, tzinfo=zone) for each in months]
    return tuple(
        Moment(at=each.timestamp(), label=f"{each:%Y-%m}") for each in begun if each >= first
    )


def _shows(at: float, shown: datetime, zone: tzinfo) -> bool:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).replace(tzinfo=None, fold=0) == shown


def _without_needless_dates(moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """Leave the only date out: the title has it."""
    if sum(bool(each.date) for each in moments) > 1:
        return tuple(moments)
    return tuple(Moment(at=each.at, label=each.label) for each in moments)


def _round_step(least: float, unit: Unit) -> float:
    if unit is Unit.BYTES and 1 <= least <= _BINARY[-1]:
        return next(each for each in _BINARY if each >= least)
    power = 10.0 ** math.floor(math.log10(least))
    return next(each * power for each in _QUARTERS if each * power >= least * (1 - _FLAT))


def _label(value: float, step: float) -> str:
    decimals = next(
        (
            each
            for each in range(_MOST_DECIMALS + 1)
            if abs(round(step, each) - step) < _FLAT * step
        ),
        None,
    )
    if decimals is None or abs(value) >= _LONG:
        return f"{value:.3g}"
    return write_decimals(value, decimals)
