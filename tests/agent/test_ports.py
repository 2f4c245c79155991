"""What listens: protocol, address, port and process, ascending by number."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import AgentError
from agent.ports import (
    ANY,
    Holder,
    Listening,
    find_holders,
    list_listening,
    read_name,
    read_sockets,
)

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
LISTEN, ESTABLISHED, UNCONNECTED = "0A", "01", "07"
NONE4, NONE6 = "00000000:0000", f"{'0' * 32}:0000"
ANY4, LOCAL4 = "00000000", f"{int.from_bytes(bytes((127, 0, 0, 1)), 'little'):08X}"
ANY6, LOCAL6 = "0" * 32, "0" * 24 + "01000000"
MAPPED6 = "0000000000000000FFFF0000" + LOCAL4


def line(local: str, state: str, inode: int, remote: str = NONE4, user: int = 0) -> str:
    return (
        f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 {user:5d}        0 "
        f"{inode} 1 0000000000000000 100 0 0 10 0\n"
    )


class Proc:
    """A folder that looks as the kernel's does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "net").mkdir()
        self.write("tcp")

    def write(self, table: str, *lines: str) -> None:
        (self.folder / "net" / table).write_text(HEAD + "".join(lines))

    def add_process(self, pid: int, name: str, *inodes: int) -> None:
        opened = self.folder / str(pid) / "fd"
        opened.mkdir(parents=True)
        (self.folder / str(pid) / "comm").write_bytes(
            name.encode("utf-8", "surrogateescape") + b"\n"
        )
        mine = "\t".join([str(os.geteuid())] * 4)
        (self.folder / str(pid) / "status").write_text(f"Name:\tx\nUid:\t{mine}\nGid:\t1\n")
        (opened / "0").symlink_to("/dev/null")
        (opened / "1").symlink_to("pipe:[7]")
        for number, inode in enumerate(inodes, start=3):
            (opened / str(number)).symlink_to(f"socket:[{inode}]")

    def list(self) -> list[Listening]:
        return list_listening(self.folder)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_ports_ascend_by_number_with_protocol_address_and_process(proc: Proc) -> None:
    proc.write(
        "tcp",
        line(f"{ANY4}:1F90", LISTEN, 11),
        line(f"{ANY4}:0016", LISTEN, 12),
        line(f"{LOCAL4}:0050", LISTEN, 13),
    )
    proc.write("udp", line(f"{LOCAL4}:0035", UNCONNECTED, 14))
    proc.add_process(100, "sshd", 12)
    proc.add_process(200, "nginx", 13, 11)
    proc.add_process(300, "named", 14)
    assert [
        (each.port, each.protocol, each.addresses, [who.name for who in each.holders])
        for each in proc.list()
    ] == [
        (22, "tcp", (ANY,), ["sshd"]),
        (53, "udp", ("127.0.0.1",), ["named"]),
        (80, "tcp", ("127.0.0.1",), ["nginx"]),
        (8080, "tcp", (ANY,), ["nginx"]),
    ]
    assert proc.list()[0].user == "root"


def test_both_versions_of_ip_are_one_port(proc: Proc) -> None:
    proc.write("tcp", line(f"{ANY4}:0050", LISTEN, 11), line(f"{LOCAL4}:01BB", LISTEN, 12))
    proc.write(
        "tcp6",
        line(f"{ANY6}:0050", LISTEN, 13, NONE6),
        line(f"{LOCAL6}:01BB", LISTEN, 14, NONE6),
        line(f"{MAPPED6}:1F90", LISTEN, 15, NONE6),
    )
    proc.add_process(100, "nginx", 11, 12, 13, 14, 15)
    assert [(each.port, each.addresses, len(each.holders)) for each in proc.list()] == [
        (80, (ANY,), 1),
        (443, ("127.0.0.1", "::1"), 1),
        (8080, ("127.0.0.1",), 1),
    ]


