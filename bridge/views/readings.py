"""One metric of one host, and the single lines about a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge import limits
from bridge.core.formatted import Formatted
from bridge.core.machines import Machine
from bridge.core.presence import Presence
from bridge.core.promql import Metric
from bridge.core.readings import Condition, Number, Reading
from bridge.views.machine import show_machine
from bridge.views.standing import BAD, write_quantity
from bridge.views.voice import Voice


@dataclass(frozen=True, kw_only=True)
class ShownNumber:
    """One number, ready to be read."""

    mark: str
    name: str
    """What it is of; empty where the metric has only one."""
    value: str
    free: str
    """How much room is left, where it is of a file system."""


def write_reading(
    voice: Voice,
    reading: Reading,
    *,
    free: Reading | None = None,
    trouble: str = "",
    warnings: Sequence[str] = (),
) -> Formatted:
    """Write what a metric is now; `trouble` says why it may not be believed."""
    is_shown = reading.condition in {Condition.FRESH, Condition.OLD}
    numbers = _in_order(reading) if is_shown else []
    shown = numbers[: limits.FILE_SYSTEMS]
    threshold = reading.threshold
    return voice.write(
        "reading",
        host=reading.host,
        title=voice.say(reading.metric.title),
        numbers=[_show(voice, reading, each, free) for each in shown],
        more=len(numbers) - len(shown),
        threshold=""
        if threshold is None
        else write_quantity(voice, threshold, reading.metric.unit),
        clock=voice.time(reading.at) if reading.at and is_shown else "",
        trouble=trouble,
        warnings=list(warnings),
        dashboard=voice.dashboards.find_host(reading.host, reading.metric.key),
    )


def write_line(
    voice: Voice,
    kind: str,
    *,
    presence: Presence,
    machine: Machine,
    trouble: str,
    warnings: Sequence[str] = (),
) -> Formatted:
    """Write one line about a host: its `cpu`, `ram`, `disk` or `uptime`."""
    return voice.write(
        "line",
        limits.CAPTION_CHARACTERS,  # it may stand below a picture
        kind=kind,
        host=presence.host.name,
        shown=show_machine(voice, machine),
        more=max(len(machine.file_systems) - 1, 0),
        clock=voice.time(presence.sampled_at) if presence.sampled_at else "",
        trouble=trouble,
        warnings=list(warnings),
    )


def write_nothing(
    host: str, title: str, trouble: str, voice: Voice, warnings: Sequence[str] = ()
) -> Formatted:
    """Say why there is nothing to tell; with `warnings` there may be something all the same."""
    return voice.write(
        "reading",
        host=host,
        title=title,
        numbers=[],
        more=0,
        threshold="",
        clock="",
        trouble=trouble,
        warnings=list(warnings),
        dashboard=voice.dashboards.find_host(host),
    )


def has_line(kind: str, machine: Machine) -> bool:
    """Say whether a host has the number that a line is about."""
    known = {
        "cpu": machine.busy is not None,
        "ram": machine.memory is not None,
        "disk": bool(machine.file_systems),
        "uptime": machine.uptime is not None,
    }
    return known[kind]


def _in_order(reading: Reading) -> list[Number]:
    """Put the fullest file system first; what goes in and out stays in this order."""
    labelled = any(line.label for line in reading.metric.lines)
    if not labelled:
        return list(reading.numbers)
    return sorted(reading.numbers, key=lambda each: -each.value)


def _show(voice: Voice, reading: Reading, number: Number, free: Reading | None) -> ShownNumber:
    threshold = reading.threshold
    is_bad = threshold is not None and number.value > threshold
    room = _find_room(number, free)
    return ShownNumber(
        mark=BAD if is_bad else "",
        name=_name(voice, reading.metric, number),
        value=write_quantity(voice, number.value, reading.metric.unit),
        free=voice.say("%(room)s free", room=write_quantity(voice, room.value, free.metric.unit))
        if room and free
        else "",
    )


def _find_room(number: Number, free: Reading | None) -> Number | None:
    if free is None:
        return None
    place = number.labels.get("mountpoint")
    device = number.labels.get("device")
    return next(
        (
            each
            for each in free.numbers
            if (each.labels.get("mountpoint"), each.labels.get("device")) == (place, device)
        ),
        None,
    )


def _name(voice: Voice, metric: Metric, number: Number) -> str:
    line = next(each for each in metric.lines if each.key == number.line)
    if line.label:
        return number.labels.get(line.label, "")
    return voice.say(line.title) if line.title else ""
