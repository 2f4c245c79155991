"""One host in full: everything that its exporter and our rules tell, as far as they tell it.

Whatever an exporter of its kind or age does not have is None or empty, and nobody hears of it.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.core.answers import Value
from bridge.core.presence import choose_hosts, mark, read_instant
from bridge.core.promql import ASKED
from bridge.core.series import leave_out_twins

INWARD: Final = (
    "lo|veth.*|docker.*|br-.*|virbr.*|cni.*|flannel.*|cali.*|tap.*|tun.*|wg.*|bond.*|team.*|ifb.*"
    "|dummy.*"
)
"""Network devices that the rules leave out as well: what they carry stays here, or counts twice."""
INWARD_WINDOWS: Final = "isatap.*|.*Loopback.*"
_INNER: Final = re.compile(INWARD)
_INNER_WINDOWS: Final = re.compile(INWARD_WINDOWS)
# Traffic of a bond is counted where it is bonded; its address is its own.
_HIDDEN: Final = re.compile("lo|veth.*|docker.*|br-.*|virbr.*|cni.*|flannel.*|cali.*|ifb.*|dummy.*")
_TRADEMARKS: Final = re.compile(r"\((?:R|TM|r|tm)\)|\bCPU\b")
_LONGEST: Final = timedelta(days=36500)

_SERIES: Final = (
    "host:cpu_busy_percent:rate2m",
    "host:cpu_iowait_percent:rate5m",
    "host:cpu_steal_percent:rate5m",
    "host:cpu_cores:count",
    "host:memory_used_percent",
    "host:swap_used_percent",
    "host:filesystem_used_percent",
    "host:filesystem_time_to_full:seconds6h",
    "host:load1_per_core",
    "host:uptime_seconds",
    "host:network_(receive|transmit)_bits:rate5m",
    "host:threshold:(cpu|memory|disk|load)",
    "node_load(1|5|15)",
    "node_memory_(MemTotal|MemAvailable|SwapTotal|SwapFree)_bytes",
    "node_filesystem_(size|free)_bytes",
    "node_network_(receive|transmit)_bytes_total",
    "node_network_address_info",
    "node_boot_time_seconds",
    "node_(uname|os)_info",
    "node_procs_(running|blocked)",
    "node_processes_(pids|threads)",
    "node_filefd_(allocated|maximum)",
    "windows_memory_(physical_total|available)_bytes",
    "windows_logical_disk_(size|free)_bytes",
    "windows_net_bytes_(received|sent)_total",
    "windows_system_boot_time_timestamp",
    "windows_system_processes",
    "windows_os_info",
)
# Of which there is one for each core: the highest is enough.
_FASTEST: Final = (
    "node_cpu_frequency_max_hertz",
    "node_cpu_scaling_frequency_max_hertz",
    "node_cpu_frequency_hertz",
    "node_cpu_scaling_frequency_hertz",
)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How much of something is used, of how much."""

    used: float
    total: float

    @property
    def percent(self) -> float:
        """The same in percent."""
        return 100 * self.used / self.total if self.total > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class FileSystem:
    """One file system, as `df` would say it."""

    mountpoint: str
    percent: float
    """Of what people may use: what is kept for root counts as neither used nor free."""
    usage: Usage | None = None
    full_in: timedelta | None = None
    """When it will be full if it goes on as in the last hours; None where it is not filling."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What goes in and out over the network."""

    received: float | None = None
    sent: float | None = None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What is known of a host."""

    busy: float | None = None
    """Percent of all cores; waiting for disks is not busy."""
    iowait: float | None = None
    steal: float | None = None
    cores: int | None = None
    model: str = ""
    hertz: float | None = None
    loads: tuple[float, ...] = ()
    """Of the last 1, 5 and 15 minutes."""
    load_per_core: float | None = None
    memory: Usage | None = None
    memory_percent: float | None = None
    swap: Usage | None = None
    file_systems: tuple[FileSystem, ...] = ()
    """The fullest first."""
    rates: Traffic = Traffic()
    """Bits a second."""
    totals: Traffic = Traffic()
    """Bytes since it was started."""
    booted_at: datetime | None = None
    uptime: timedelta | None = None
    system: str = ""
    kernel: str = ""
    architecture: str = ""
    addresses: tuple[str, ...] = ()
    processes: int | None = None
    running: int | None = None
    blocked: int | None = None
    handles: Usage | None = None
    thresholds: Mapping[str, float]
    """`cpu`, `memory`, `disk`, `load` → where alerts begin."""

    @property
    def is_known(self) -> bool:
        """Whether anything was measured."""
        return self.busy is not None or self.memory is not None or self.uptime is not None


def write_machine(host: str) -> str:
    """Ask everything about a host at once."""
    which = choose_hosts([host])
    named = choose_hosts([host], f'__name__=~"{"|".join(_SERIES)}"')
    models = f"count by (host, model_name) (node_cpu_info{which})"
    fastest = (mark(f"max by (host) ({each}{which})", each) for each in _FASTEST)
    return " or ".join([named, mark(models, "model"), *fastest])


def read_machine(values: Iterable[Value]) -> Machine:
    """Read the answer to `write_machine`."""
    found = _Found(values)
    return Machine(
        busy=found.one("host:cpu_busy_percent:rate2m"),
        iowait=found.one("host:cpu_iowait_percent:rate5m"),
        steal=found.one("host:cpu_steal_percent:rate5m"),
        cores=found.whole("host:cpu_cores:count"),
        model=_read_model(found.all("model")),
        hertz=next((hz for each in _FASTEST if (hz := found.one(each))), None),
        loads=_read_loads(found),
        load_per_core=found.one("host:load1_per_core"),
        memory=_read_memory(found),
        memory_percent=found.one("host:memory_used_percent"),
        swap=_read_swap(found),
        file_systems=_read_file_systems(found),
        rates=Traffic(
            received=found.one("host:network_receive_bits:rate5m"),
            sent=found.one("host:network_transmit_bits:rate5m"),
        ),
        totals=_read_totals(found),
        booted_at=read_instant(
            found.one("node_boot_time_seconds", "windows_system_boot_time_timestamp")
        ),
        uptime=_span(found.one("host:uptime_seconds")),
        **_read_system(found),
        addresses=_read_addresses(found),
        processes=found.whole("node_processes_pids", "windows_system_processes"),
        running=found.whole("node_procs_running"),
        blocked=found.whole("node_procs_blocked"),
        handles=_usage(found.one("node_filefd_allocated"), found.one("node_filefd_maximum")),
        thresholds={
            name: value
            for name in ("cpu", "memory", "disk", "load")
            if (value := found.one(f"host:threshold:{name}")) is not None
        },
    )


class _Found:
    """The values of an answer by their names."""

    def __init__(self, values: Iterable[Value]) -> None:
        self._named: dict[str, list[Value]] = defaultdict(list)
        for each in values:
            if math.isfinite(each.value):
                name = each.labels.get(ASKED) or each.labels.get("__name__", "")
                self._named[name].append(each)

    def all(self, *names: str) -> Sequence[Value]:
        """Give all of the first name that there is."""
        return next((self._named[name] for name in names if name in self._named), [])

    def one(self, *names: str) -> float | None:
        """Give the highest of the first name that there is."""
        return max((each.value for each in self.all(*names)), default=None)

    def whole(self, *names: str) -> int | None:
        """Give it as a count."""
        found = self.one(*names)
        return None if found is None else int(found)

    def label(self, name: str, *labels: str) -> str:
        """Give the first of some labels that the first of that name has."""
        series = next(iter(self.all(name)), None)
        return (
            next((series.labels[each] for each in labels if series.labels.get(each)), "")
            if (series)
            else ""
        )


def _read_model(models: Sequence[Value]) -> str:
    most = max(models, key=lambda each: each.value, default=None)
    named = most.labels.get("model_name", "") if most else ""
    return " ".join(_TRADEMARKS.sub(" ", named).split())


def _read_loads(found: _Found) -> tuple[float, ...]:
    loads = [found.one(f"node_load{minutes}") for minutes in (1, 5, 15)]
    return tuple(each for each in loads if each is not None)


def _read_memory(found: _Found) -> Usage | None:
    total = found.one("node_memory_MemTotal_bytes", "windows_memory_physical_total_bytes")
    free = found.one("node_memory_MemAvailable_bytes", "windows_memory_available_bytes")
    return None if total is None or free is None else _usage(total - free, total)


def _read_swap(found: _Found) -> Usage | None:
    total, free = (found.one(f"node_memory_Swap{each}_bytes") for each in ("Total", "Free"))
    return None if not total or free is None else _usage(total - free, total)


def _read_file_systems(found: _Found) -> tuple[FileSystem, ...]:
    """Join what is known of each file system; the same device elsewhere is left out."""
    sizes = _by_place(found.all("node_filesystem_size_bytes", "windows_logical_disk_size_bytes"))
    frees = _by_place(found.all("node_filesystem_free_bytes", "windows_logical_disk_free_bytes"))
    times = _by_place(found.all("host:filesystem_time_to_full:seconds6h"))
    systems = []
    for each in leave_out_twins(found.all("host:filesystem_used_percent")):
        place = _place(each)
        size, free = sizes.get(place), frees.get(place)
        systems.append(
            FileSystem(
                mountpoint=each.labels.get("mountpoint", ""),
                percent=each.value,
                usage=None if size is None or free is None else _usage(size - free, size),
                full_in=_span(times.get(place)),
            )
        )
    return tuple(sorted(systems, key=lambda each: (-each.percent, each.mountpoint)))


def _place(value: Value) -> tuple[str, str]:
    labels = value.labels
    return labels.get("device", ""), labels.get("mountpoint") or labels.get("volume", "")


def _by_place(values: Sequence[Value]) -> dict[tuple[str, str], float]:
    return {_place(each): each.value for each in values}


def _read_totals(found: _Found) -> Traffic:
    def total(linux: str, windows: str) -> float | None:
        outward: list[float] = [
            each.value
            for name, label, inner in ((linux, "device", _INNER), (windows, "nic", _INNER_WINDOWS))
            for each in found.all(name)
            if not inner.fullmatch(each.labels.get(label, ""))
        ]
        return sum(outward) if outward else None

    return Traffic(
        received=total("node_network_receive_bytes_total", "windows_net_bytes_received_total"),
        sent=total("node_network_transmit_bytes_total", "windows_net_bytes_sent_total"),
    )


def _read_system(found: _Found) -> dict[str, str]:
    label: Callable[..., str] = found.label
    kernel = f"{label('node_uname_info', 'sysname')} {label('node_uname_info', 'release')}"
    version = label("windows_os_info", "version")
    return {
        "system": label("node_os_info", "pretty_name", "name")
        or label("windows_os_info", "product"),
        "kernel": kernel.strip() or version,
        "architecture": label("node_uname_info", "machine"),
    }


def _read_addresses(found: _Found) -> tuple[str, ...]:
    """List the addresses that others may reach; version 4 first."""
    outward = [
        each.labels.get("address", "")
        for each in found.all("node_network_address_info")
        if each.labels.get("scope") == "global"
        and not _HIDDEN.fullmatch(each.labels.get("device", ""))
    ]
    return tuple(sorted(dict.fromkeys(filter(None, outward)), key=lambda each: ":" in each))


def _usage(used: float | None, total: float | None) -> Usage | None:
    return None if used is None or total is None or total <= 0 else Usage(used=used, total=total)


def _span(seconds: float | None) -> timedelta | None:
    if seconds is None or seconds < 0:
        return None
    return timedelta(seconds=min(seconds, _LONGEST.total_seconds()))
