"""One host: its whole card, and the single lines about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge import limits
from bridge.core.formatted import Formatted
from bridge.core.machines import FileSystem, Machine, Traffic, Usage
from bridge.core.presence import Presence, State
from bridge.core.readings import Condition
from bridge.core.told import Inside
from bridge.views.hosts import MARKS
from bridge.views.jobs import write_uses
from bridge.views.standing import BAD
from bridge.views.units import (
    render_bits,
    render_bytes,
    render_decimal,
    render_hertz,
    render_percent,
    render_share,
    render_uptime,
)
from bridge.views.voice import Voice

_NO_MOST: Final = 2.0**62
"""From here on a kernel's most is none: it writes the largest number that it has."""
_ADDRESSES: Final = 4  # that a card names


@dataclass(frozen=True, kw_only=True)
class ShownFileSystem:
    """One file system, ready to be read."""

    mark: str
    name: str
    percent: str
    usage: str
    """`12.00 GiB of 50.00 GiB`; may be empty."""
    full_in: str
    """How long until it is full; empty where that is far."""


@dataclass(frozen=True, kw_only=True)
class ShownMachine:
    """A host, ready to be read; whatever is not known is empty."""

    uptime: str
    booted: str
    cpu: str
    cpu_mark: str
    iowait: str
    steal: str
    processor: str
    """Cores, model and speed, as `2 cores · Xeon · 2.40 GHz`."""
    loads: str
    load_per_core: str
    load_mark: str
    memory: str
    memory_percent: str
    memory_mark: str
    swap: str
    file_systems: tuple[ShownFileSystem, ...]
    more_file_systems: int
    received: str
    sent: str
    received_total: str
    sent_total: str
    system: str
    kernel: str
    addresses: str
    processes: str
    handles: str


def write_machine_card(
    voice: Voice,
    *,
    presence: Presence,
    machine: Machine,
    trouble: str,
    condition: Condition,
    warnings: Sequence[str] = (),
    inside: Inside | None = None,
) -> Formatted:
    """Write everything about a host; `trouble` says why it may not be believed."""
    is_known = condition in {Condition.FRESH, Condition.OLD}
    return voice.write(
        "machine",
        name=presence.host.name,
        address=presence.host.node_address,
        mark=MARKS[presence.state],
        since=voice.time(presence.since) if presence.since and presence.state is State.UP else "",
        share=render_share(presence.share, voice.translator) if presence.share is not None else "",
        observed=voice.span(presence.observed) if presence.observed is not None else "",
        agent=presence.agent.value if presence.agent else "none",
        ceiling=presence.ceiling,
        trouble=trouble,
        shown=show_machine(voice, machine) if is_known else None,
        sampled=voice.time(presence.sampled_at) if presence.sampled_at and is_known else "",
        warnings=list(warnings),
        busiest=write_uses(voice, inside.uses) if inside else [],
        sessions=_count_sessions(inside) if inside else None,
        logged_in=len(inside.sessions) if inside else 0,
        dashboard=voice.dashboards.find_host(presence.host.name),
    )


def _count_sessions(inside: Inside) -> list[str]:
    """Name who is logged in and where from, as many as fit."""
    shown = inside.sessions[: limits.CARD_SESSIONS]
    return [f"{each.user} ({each.host})" if each.host else each.user for each in shown]


