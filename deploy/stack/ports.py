"""Choose the ports of a run: the default, or the next free one when the default is taken."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.stack.folder import StackFault

LOOPBACK = "127.0.0.1"
# Nobody moves onto a neighbour's usual place: it may come up later.
USUAL = frozenset({3000, 8001, 8002, 8003, 8081, 9090, 9093, 9100, 9115})
TAKEN, NO_ADDRESS = "the port is taken", "no address of this machine"
# Chosen: who has this many neighbouring ports taken should name one.
TRIES = 200


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port that a program of the stack listens on."""

    program: str
    setting: str
    default: int
    host: str = LOOPBACK
    host_setting: str = ""
    """Where it is not called like the port's."""


def is_free(host: str, port: int) -> bool:
    """Try to listen there."""
    return not find_obstacle(host, port)


def find_obstacle(host: str, port: int) -> str:
    """Try to listen there, and say what is in the way; empty where nothing is."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as listener:
        # Connections of an earlier run that linger do not count; a listener does.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except PermissionError:
            return "only root may listen there"
        except OSError as fault:
            is_elsewhere = isinstance(fault, socket.gaierror) or fault.errno == errno.EADDRNOTAVAIL
            return f"{host} is {NO_ADDRESS}" if is_elsewhere else TAKEN
    return ""


class Reservations:
    """Ports that a stack has chosen and its programs have yet to take, known to every stack here.

    A program needs seconds from the choice to its listening; a second clone that starts meanwhile
    would choose the same. A name of the kernel's abstract kind is held instead of a file: it lies
    in nobody's folder and ends with the process.
    """

    def __init__(self, names: str = "opswire/port") -> None:
        self._names = names
        self._held: list[socket.socket] = []

    def take(self, port: int) -> bool:
        """Reserve a port; false when another stack has it."""
        if not sys.platform.startswith("linux"):
            return True
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0{self._names}/{port}")
        except OSError:
            name.close()
            return False
        self._held.append(name)
        return True

    def close(self) -> None:
        """Give all of them back."""
        while self._held:
            self._held.pop().close()

    def is_free(self, host: str, port: int) -> bool:
        """Say whether nobody listens there, and keep it for us."""
        return is_free(host, port) and self.take(port)


def choose_ports(
    ports: list[Port],
    chosen: Mapping[str, int],
    *,
    is_free: Callable[[str, int], bool] = is_free,
) -> tuple[dict[str, int], list[str]]:
    """Give every program a port, and the sentences about those that had to move.

    `chosen` holds the ports that a person set, by the setting's name; those are not moved.
    """
    taken = set(chosen.values())
    found: dict[str, int] = {}
    notices, faults = [], []
    for port in ports:
        wish = chosen.get(port.setting)
        if wish is not None and is_free(port.host, wish) and wish not in found.values():
            found[port.program] = wish
        elif wish is not None:
            reason = find_obstacle(port.host, wish) or TAKEN
            faults.append(f"{port.setting}={wish}: {reason}; set another or leave it out")
        else:
            found[port.program] = free = choose_free(port, taken, is_free)
            taken.add(free)
            if free != port.default:
                notices.append(f"port {port.default} is taken: {port.program} listens on {free}")
    if faults:
        raise StackFault("\n".join(faults))
    return found, notices


def choose_free(port: Port, taken: set[int], is_free: Callable[[str, int], bool]) -> int:
    """Give the default or the next free port above it."""
    for number in range(port.default, min(port.default + TRIES, 65536)):
        is_usual = number in USUAL and number != port.default
        if number not in taken and not is_usual and is_free(port.host, number):
            return number
    reason = find_obstacle(port.host, port.default)
    if reason.endswith(NO_ADDRESS):
        name = port.host_setting or port.setting.replace("_PORT", "_HOST")
        raise StackFault(f"{name}: {reason}")
    raise StackFault(
        f"no free port for {port.program} from {port.default} on; set {port.setting} to one"
    )
