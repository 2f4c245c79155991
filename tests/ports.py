"""Ports for what tests start: nobody else is given one while it is on its way to its program."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path
from typing import Final

from deploy.stack.ports import LOOPBACK, Reservations, is_free

PORTS: Final = 20_000
_RESERVED: Final = Reservations("opswire/tests/port")


def free_port() -> int:
    """Find a port that stays free until it is listened to, whoever else runs tests here.

    It is one of those that the kernel gives to nobody who asks for any, nor to a connection.
    """
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.SystemRandom().sample(range(max(end - PORTS, 1024), end), 1000):
        if _RESERVED.take(port) and is_free(LOOPBACK, port) and _is_silent(port):
            return port
    raise AssertionError("no port is free")


def _is_silent(port: int) -> bool:
    """Say whether nobody hears datagrams there: members of a cluster speak by both."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
