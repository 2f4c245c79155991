"""What listens on this host, as the kernel tells it.

The tables of sockets are read first, whole and once; whose a socket is, is looked up only for
those that listen, because that means reading what every process has open.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from agent.errors import AgentError
from agent.limits import COMMAND_NAME_BYTES, FIRST_DESCRIPTORS, TABLE_PIECE_BYTES

PROC: Final = Path("/proc")
ANY: Final = "*"
"""The address of what listens on all of them."""
_TABLES: Final = (("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp"))
_LISTENS: Final = {"tcp": b"0A", "udp": b"07"}
"""TCP_LISTEN; and TCP_CLOSE, which is a datagram socket without a peer (linux/tcp_states.h)."""
_WHOLE: Final = slice(None)
_FIELDS: Final = 10
"""Up to the inode; what follows differs."""
_IPV4_DIGITS: Final = 8
_MAPPED: Final = b"\0" * 10 + b"\xff" * 2
"""What stands before an IPv4 address within one of IPv6 (RFC 4291, 2.5.5.2)."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A process that has a socket open."""

    pid: int
    name: str


class Namer(Protocol):
    """Names the processes that the agent's own user cannot see."""

    def name_sockets(self, inodes: frozenset[int]) -> Mapping[int, Holder]:
        """Say who holds each socket.

        Raises:
            AgentError: it cannot; the sentence says why.
        """


@dataclass(frozen=True, kw_only=True)
class Socket:
    """One socket of the kernel's tables that listens."""

    protocol: str
    address: str
    port: int
    user: int
    inode: int


@dataclass(frozen=True, kw_only=True)
class Listening:
    """A port on which something listens, of whatever version of IP."""

    port: int
    protocol: str
    """`tcp` or `udp`."""
    addresses: tuple[str, ...]
    """`*` for all of them."""
    holders: tuple[Holder, ...]
    user: str
    """Whose the sockets are; known even where the process is not."""
    unknown: str = ""
    """Why no process is known."""

    def to_facts(self) -> dict[str, Any]:
        """Write it for the bridge."""
        return {
            "port": self.port,
            "protocol": self.protocol,
            "addresses": list(self.addresses),
            "processes": [{"pid": each.pid, "name": each.name} for each in self.holders],
            "user": self.user,
            "unknown": self.unknown,
        }


def list_listening(proc: Path = PROC, namer: Namer | None = None) -> list[Listening]:
    """List the ports on which something listens, ascending by number.

    Args:
        proc: Where the kernel's tables are.
        namer: Who names what this user cannot see.
    """
    sockets = list(read_sockets(proc))
    inodes = frozenset(each.inode for each in sockets if each.inode)
    holders = find_first_holders(inodes, proc)
    unknown = ""
    if namer is not None and (missing := inodes - holders.keys()):
        try:
            holders.update(namer.name_sockets(missing))
        except AgentError as fault:
            unknown = f"process unknown: {fault}"
    return _merge(sockets, holders, unknown or "process unknown")


def read_sockets(proc: Path = PROC, *, port: int | None = None) -> Iterator[Socket]:
    """Read the sockets that listen, of one TCP port only if it is given."""
    end = b"" if port is None else b":%04X" % port
    for table, protocol in _TABLES if port is None else _TABLES[:2]:
        for line in _read_table(proc / "net" / table, protocol):
            found = _read_line(line, protocol) if end in line else None
            if found is not None and port in {None, found.port}:
                yield found


def _read_table(path: Path, protocol: str) -> Iterator[bytes]:
    """Read the lines of a table that may tell of what listens."""
    state = b" " + _LISTENS[protocol] + b" "
    try:
        opened = path.open("rb", buffering=TABLE_PIECE_BYTES)
    except FileNotFoundError:  # a kernel without IPv6 has no such table
        return
    with opened as table:
        while lines := table.readlines(TABLE_PIECE_BYTES):
            listening = [line for line in lines if state in line]
            yield from listening
            # The kernel lists all that listen before all that are connected (proc_net_tcp.rst).
            if protocol == "tcp" and not listening:
                return


def _read_line(line: bytes, protocol: str) -> Socket | None:
    fields = line.split(None, _FIELDS)
    if len(fields) < _FIELDS or fields[3] != _LISTENS[protocol]:
        return None
    address, _, port = fields[1].partition(b":")
    number = int(port, 16)
    if not number:
        return None
    return Socket(
        protocol=protocol,
        address=_ADDRESSES.get(address) or _render_address(address),
        port=number,
        user=int(fields[7]),
        inode=int(fields[9]),
    )


