"""Ends whatever listens on a TCP port, and nothing else.

A process is ended because it has the *listening* socket of the port open; who is only connected to
the port, or from it, has another socket and lives. So does whoever was handed a socket that another
user has opened: anybody can do that to anybody. Processes are held by a descriptor of their own
while they are judged, so that a number that was given anew never hits somebody else.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from agent.errors import Denied
from agent.limits import (
    END_AGAIN_SECONDS,
    END_GRACE_SECONDS,
    END_LOOK_SECONDS,
    END_SURE_SECONDS,
)
from agent.ports import PROC, Holder, find_holders, read_held, read_sockets, read_users

PROTECTED_PORTS: Final[Mapping[int, str]] = {22: "ssh", 9100: "node_exporter"}
"""What a person who looks after the host needs, and whose it is."""
PROTECTED_NAMES: Final = frozenset({"sshd", "sshd-session", "node_exporter"})
"""Programs that stay whatever port they listen on."""
_FIRST_PROCESS: Final = 1
_ROOT: Final = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a port."""

    port: int
    ended: tuple[Holder, ...]
    """Who was ended; nobody where nothing listened."""
    killed: tuple[Holder, ...] = ()
    """Those of them that did not heed TERM."""
    is_free: bool = True
    """Whether nothing listens on it afterwards."""
    again: tuple[Holder, ...] = ()
    """Who listens on it now: something started it again."""

    def to_facts(self) -> dict[str, Any]:
        """Write it for the bridge."""
        return {
            "port": self.port,
            "ended": [vars(each) for each in self.ended],
            "killed": [vars(each) for each in self.killed],
            "free": self.is_free,
            "again": [vars(each) for each in self.again],
        }


class Ender(Protocol):
    """Ends listeners that belong to other users."""

    def end_listener(self, port: int) -> Outcome:
        """End whatever listens on a port.

        Raises:
            AgentError: it does not, or is not there; the sentence says why.
        """


def close(
    port: int,
    *,
    protected: Mapping[int, str] = PROTECTED_PORTS,
    ender: Ender | None = None,
    proc: Path = PROC,
    grace: float = END_GRACE_SECONDS,
) -> Outcome:
    """End whatever listens on a TCP port, and see whether the port is free.

    It takes up to the grace and a second more.

    Args:
        port: Which, as `parse_port` gives it.
        protected: The ports that are left alone, and whose they are.
        ender: Who ends what this user may not; None where this is already that.
        proc: Where the kernel's tables are.
        grace: How long TERM has before KILL, in seconds.

    Raises:
        Denied: the port or its process is protected, or not this user's to end.
        AgentError: whoever should end it is not there.
    """
    if port in protected:
        raise Denied("protected", f"port {port} is {protected[port]}: it stays")
    sockets = list(read_sockets(proc, port=port))
    if not sockets:
        return Outcome(port=port, ended=())
    owners = {each.inode: each.user for each in sockets}
    holders = _find_listeners(owners, proc)
    for each in holders:
        _require_unprotected(port, each)
    # A socket that another user made may be open in processes that this one cannot see.
    is_ours = bool(holders) and {each.user for each in sockets} <= {os.geteuid()}
    is_ours = is_ours or os.geteuid() == _ROOT
    if ender is not None and not is_ours:
        return _ask(ender, port)
    refusal = Denied("root", f"what listens on port {port} belongs to another user")
    if not holders:
        _require_nobody(port, owners, proc)
        raise refusal
    try:
        return _Ending(port, owners, proc).end(grace)
    except PermissionError:
        raise refusal from None


def _ask(ender: Ender, port: int) -> Outcome:
    try:
        return ender.end_listener(port)
    except Denied as refusal:
        if refusal.rule != "root":
            raise
        sentence = f"what listens on port {port} belongs to another user: {refusal.sentence}"
        raise Denied("root", sentence) from None


