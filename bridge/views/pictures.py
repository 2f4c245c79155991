"""What stands below a picture: the same in numbers, for whoever reads and does not look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.core.charts import ChartFacts, Curve, Look, Say, summarise_curve
from bridge.core.formatted import Formatted
from bridge.core.promql import Unit
from bridge.core.windows import Window
from bridge.limits import CAPTION_CHARACTERS
from bridge.views.markup import shorten
from bridge.views.standing import write_quantity
from bridge.views.units import render_number
from bridge.views.voice import Voice

_TOLD: Final = 5  # curves of which the numbers are told
_NAME: Final = 40  # characters of the name of a curve
_TITLE: Final = 200  # characters of a query that a picture shows


@dataclass(frozen=True, kw_only=True)
class ShownCurve:
    """One curve in numbers."""

    name: str
    """Empty where there is only one."""
    last: str
    least: str
    mean: str
    most: str


def write_caption(
    voice: Voice,
    facts: ChartFacts,
    window: Window,
    *,
    dashboard: str = "",
    trouble: str = "",
    warnings: Sequence[str] = (),
) -> Formatted:
    """Write what a picture shows; `trouble` says why it shows nothing, or is not there."""
    told = [each for curve in facts.curves if (each := _show(voice, curve, facts))]
    title, left_out = shorten(facts.title, _TITLE)
    threshold = facts.thresholds[0].value if facts.thresholds else None
    return voice.write(
        "picture",
        CAPTION_CHARACTERS,
        host=facts.host,
        title=f"{title}…" if left_out else title,
        period=voice.period(window.start, window.end),
        curves=told[:_TOLD],
        more=len(told) - len(told[:_TOLD]) + facts.left_out,
        threshold="" if threshold is None else _write(voice, threshold, facts.unit),
        trouble=trouble,
        warnings=list(warnings),
        dashboard=dashboard,
    )


def create_look(voice: Voice, language: str) -> Look:
    """Say how somebody wants their pictures, whose fonts can write that language."""
    say: Say = voice.say if language == voice.language else _say_as_written
    return Look(zone=getattr(voice.zone, "key", "UTC"), dark=voice.is_dark, say=say)


def write_silence(voice: Voice, window: Window, seen_at: datetime | None, *, name: str) -> str:
    """Say that nothing is kept of this time, and when there last was something."""
    if seen_at is None:
        return voice.say(
            "Prometheus has nothing of %(host)s in this time, nor in the last month.", host=name
        )
    if voice.now - seen_at < timedelta(minutes=5) and window.end < seen_at:
        return voice.say("Prometheus has nothing of %(host)s in this time; now it does.", host=name)
    return voice.say(
        "Prometheus has nothing of %(host)s in this time; the last is of %(time)s (%(age)s).",
        host=name,
        time=voice.time(seen_at),
        age=voice.ago(seen_at),
    )


def _say_as_written(message: str) -> str:
    """Say a message as the code has it, in the default language."""
    return message


def _show(voice: Voice, curve: Curve, facts: ChartFacts) -> ShownCurve | None:
    found = summarise_curve(curve)
    if found is None:
        return None
    name, left_out = shorten(curve.name, _NAME)
    return ShownCurve(
        name=f"{name}…" if left_out else name,
        last=_write(voice, found.last, facts.unit),
        least=_write(voice, found.least, facts.unit),
        mean=_write(voice, found.mean, facts.unit),
        most=_write(voice, found.most, facts.unit),
    )


def _write(voice: Voice, value: float, unit: Unit) -> str:
    if unit is Unit.NUMBER:
        return render_number(round(value, 2) if abs(value) >= 1 else value, voice.translator)
    return write_quantity(voice, value, unit)
