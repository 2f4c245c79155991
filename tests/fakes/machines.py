"""Hosts as a Prometheus would know them."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.fakes.prometheus import FakePrometheus

GIB = 1024**3


def know_host(
    prometheus: FakePrometheus,
    name: str,
    now: datetime,
    *,
    is_up: bool = True,
    since: timedelta = timedelta(hours=3),
    share: float | None = 1.0,
    hours: float = 721,
) -> None:
    """Let it know whether a host answers, and since when."""
    prometheus.know("up", float(is_up), now - timedelta(seconds=5), host=name, job="node")
    prometheus.know("host:up:since", (now - since).timestamp(), now, host=name)
    prometheus.know(
        "host:up:first_seen", (now - timedelta(hours=hours)).timestamp(), now, host=name
    )
    if share is not None:
        prometheus.know("host:up:avg30d", share, now, host=name)
        prometheus.know("host:up:hours30d", hours, now, host=name)


def know_agent(
    prometheus: FakePrometheus,
    name: str,
    now: datetime,
    *,
    is_up: bool = True,
    ceiling: str = "actions",
) -> None:
    """Let it know whether a host's agent answers, and what the host allows."""
    prometheus.know("up", float(is_up), now - timedelta(seconds=5), host=name, job="agent")
    for level in ("monitor", "actions", "shell") if is_up else ():
        labels = {"host": name, "job": "agent", "level": level}
        prometheus.know("opswire_agent_ceiling", float(level == ceiling), now, **labels)


def know_numbers(
    prometheus: FakePrometheus,
    name: str,
    at: datetime,
    *,
    cpu: float = 30.0,
    memory: float = 90.0,
    load: float = 0.25,
    disks: dict[str, float] | None = None,
) -> None:
    """Let it know what a host does, and the shipped thresholds."""
    numbers = {
        "host:cpu_busy_percent:rate2m": cpu,
        "host:memory_used_percent": memory,
        "host:load1_per_core": load,
        "host:network_receive_bits:rate5m": 12_500_000.0,
        "host:network_transmit_bits:rate5m": 3_000.0,
        "host:threshold:cpu": 80.0,
        "host:threshold:memory": 85.0,
        "host:threshold:disk": 90.0,
        "host:threshold:load": 0.8,
    }
    for series, value in numbers.items():
        prometheus.know(series, value, at, host=name)
    for place, percent in (disks or {"/": 95.0}).items():
        labels = {"host": name, "mountpoint": place, "device": f"/dev/{place}", "fstype": "ext4"}
        prometheus.know("host:filesystem_used_percent", percent, at, **labels)
        prometheus.know("host:filesystem_avail_bytes", (100 - percent) * GIB, at, **labels)


def know_machine(prometheus: FakePrometheus, name: str, now: datetime) -> None:
    """Let it know the rest of a host's card."""
    numbers = {
        "host:cpu_iowait_percent:rate5m": 0.5,
        "host:cpu_steal_percent:rate5m": 0.0,
        "host:cpu_cores:count": 2.0,
        "host:swap_used_percent": 25.0,
        "host:uptime_seconds": 3 * 86400 + 4 * 3600 + 5 * 60 + 6.0,
        "node_load1": 0.5,
        "node_load5": 0.4,
        "node_load15": 0.3,
        "node_memory_MemTotal_bytes": 8.0 * GIB,
        "node_memory_MemAvailable_bytes": 0.8 * GIB,
        "node_memory_SwapTotal_bytes": 2.0 * GIB,
        "node_memory_SwapFree_bytes": 1.5 * GIB,
        "node_boot_time_seconds": (now - timedelta(days=3, hours=4, minutes=5)).timestamp(),
        "node_procs_running": 3.0,
        "node_procs_blocked": 0.0,
        "node_processes_pids": 87.0,
        "node_filefd_allocated": 615.0,
        "node_filefd_maximum": 2_470_938.0,
    }
    for series, value in numbers.items():
        prometheus.know(series, value, now, host=name)
    root = {"host": name, "mountpoint": "/", "device": "/dev//", "fstype": "ext4"}
    prometheus.know("node_filesystem_size_bytes", 100.0 * GIB, now, **root)
    prometheus.know("node_filesystem_free_bytes", 10.0 * GIB, now, **root)
    prometheus.know("host:filesystem_time_to_full:seconds6h", 7200.0, now, **root)
    for device, received in (("eth0", 5.0 * GIB), ("lo", 900.0 * GIB), ("docker0", 7.0 * GIB)):
        labels = {"host": name, "device": device}
        prometheus.know("node_network_receive_bytes_total", received, now, **labels)
        prometheus.know("node_network_transmit_bytes_total", received / 2, now, **labels)
    _know_hardware(prometheus, name, now)


def _know_hardware(prometheus: FakePrometheus, name: str, now: datetime) -> None:
    """Let it know what a host is made of, and where it is."""
    for core in ("0", "1"):
        model = "Intel(R) Xeon(R) CPU E5-2680 v4"
        prometheus.know("node_cpu_info", 1.0, now, host=name, cpu=core, model_name=model)
        labels = {"host": name, "cpu": core}
        prometheus.know("node_cpu_scaling_frequency_max_hertz", 2.4e9, now, **labels)
    prometheus.know(
        "node_uname_info",
        1.0,
        now,
        host=name,
        sysname="Linux",
        release="6.1.0-18-amd64",
        machine="x86_64",
    )
    prometheus.know(
        "node_os_info", 1.0, now, host=name, pretty_name="Debian GNU/Linux 12 (bookworm)"
    )
    for address, scope, device in (
        ("fd00::2", "global", "eth0"),
        ("10.107.26.176", "global", "eth0"),
        ("127.0.0.1", "link-local", "lo"),
        ("172.17.0.1", "global", "docker0"),
    ):
        prometheus.know(
            "node_network_address_info",
            1.0,
            now,
            host=name,
            address=address,
            scope=scope,
            device=device,
        )