def show_machine(voice: Voice, machine: Machine) -> ShownMachine:
    """Put what is known of a host into words."""
    shown = machine.file_systems[: limits.FILE_SYSTEMS]
    translator = voice.translator
    return ShownMachine(
        uptime=render_uptime(machine.uptime, translator) if machine.uptime is not None else "",
        booted=voice.time(machine.booted_at) if machine.booted_at else "",
        cpu=_percent(voice, machine.busy),
        cpu_mark=_mark(machine.busy, machine.thresholds, "cpu"),
        iowait=_percent(voice, machine.iowait),
        steal=_percent(voice, machine.steal),
        processor=_write_cores(voice, machine),
        loads=" ".join(render_decimal(each, translator) for each in machine.loads),
        load_per_core=""
        if machine.load_per_core is None
        else render_decimal(machine.load_per_core, translator),
        load_mark=_mark(machine.load_per_core, machine.thresholds, "load"),
        memory=write_usage(voice, machine.memory),
        memory_percent=_percent(voice, machine.memory_percent),
        memory_mark=_mark(machine.memory_percent, machine.thresholds, "memory"),
        swap=_write_swap(voice, machine.swap),
        file_systems=tuple(show_file_system(voice, each, machine.thresholds) for each in shown),
        more_file_systems=len(machine.file_systems) - len(shown),
        **_write_traffic(voice, machine.rates, machine.totals),
        system=machine.system,
        kernel=" ".join(filter(None, (machine.kernel, machine.architecture))),
        addresses=_write_addresses(machine.addresses),
        processes=_write_processes(voice, machine),
        handles=_write_handles(voice, machine.handles),
    )


def show_file_system(
    voice: Voice, system: FileSystem, thresholds: Mapping[str, float]
) -> ShownFileSystem:
    """Put one file system into words."""
    is_near = system.full_in is not None and system.full_in <= limits.FILLING
    return ShownFileSystem(
        mark=_mark(system.percent, thresholds, "disk"),
        name=system.mountpoint,
        percent=_percent(voice, system.percent),
        usage=write_usage(voice, system.usage),
        full_in=voice.span(system.full_in) if is_near and system.full_in is not None else "",
    )


def write_usage(voice: Voice, usage: Usage | None) -> str:
    """Say how much of how much is used."""
    if usage is None:
        return ""
    used, total = (render_bytes(each, voice.translator) for each in (usage.used, usage.total))
    return voice.say("%(used)s of %(total)s", used=used, total=total)


def _write_cores(voice: Voice, machine: Machine) -> str:
    cores = machine.cores
    parts = (
        voice.say_count("%(count)s core", "%(count)s cores", cores) if cores else "",
        machine.model,
        render_hertz(machine.hertz, voice.translator) if machine.hertz else "",
    )
    return " · ".join(filter(None, parts))


def _write_swap(voice: Voice, swap: Usage | None) -> str:
    if swap is None:
        return ""
    return f"{write_usage(voice, swap)} ({render_percent(swap.percent, voice.translator)})"


def _write_traffic(voice: Voice, rates: Traffic, totals: Traffic) -> dict[str, str]:
    translator = voice.translator
    return {
        "received": "" if rates.received is None else render_bits(rates.received, translator),
        "sent": "" if rates.sent is None else render_bits(rates.sent, translator),
        "received_total": ""
        if totals.received is None
        else render_bytes(totals.received, translator),
        "sent_total": "" if totals.sent is None else render_bytes(totals.sent, translator),
    }


def _write_addresses(addresses: Sequence[str]) -> str:
    more = ["…"] if len(addresses) > _ADDRESSES else []
    return ", ".join([*addresses[:_ADDRESSES], *more])


def _write_processes(voice: Voice, machine: Machine) -> str:
    parts = []
    if machine.processes is not None:
        parts.append(voice.say_count("%(count)s process", "%(count)s processes", machine.processes))
    if machine.running is not None:
        parts.append(voice.say_count("%(count)s running", "%(count)s running", machine.running))
    if machine.blocked:
        parts.append(voice.say_count("%(count)s waiting", "%(count)s waiting", machine.blocked))
    return voice.say(", ").join(parts)


def _write_handles(voice: Voice, handles: Usage | None) -> str:
    if handles is None:
        return ""
    if handles.total >= _NO_MOST:
        return voice.number(int(handles.used))
    used, total = (voice.number(int(each)) for each in (handles.used, handles.total))
    return voice.say("%(used)s of %(total)s", used=used, total=total)


def _percent(voice: Voice, value: float | None) -> str:
    return "" if value is None else render_percent(value, voice.translator)


def _mark(value: float | None, thresholds: Mapping[str, float], name: str) -> str:
    threshold = thresholds.get(name)
    return BAD if value is not None and threshold is not None and value > threshold else ""