def test_the_same_number_of_both_protocols_is_two_lines(proc: Proc) -> None:
    proc.write("tcp", line(f"{LOCAL4}:0035", LISTEN, 11))
    proc.write(
        "udp", line(f"{LOCAL4}:0035", UNCONNECTED, 12), line(f"{ANY4}:0035", UNCONNECTED, 13)
    )
    assert [(each.port, each.protocol, each.addresses) for each in proc.list()] == [
        (53, "tcp", ("127.0.0.1",)),
        (53, "udp", (ANY, "127.0.0.1")),
    ]


def test_what_is_only_connected_does_not_listen(proc: Proc) -> None:
    peer = f"{LOCAL4}:D431"
    proc.write(
        "tcp",
        line(f"{LOCAL4}:0050", ESTABLISHED, 11, peer),
        line(f"{LOCAL4}:0A00", "06", 0, peer),
        line(f"{LOCAL4}:0A0A", "0A0A", 5),
    )
    proc.write(
        "udp", line(f"{LOCAL4}:0035", ESTABLISHED, 12, peer), line(f"{ANY4}:0000", UNCONNECTED, 13)
    )
    assert proc.list() == []


def test_tables_that_are_missing_or_cut_off_are_no_fault(proc: Proc) -> None:
    (proc.folder / "net" / "tcp").write_text(
        HEAD + line(f"{ANY4}:0050", LISTEN, 11) + "   1: 0000 0A \n\n"
    )
    assert [each.port for each in proc.list()] == [80]


class Known:
    """Knows some sockets, and was asked for some."""

    def __init__(self, known: Mapping[int, Holder] | AgentError) -> None:
        self.known = known
        self.asked: list[frozenset[int]] = []

    def name_sockets(self, inodes: frozenset[int]) -> Mapping[int, Holder]:
        self.asked.append(inodes)
        if isinstance(self.known, AgentError):
            raise self.known
        return self.known


def test_only_what_cannot_be_seen_is_asked_for(proc: Proc) -> None:
    proc.write("tcp", line(f"{ANY4}:0050", LISTEN, 11), line(f"{ANY4}:0051", LISTEN, 12, user=33))
    proc.add_process(100, "mine", 11)
    known = Known({12: Holder(pid=7, name="theirs")})
    ports = list_listening(proc.folder, known)
    assert known.asked == [frozenset({12})]
    assert [each.holders[0].name for each in ports] == ["mine", "theirs"]
    assert [each.unknown for each in ports] == ["", ""]


def test_an_unknown_process_is_said_to_be_unknown_and_why(proc: Proc) -> None:
    proc.write("tcp", line(f"{ANY4}:0050", LISTEN, 11, user=0))
    missing = Known(AgentError("the root helper is not installed"))
    (found,) = list_listening(proc.folder, missing)
    assert found.holders == ()
    assert found.unknown == "process unknown: the root helper is not installed"
    assert found.to_facts() == {
        "port": 80,
        "protocol": "tcp",
        "addresses": ["*"],
        "processes": [],
        "user": "root",
        "unknown": "process unknown: the root helper is not installed",
    }
    (found,) = list_listening(proc.folder, Known({}))
    assert found.unknown == "process unknown"


def test_nobody_is_asked_where_everything_is_seen(proc: Proc) -> None:
    proc.write("tcp", line(f"{ANY4}:0050", LISTEN, 11))
    proc.add_process(100, "mine", 11)
    known = Known({})
    list_listening(proc.folder, known)
    assert known.asked == []


def test_a_processes_name_cannot_hide_anything(proc: Proc) -> None:
    for pid, name in ((1, "a\nb"), (2, "\u202eevil"), (3, "\udcff"), (4, "")):
        proc.add_process(pid, name)
        assert read_name(pid, proc.folder).isprintable()
    assert read_name(1, proc.folder) == "a?b"
    assert read_name(4, proc.folder) == "?"
    assert read_name(99, proc.folder) == "?"


