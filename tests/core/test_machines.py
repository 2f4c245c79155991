"""One host in full, whatever its exporter tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.answers import Value
from bridge.core.machines import INWARD, INWARD_WINDOWS, Machine, Usage, read_machine, write_machine
from tests.fakes.machines import GIB, know_host, know_machine, know_numbers
from tests.fakes.prometheus import FakePrometheus, evaluate

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = Path(__file__).resolve().parents[2] / "prometheus" / "rules" / "hosts.yml"
NAMES = (
    "host:cpu_busy_percent:rate2m",
    "host:filesystem_used_percent",
    "host:uptime_seconds",
    "host:filesystem_time_to_full:seconds6h",
    "host:cpu_cores:count",
    "node_boot_time_seconds",
    "node_load1",
    "node_memory_MemTotal_bytes",
    "node_memory_MemAvailable_bytes",
    "node_filefd_allocated",
    "node_filefd_maximum",
    "node_filesystem_size_bytes",
    "node_network_receive_bytes_total",
    "node_cpu_scaling_frequency_hertz",
)


def know(**numbers: float) -> Machine:
    values = [
        Value(labels={"__name__": name, "host": "a"}, at=0, value=number)
        for name, number in numbers.items()
    ]
    return read_machine(values)


def test_nothing_known_is_nothing_shown() -> None:
    machine = read_machine([])
    assert not machine.is_known
    assert machine == Machine(thresholds={})


def test_everything_that_is_asked_is_read() -> None:
    prometheus = FakePrometheus()
    for name in ("Server", "Other"):
        know_host(prometheus, name, NOW)
        know_numbers(prometheus, name, NOW)
        know_machine(prometheus, name, NOW)
    machine = read_machine(evaluate(write_machine("Server"), prometheus.samples))
    fields = vars(machine)
    assert [name for name, value in fields.items() if value in (None, "", (), {})] == []
    assert machine.model == "Intel Xeon E5-2680 v4"
    assert machine.hertz == 2.4e9
    assert machine.memory == Usage(used=7.2 * GIB, total=8 * GIB)
    assert machine.addresses == ("10.107.26.176", "fd00::2")
    assert machine.totals.received == 5 * GIB, "neither the loopback nor containers count"


def test_devices_are_left_out_as_the_rules_leave_them_out() -> None:
    rules = RULES.read_text(encoding="utf-8")
    assert rules.count(f'device!~"{INWARD}"') == 2
    assert rules.count(f'nic!~"{INWARD_WINDOWS}"') == 2


def test_windows_is_read_as_well() -> None:
    values = [
        Value(labels={"__name__": name, "host": "w", **labels}, at=0, value=number)
        for name, number, labels in (
            ("windows_memory_physical_total_bytes", 100.0, {}),
            ("windows_memory_available_bytes", 25.0, {}),
            ("windows_os_info", 1.0, {"product": "Windows Server 2022", "version": "10.0"}),
            ("windows_logical_disk_size_bytes", 50.0, {"volume": "C:"}),
            ("windows_logical_disk_free_bytes", 10.0, {"volume": "C:"}),
            ("host:filesystem_used_percent", 80.0, {"mountpoint": "C:"}),
            ("windows_net_bytes_received_total", 7.0, {"nic": "Ethernet"}),
            ("windows_net_bytes_received_total", 9.0, {"nic": "Some Loopback 1"}),
            ("windows_system_processes", 99.0, {}),
            ("host:uptime_seconds", 60.0, {}),
        )
    ]
    machine = read_machine(values)
    assert machine.memory == Usage(used=75, total=100)
    assert machine.system == "Windows Server 2022"
    assert machine.kernel == "10.0"
    assert machine.file_systems[0].usage == Usage(used=40, total=50)
    assert machine.totals.received == 7
    assert machine.processes == 99
    assert machine.uptime == timedelta(minutes=1)


def test_a_device_mounted_twice_is_one_file_system() -> None:
    labels = {"__name__": "host:filesystem_used_percent", "host": "a", "device": "/dev/sda1"}
    values = [
        Value(labels={**labels, "mountpoint": place}, at=0, value=50)
        for place in ("/var/lib/mount", "/", "/srv")
    ]
    assert [each.mountpoint for each in read_machine(values).file_systems] == ["/"]


@pytest.mark.parametrize("total", [0.0, -1.0])
def test_a_host_without_swap_has_none(total: float) -> None:
    assert know(node_memory_SwapTotal_bytes=total, node_memory_SwapFree_bytes=0).swap is None


@given(
    values=st.lists(
        st.builds(
            Value,
            labels=st.fixed_dictionaries(
                {"__name__": st.sampled_from(NAMES), "host": st.just("a")},
                optional={"device": st.text(max_size=5), "mountpoint": st.text(max_size=5)},
            ),
            at=st.just(0.0),
            value=st.floats(),
        ),
        max_size=30,
    )
)
def test_whatever_numbers_come_the_card_can_be_made(values: list[Value]) -> None:
    machine = read_machine(values)
    assert machine.uptime is None or machine.uptime >= timedelta(0)
    for each in machine.file_systems:
        assert each.usage is None or each.usage.total > 0