def _render_address(digits: bytes) -> str:
    """Write an address that the kernel wrote as words of the machine's byte order."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    raw = struct.pack(f"={len(words)}I", *words)
    if len(digits) == _IPV4_DIGITS:
        return socket.inet_ntop(socket.AF_INET, raw)
    if raw.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, raw[len(_MAPPED) :])
    return socket.inet_ntop(socket.AF_INET6, raw)


_ADDRESSES: Final = {b"00000000": ANY, b"0" * 32: ANY}


def _merge(
    sockets: Iterable[Socket], holders: Mapping[int, Holder], unknown: str
) -> list[Listening]:
    grouped: dict[tuple[int, str], list[Socket]] = {}
    for each in sockets:
        grouped.setdefault((each.port, each.protocol), []).append(each)
    users: dict[int, str] = {}
    return [
        _describe(key, members, holders, unknown, users) for key, members in sorted(grouped.items())
    ]


def _describe(
    key: tuple[int, str],
    members: list[Socket],
    holders: Mapping[int, Holder],
    unknown: str,
    users: dict[int, str],
) -> Listening:
    known = {holders[each.inode] for each in members if each.inode in holders}
    names = sorted({_name_user(each.user, users) for each in members})
    return Listening(
        port=key[0],
        protocol=key[1],
        # The star sorts before any digit.
        addresses=tuple(sorted({each.address for each in members})),
        holders=tuple(sorted(known, key=lambda each: each.pid)),
        user=", ".join(names),
        unknown="" if known else unknown,
    )


def _name_user(number: int, known: dict[int, str]) -> str:
    if number not in known:
        try:
            known[number] = pwd.getpwuid(number).pw_name
        except KeyError:
            known[number] = str(number)
    return known[number]


def find_first_holders(inodes: frozenset[int], proc: Path = PROC) -> dict[int, Holder]:
    """Find one process for each socket, as far as this user may see: the one started first."""
    found: dict[int, Holder] = {}
    missing = set(inodes)
    # A program opens what listens before it has thousands of connections open: look there first.
    for part in (slice(FIRST_DESCRIPTORS), slice(FIRST_DESCRIPTORS, None)):
        for pid in list_processes(proc) if missing else ():
            held = read_held(pid, missing, proc, part)
            if held:
                holder = Holder(pid=pid, name=read_name(pid, proc))
                found.update(dict.fromkeys(held, holder))
                missing -= held
    return found


def find_holders(inodes: frozenset[int], proc: Path = PROC) -> tuple[Holder, ...]:
    """Find every process that has any of some sockets open, as far as this user may see."""
    return tuple(
        Holder(pid=pid, name=read_name(pid, proc))
        for pid in list_processes(proc)
        if read_held(pid, inodes, proc)
    )


def list_processes(proc: Path = PROC) -> list[int]:
    """List the processes there are, ascending."""
    names = (each.name for each in proc.iterdir())
    return sorted(int(each) for each in names if each.isdecimal() and each.isascii())


def read_held(
    pid: int, inodes: set[int] | frozenset[int], proc: Path = PROC, part: slice = _WHOLE
) -> set[int]:
    """Say which of some sockets a process has open; none if it may not be seen or is gone."""
    folder = f"{proc}/{pid}/fd"
    held: set[int] = set()
    try:
        names = os.listdir(folder)  # noqa: PTH208 - see below
    except OSError:
        return held
    for name in names[part]:
        # Called twenty thousand times where so many sockets are open: no objects for paths.
        try:
            target = os.readlink(f"{folder}/{name}")  # noqa: PTH115 - see above
        except OSError:
            continue
        if target.startswith("socket:["):
            inode = int(target[8:-1])
            if inode in inodes:
                held.add(inode)
    return held


def read_users(pid: int, proc: Path = PROC) -> frozenset[int]:
    """Read which users a process is, or may become again; none if it is gone."""
    try:
        status = (proc / str(pid) / "status").read_bytes()
    except OSError:
        return frozenset()
    _, _, found = status.partition(b"\nUid:")
    return frozenset(map(int, found.partition(b"\n")[0].split()))


def read_name(pid: int, proc: Path = PROC) -> str:
    """Read a process's name; it chooses it itself, so only what can be seen of it."""
    try:
        raw = (proc / str(pid) / "comm").read_bytes()[:COMMAND_NAME_BYTES]
    except OSError:
        return "?"
    text = raw.decode("utf-8", errors="replace").removesuffix("\n")
    return "".join(each if each.isprintable() else "?" for each in text) or "?"
