"""How near something is to where alerts begin, and what is said where nothing is measured."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bridge.core.promql import Unit
from bridge.core.readings import Condition
from bridge.views.units import render_bits, render_bytes, render_decimal, render_percent
from bridge.views.voice import Voice

WELL: Final = "🟢"
BAD: Final = "🔴"


def write_quantity(voice: Voice, value: float, unit: Unit) -> str:
    """Write a number with its unit."""
    translator = voice.translator
    if unit is Unit.PERCENT:
        return render_percent(value, translator)
    if unit is Unit.BITS:
        return render_bits(value, translator)
    if unit is Unit.BYTES:
        return render_bytes(value, translator)
    return render_decimal(value, translator)


def write_condition(
    voice: Voice,
    condition: Condition,
    *,
    host: str,
    at: datetime | None,
    since: datetime | None,
    seen_at: datetime | None,
    title: str = "",
) -> str:
    """Say why a number may not be believed, or is not there; nothing where all is well."""
    if condition is Condition.FRESH:
        return ""
    if condition is Condition.OLD:
        if at is None:
            return voice.say("This is old; Prometheus has nothing younger.")
        return voice.say(
            "This is %(age)s old; Prometheus has nothing younger.", age=voice.span(voice.now - at)
        )
    if condition is Condition.DOWN:
        return _write_down(voice, host, since, seen_at)
    what = title or voice.say("what it does")
    if seen_at is None:
        return voice.say(
            "Prometheus has no data about %(host)s, %(what)s, and had none for a month.",
            host=host,
            what=what,
        )
    return voice.say(
        "Prometheus has no data about %(host)s, %(what)s; the last is of %(time)s (%(age)s).",
        host=host,
        what=what,
        time=voice.time(seen_at),
        age=voice.ago(seen_at),
    )


def _write_down(voice: Voice, host: str, since: datetime | None, seen_at: datetime | None) -> str:
    if since is not None:
        return voice.say(
            "%(host)s is down since %(time)s (%(age)s).",
            host=host,
            time=voice.time(since),
            age=voice.span(voice.now - since),
        )
    if seen_at is not None:
        return voice.say(
            "%(host)s is down; it last answered %(time)s (%(age)s).",
            host=host,
            time=voice.time(seen_at),
            age=voice.ago(seen_at),
        )
    return voice.say("%(host)s is down; it has not answered for a month.", host=host)
