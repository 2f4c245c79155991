"""Run a program in a network of its own, or in the one that another program has."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_REC, MS_PRIVATE, MS_SHARED = 0x4000, 0x40000, 0x100000
PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
_libc = ctypes.CDLL(None, use_errno=True)


def leave() -> None:
    """Give this process a network and mounts of its own; in the network only the loopback is.

    What it mounts is gone with it, and as on an ordinary machine those below it see it.

    Raises:
        OSError: the machine does not let us.
    """
    _require(_libc.unshare(CLONE_NEWNET | CLONE_NEWNS))
    for kind in (MS_PRIVATE, MS_SHARED):
        _require(_libc.mount(None, b"/", None, MS_REC | kind, None))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", IFF_UP | IFF_RUNNING)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)


def end_with_parent() -> None:
    """Let this process be told to end when the one that started it is no more."""
    _require(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))


def enter(pid: int) -> None:
    """Bring this thread into the network of a process."""
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        _require(_libc.setns(descriptor, CLONE_NEWNET))
    finally:
        os.close(descriptor)


def _require(answer: int) -> None:
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    word, *command = sys.argv[1:]
    if word == "new":
        end_with_parent()
        leave()
    else:
        enter(int(word))
    os.execvp(command[0], command)  # noqa: S606 - the caller's own
