"""The agent's door as the kernel has it: whoever holds connections takes no room from others.

TLS tells who may speak here; until then anybody who reaches the port has a connection, with a
descriptor and memory of its own. So of one caller, and of all together, there are only so many.
"""

from __future__ import annotations

import socket
import weakref
from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from agent import limits

_PREFIX: Final = 64  # bits of an IPv6 address that one household has to itself


class Door(socket.socket):
    """A socket that listens."""

    def __init__(self, family: socket.AddressFamily) -> None:
        # Named as TCP, or asyncio does not recognise it and lets small answers wait for 40 ms.
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._there: Counter[str] = Counter()

    def accept(self) -> tuple[socket.socket, Any]:
        """Take the next who comes.

        Raises:
            ConnectionAbortedError: there was no room, and they were let go of.
        """
        taken, address = super().accept()
        who = name_caller(str(address[0]))
        is_full = self._there.total() >= limits.CALLERS
        if is_full or self._there[who] >= limits.CONNECTIONS:
            taken.close()
            raise ConnectionAbortedError
        guest = _Guest(taken.family, taken.type, taken.proto, fileno=taken.detach())
        self._there[who] += 1
        guest.on_leaving = weakref.finalize(guest, self._let_go, who)
        guest.on_leaving.atexit = False
        return guest, address

    def _let_go(self, who: str) -> None:
        self._there[who] -= 1
        if not self._there[who]:
            del self._there[who]


class _Guest(socket.socket):
    """A connection that says when it is over."""

    on_leaving: weakref.finalize[Any, Any] | None = None

    def close(self) -> None:
        """Close it; its room is free again."""
        super().close()
        if self.on_leaving is not None:
            self.on_leaving()


def name_caller(written: str) -> str:
    """Name who calls: an IPv4 address, or the part of an IPv6 address that is one customer's."""
    try:
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return written
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{int(address) >> _PREFIX:x}"
