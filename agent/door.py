"""The agent's door as the kernel has it: whoever holds connections takes no room from others.

TLS tells who may speak here; until then anybody who reaches the port has a connection, with a
descriptor and memory of its own. So of one caller, and of all together, there are only so many.
"""

from __future__ import annotations

import socket
import weakref
from typing import Any

from agent import limits
from agent.callers import Crowd, name_caller


class Door(socket.socket):
    """A socket that listens."""

    def __init__(self, family: socket.AddressFamily) -> None:
        # Named as TCP, or asyncio does not recognise it and lets small answers wait for 40 ms.
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.crowd = Crowd(most=limits.CALLERS, most_of_one=limits.CONNECTIONS)

    def accept(self) -> tuple[socket.socket, Any]:
        """Take the next who comes.

        Raises:
            ConnectionAbortedError: there was no room, and they were let go of.
        """
        taken, address = super().accept()
        who = name_caller(str(address[0]))
        if not self.crowd.enter(who):
            taken.close()
            raise ConnectionAbortedError
        guest = _Guest(taken.family, taken.type, taken.proto, fileno=taken.detach())
        guest.on_leaving = weakref.finalize(guest, self.crowd.leave, who)
        guest.on_leaving.atexit = False
        return guest, address


class _Guest(socket.socket):
    """A connection that says when it is over."""

    on_leaving: weakref.finalize[Any, Any] | None = None

    def close(self) -> None:
        """Close it; its room is free again."""
        super().close()
        if self.on_leaving is not None:
            self.on_leaving()