def test_every_process_that_shares_a_socket_is_found(proc: Proc) -> None:
    proc.add_process(9, "worker", 11)
    proc.add_process(10, "master", 12, 11)
    proc.add_process(11, "client", 13)
    assert [each.pid for each in find_holders(frozenset({11}), proc.folder)] == [9, 10]


def many_lines(count: int) -> Iterator[str]:
    for number in range(count):
        local = f"{LOCAL4}:{1 + number % 60_000:04X}"
        state = LISTEN if number % 4 == 0 else ESTABLISHED
        yield line(local, state, 1_000_000 + number, NONE4 if state == LISTEN else f"{LOCAL4}:D431")


def test_twenty_thousand_sockets_are_read_in_no_time(proc: Proc) -> None:
    proc.write("tcp", *many_lines(20_000))
    proc.add_process(100, "busy", *(1_000_000 + number for number in range(20_000)))
    begun = time.process_time()
    ports = proc.list()
    spent = time.process_time() - begun
    assert len(ports) == 5000
    assert all(each.holders == (Holder(pid=100, name="busy"),) for each in ports)
    # 0.2 s is what a benchmark holds it to; here only an order of growth would show.
    assert spent < 1.0


def test_one_port_is_found_among_many(proc: Proc) -> None:
    proc.write("tcp", *many_lines(20_000))
    proc.write("udp", line(f"{LOCAL4}:0005", UNCONNECTED, 1))
    assert [(each.port, each.protocol) for each in read_sockets(proc.folder, port=5)] == [
        (5, "tcp")
    ]


@given(
    st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16), st.integers(1, 65535)
)
def test_every_address_is_written_as_the_system_writes_it(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, port: int
) -> None:
    proc = Proc(tmp_path_factory.mktemp("proc"))
    words = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]
    local = "".join(f"{word:08X}" for word in words) + f":{port:04X}"
    is_four = len(raw) == 4
    remote = NONE4 if is_four else NONE6
    proc.write("tcp" if is_four else "tcp6", line(local, LISTEN, 1, remote))
    (found,) = proc.list()
    assert found.port == port
    (address,) = found.addresses
    family = socket.AF_INET if "." in address and ":" not in address else socket.AF_INET6
    if address == ANY:
        assert not any(raw)
    elif family == socket.AF_INET and not is_four:
        assert raw[:12] == b"\0" * 10 + b"\xff\xff"
    else:
        assert socket.inet_pton(family, address) == raw


def test_real_listeners_of_this_process_are_found() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as one,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as two,
    ):
        two.bind(("127.0.0.1", 0))
        ports = {(each.port, each.protocol): each for each in list_listening()}
        for each, protocol in ((one, "tcp"), (two, "udp")):
            found = ports[(each.getsockname()[1], protocol)]
            assert os.getpid() in {who.pid for who in found.holders}
            assert found.addresses == ("127.0.0.1",)


def test_what_is_connected_is_not_read_beyond_what_listens(proc: Proc) -> None:
    """The kernel lists what listens first; a busy host has little to read then."""
    connected = [line(f"{LOCAL4}:0050", ESTABLISHED, 9, f"{LOCAL4}:D431")] * 20_000
    proc.write(
        "tcp", line(f"{ANY4}:0050", LISTEN, 11), *connected, line(f"{ANY4}:0051", LISTEN, 12)
    )
    assert [each.port for each in proc.list()] == [80]
    proc.write("tcp", *[line(f"{ANY4}:{port:04X}", LISTEN, port) for port in range(1, 5000)])
    assert len(proc.list()) == 4999


def test_a_socket_is_found_however_many_others_a_process_opened_before(proc: Proc) -> None:
    proc.write("tcp", line(f"{ANY4}:0050", LISTEN, 11), line(f"{ANY4}:0051", LISTEN, 12))
    proc.add_process(100, "busy", *range(1000, 3000), 11)
    proc.add_process(101, "calm", 12)
    assert [each.holders[0].name for each in proc.list()] == ["busy", "calm"]
