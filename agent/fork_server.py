"""Starts jobs at the cost of a fork: a small process that the agent starts once.

It is a fresh interpreter without the agent's memory, keys, threads or open files, so that nothing
of these can come into a job. The agent sends it one message a job, with the ends of the pipes; it
goes when the agent's end of the socket closes. If a runner is killed, what was below it comes up
to this process, and is ended here.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Final, NoReturn

from agent import confining, limits, runner
from agent.sweeping import Descendants

START: Final = b"start"
END: Final = b"end"
"""The agent's word for: this runner hangs, kill it."""
READY: Final = b"ready"


def pack_start(number: int, seconds: float, folder: bytes, arguments: tuple[bytes, ...]) -> bytes:
    """Write the message that has a job started.

    Raises:
        ValueError: it cannot be a program's argument.
    """
    if not arguments or any(b"\0" in each for each in (folder, *arguments)):
        raise ValueError("no program is started with that")
    fields = (START, b"%d" % number, f"{seconds:.3f}".encode(), folder, *arguments)
    message = b"\0".join(fields)
    if len(message) > limits.BIRTH_BYTES:
        raise ValueError("it is too long")
    return message


def pack_end(number: int) -> bytes:
    """Write the message that has a runner killed."""
    return b"\0".join((END, b"%d" % number))


class _ForkServer:
    def __init__(
        self, door: socket.socket, rights: confining.Rights, *, has_namespaces: bool
    ) -> None:
        self._door = door
        self._rights = rights
        self._runners: dict[int, tuple[int, str]] = {}
        """By process: the agent's number of the job, and the folder that is the job's own."""
        self._left: list[str] = []
        """Folders of jobs whose runners were killed."""
        self._below = Descendants(self._note, lambda: set(self._runners))
        self._home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._has_namespaces = has_namespaces
        self._wakes, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        """Start what is ordered, until the agent is gone."""
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._door.send(READY)
        while True:
            patience = limits.JOB_PERSISTS_SECONDS if self._left else None
            if self._door.fileno() in self._wait(patience) and not self._hear():
                break
            self._reap()
        until = time.monotonic() + limits.NURSERY_END_SECONDS
        while (self._runners or self._left) and time.monotonic() < until:
            self._wait(limits.JOB_SWEEP_SECONDS, hears=False)
            self._reap()

    def _hear(self) -> bool:
        """Take one message; say whether there was one."""
        try:
            message, ends, _, _ = socket.recv_fds(
                self._door, limits.BIRTH_BYTES, 3, socket.MSG_CMSG_CLOEXEC
            )
        except OSError:
            return False
        word, _, rest = message.partition(b"\0")
        if word == START and len(ends) == 3:  # noqa: PLR2004 - two pipes and a socket
            self._start(rest, runner.Ends(ends[0], ends[1], socket.socket(fileno=ends[2])))
        elif word == END:
            self._kill(int(rest))
        return bool(message)

    def _start(self, fields: bytes, ends: runner.Ends) -> None:
        number, seconds, folder, *arguments = fields.split(b"\0")
        scratch = "" if folder else runner.name_scratch()
        birth = runner.Birth(tuple(arguments), float(seconds), folder, scratch, self._rights)
        has_namespace = self._split()
        try:
            pid = os.fork()
        except OSError:  # no process is left; the agent sees its ends close
            pid = -1
        if pid == 0:
            self._become_runner(birth, ends, has_namespace=has_namespace)
        if has_namespace:
            confining.rejoin_namespace(self._home)
        if pid > 0:
            self._runners[pid] = int(number), scratch
        os.close(ends.out)
        os.close(ends.error)
        ends.control.close()

    def _become_runner(
        self, birth: runner.Birth, ends: runner.Ends, *, has_namespace: bool
    ) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            self._door.close()
            for each in (self._wakes, self._waker, self._home):
                os.close(each)
            runner.run(birth, ends, has_namespace=has_namespace)
            code = 0
        finally:
            os._exit(code)

    def _split(self) -> bool:
        """Have the next child be the first of a PID namespace, where that is allowed.

        Not by a user namespace: in one, the owners of all files and processes read as `nobody`.
        """
        if self._has_namespaces:
            try:
                confining.split_namespace()
            except OSError:
                self._has_namespaces = False
        return self._has_namespaces

    def _kill(self, number: int) -> None:
        for pid, (each, _) in self._runners.items():
            if each == number:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _note(self, pid: int, status: int) -> None:
        known = self._runners.pop(pid, None)
        if known is not None and status != 0:
            self._left.append(known[1])

    def _reap(self) -> None:
        """Take the dead in; where a runner was killed, end what was below it."""
        self._below.reap()
        if self._left and self._end_orphans():
            left, self._left = self._left, []
            for each in left:
                runner.remove(each)

    def _end_orphans(self) -> bool:
        """Kill them, at least once; say whether none is left."""
        until = time.monotonic() + limits.JOB_END_SECONDS
        while self._below.has_any():
            self._below.freeze()
            self._below.tell(signal.SIGKILL)
            self._wait(limits.JOB_SWEEP_SECONDS, hears=False)
            self._below.reap()
            if time.monotonic() > until:
                return not self._below.has_any()
        return True

    def _wait(self, seconds: float | None, *, hears: bool = True) -> set[int]:
        poll = select.poll()
        poll.register(self._wakes, select.POLLIN)
        if hears:
            poll.register(self._door, select.POLLIN)
        ready = {each for each, _ in poll.poll(None if seconds is None else seconds * 1000)}
        if self._wakes in ready:
            with suppress(BlockingIOError):
                os.read(self._wakes, 4096)
        return ready


def _heed_signals() -> None:
    """Do nothing at a signal, but ignore none: what is ignored stays so in every program of a job.

    A wish to end is heard and not followed: this process goes when the agent has gone.
    """
    wishes = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}
    for each in signal.valid_signals():
        if each in wishes or signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def main() -> None:
    """Serve at the socket that the agent left open; who the jobs are stands in the arguments."""
    hidden, *numbers = sys.argv[1:]
    door, namespaces, user, group, *groups = map(int, numbers)
    _heed_signals()
    confining.adopt_orphans()
    rights = confining.Rights(user, group, groups, hidden)
    server = _ForkServer(socket.socket(fileno=door), rights, has_namespaces=bool(namespaces))
    gc.freeze()
    gc.disable()  # collecting would copy the pages that all runners share
    server.serve()