def _find_listeners(owners: Mapping[int, int], proc: Path) -> tuple[Holder, ...]:
    """Find every process that has any of some sockets open and may have opened it.

    Args:
        owners: Whose each socket is. Root's are handed on to whom they were opened for.
        proc: Where the kernel tells of processes.
    """
    inodes = frozenset(owners)

    def is_own(pid: int) -> bool:
        # Who has let go of it by now is looked at once more before anything is done.
        users = {owners[inode] for inode in read_held(pid, inodes, proc)} or {_ROOT}
        return _ROOT in users or not users.isdisjoint(read_users(pid, proc))

    return tuple(each for each in find_holders(inodes, proc) if is_own(each.pid))


def _require_nobody(port: int, owners: Mapping[int, int], proc: Path) -> None:
    """Refuse where all who can be seen to hold a socket were handed it."""
    for each in find_holders(frozenset(owners), proc):
        sentence = f"port {port} was handed to {each.name} by another user: it stays"
        raise Denied("protected", sentence)


def _list_inodes(port: int, proc: Path) -> frozenset[int]:
    return frozenset(each.inode for each in read_sockets(proc, port=port))


def _require_unprotected(port: int, holder: Holder) -> None:
    if holder.pid == _FIRST_PROCESS:
        raise Denied(
            "protected",
            f"port {port} is held by the first process, for a unit of type socket: stop that",
        )
    if holder.pid in {os.getpid(), os.getppid()} or holder.name in PROTECTED_NAMES:
        raise Denied("protected", f"port {port} is {holder.name}: it stays")


class _Ending:
    """Ends the holders of some listening sockets."""

    def __init__(self, port: int, owners: Mapping[int, int], proc: Path) -> None:
        self._port = port
        self._owners = owners
        self._inodes = frozenset(owners)
        self._proc = proc
        self._told: dict[int, Holder] = {}
        """Who was sent TERM, by process id."""

    def end(self, grace: float) -> Outcome:
        """End them, the patient way first."""
        with ExitStack() as held:
            waiting = self._signal_holders(signal.SIGTERM, held)
            self._wait(waiting, grace)
            killed: dict[int, Holder] = {}
            if self._listens():
                waiting |= self._signal_holders(signal.SIGKILL, held, killed)
                self._wait(waiting, END_SURE_SECONDS)
        # What is started again by itself is back within a moment, and is told.
        time.sleep(END_AGAIN_SECONDS)
        still = _list_inodes(self._port, self._proc)
        return Outcome(
            port=self._port,
            ended=tuple(self._told.values()),
            killed=tuple(killed.values()),
            is_free=not still,
            again=find_holders(still, self._proc) if still else (),
        )

    def _listens(self) -> bool:
        return not self._inodes.isdisjoint(_list_inodes(self._port, self._proc))

    def _signal_holders(
        self, number: signal.Signals, held: ExitStack, told: dict[int, Holder] | None = None
    ) -> dict[int, int]:
        """Send a signal to all who hold the sockets; their descriptors, and ids."""
        descriptors: dict[int, int] = {}
        for holder in _find_listeners(self._owners, self._proc):
            # A child that took the sockets over in the meantime is looked at as they all were.
            _require_unprotected(self._port, holder)
            descriptor = held.enter_context(_hold(holder.pid))
            if descriptor is None or not read_held(holder.pid, self._inodes, self._proc):
                continue
            try:
                signal.pidfd_send_signal(descriptor, number)
            except ProcessLookupError:
                continue
            self._told[holder.pid] = holder
            if told is not None:
                told[holder.pid] = holder
            descriptors[descriptor] = holder.pid
        return descriptors

    def _wait(self, descriptors: dict[int, int], seconds: float) -> None:
        """Wait until nobody listens, and whoever was told is gone or has let go."""
        poll = select.poll()
        for each in descriptors:
            poll.register(each, select.POLLIN)
        until = time.monotonic() + seconds
        while self._listens() and (left := until - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(1000 * min(left, END_LOOK_SECONDS)):
                poll.unregister(descriptor)


@contextmanager
def _hold(pid: int) -> Iterator[int | None]:
    """Hold on to a process; None if it is gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
