"""Stands above one job: starts it, watches it, and ends everything of it.

Forked by the fork server, for one job, and gone with it. It is the first process of the job's PID
namespace where the agent may make one, and adopts the job's orphans elsewhere. It hears the agent
by one socket, and the end of that socket is the end of the agent, and so of the job.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import time
from contextlib import suppress
from typing import Final, NamedTuple, NoReturn

from agent import confining, limits
from agent.sweeping import Below, Descendants, Namespace

UP: Final = b"up"
"""The runner's first word: what was ordered will run, and must not be ordered again."""
STOP: Final = b"stop"
"""The agent's word for: somebody stopped it. The end of the socket says: nobody is there."""
DONE: Final = "done"
TIME: Final = "time"
STOPPED: Final = "stopped"
GONE: Final = "gone"
CANNOT_START: Final = 125  # as env(1) and timeout(1) have it
CANNOT_EXECUTE: Final = 126
NOT_FOUND: Final = 127
_SCRATCH: Final = "/tmp"  # noqa: S108 - a folder of its own is made there, with an unknown name


class Birth(NamedTuple):
    """One job to be started."""

    arguments: tuple[bytes, ...]
    seconds: float
    folder: bytes
    """Where it runs; empty for a folder of its own."""
    scratch: str
    """The folder of its own, to be made and to be removed; empty where it needs none."""
    rights: confining.Rights


class Ends(NamedTuple):
    """What joins a runner with the agent."""

    out: int
    error: int
    control: socket.socket


def run(birth: Birth, ends: Ends, *, has_namespace: bool) -> None:
    """Run one job from its start to the end of the last process of it."""
    _Runner(birth, ends, has_namespace=has_namespace).run()


class _Runner:
    def __init__(self, birth: Birth, ends: Ends, *, has_namespace: bool) -> None:
        self._birth = birth
        self._ends = ends
        self._has_namespace = has_namespace
        self._command = 0
        self._status: int | None = None
        self._is_told_to_end = False
        self._below: Below = (Namespace if has_namespace else Descendants)(self._note)

    def run(self) -> None:
        os.setsid()
        if not self._has_namespace:
            confining.adopt_orphans()
        self._listen_to_signals()
        self._ends.control.send(UP)
        began = time.monotonic()
        self._start()
        reason = self._watch(began + self._birth.seconds)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)  # as root: ahead of what is to be ended
        is_left = self._below.end(self._sleep)
        status = -1 if self._status is None else self._status
        said = f"{reason} {status} {time.monotonic() - began:.3f} {int(is_left)}"
        with suppress(OSError):
            self._ends.control.send(said.encode())
        while is_left:  # a process in the middle of a call to a dead disk ends when that does
            is_left = self._below.kill(self._sleep, time.monotonic())
            time.sleep(limits.JOB_PERSISTS_SECONDS if is_left else 0)
        remove(self._birth.scratch)

    def _start(self) -> None:
        """Start the command, in a folder that is there for it alone."""
        scratch = self._birth.scratch
        fault = ""
        if scratch:
            try:
                os.mkdir(scratch, 0o700)  # noqa: PTH102 - the fork server is light
                if os.geteuid() == 0:
                    os.chown(scratch, self._birth.rights.user, self._birth.rights.group)
            except OSError as reason:
                fault = f"no folder to work in: {reason.strerror}"
        self._command = os.fork()
        if self._command == 0:
            _become(self._birth, self._ends, fault)
        os.close(self._ends.out)
        os.close(self._ends.error)

    def _watch(self, deadline: float) -> str:
        """Wait for the first reason to end; say which."""
        control = self._ends.control.fileno()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return TIME
            ready = self._wait(left, control)
            self._below.reap()
            if self._status is not None:
                return DONE
            if control in ready:
                return STOPPED if self._hear() == STOP else GONE
            if self._is_told_to_end:
                return GONE

    def _hear(self) -> bytes:
        try:
            return self._ends.control.recv(16)
        except OSError:
            return b""

    def _note(self, pid: int, status: int) -> None:
        if pid == self._command and self._status is None:
            self._status = status

    def _listen_to_signals(self) -> None:
        """Have the end of a child, and a wish to end, wake whoever waits."""
        self._wakes, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGTERM, self._end_by_signal)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    def _end_by_signal(self, *_: object) -> None:
        self._is_told_to_end = True

    def _sleep(self, seconds: float) -> None:
        self._wait(seconds)

    def _wait(self, seconds: float, *others: int) -> set[int]:
        poll = select.poll()
        for each in (self._wakes, *others):
            poll.register(each, select.POLLIN)
        ready = {each for each, _ in poll.poll(max(1, int(seconds * 1000)))}
        if self._wakes in ready:
            with suppress(BlockingIOError):
                os.read(self._wakes, 4096)
        return ready


def _become(birth: Birth, ends: Ends, fault: str) -> NoReturn:
    """Turn this process into the command; where that fails, say so as a shell would."""
    code = CANNOT_START
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDONLY)
        for ours, theirs in ((nowhere, 0), (ends.out, 1), (ends.error, 2)):
            os.dup2(ours, theirs)
        if fault:
            raise OSError(0, fault)  # noqa: TRY301 - told below, as all others are
        home = birth.folder or birth.scratch.encode()
        os.chdir(home)
        os.umask(0o077)
        confining.confine(birth.rights, seconds=birth.seconds)
        os.closerange(3, limits.JOB_FILES)
        code = NOT_FOUND
        _execute(birth.arguments, home)
    except OSError as reason:
        if code == NOT_FOUND and not isinstance(reason, FileNotFoundError):
            code = CANNOT_EXECUTE
        name = birth.arguments[0] if code != CANNOT_START else b"opswire"
        os.write(2, name + f": {reason.strerror or reason}\n".encode())
    finally:
        os._exit(code)


def _execute(arguments: tuple[bytes, ...], home: bytes) -> None:
    """Become the program, where one is found; the library's own search imports too much for it."""
    environment = {
        b"PATH": confining.PATH.encode(),
        b"LANG": confining.LANGUAGE.encode(),
        b"HOME": home,
    }
    name = arguments[0]
    folders = [b""] if b"/" in name else [each + b"/" for each in environment[b"PATH"].split(b":")]
    forbidden: OSError | None = None
    for folder in folders:
        try:
            os.execve(folder + name, arguments, environment)  # noqa: S606 - without a shell
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as reason:
            forbidden = reason
    raise forbidden or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def name_scratch() -> str:
    """Name a folder that nobody can have made before."""
    return f"{_SCRATCH}/opswire-job-{os.urandom(8).hex()}"


def remove(folder: str) -> None:
    """Remove a job's folder with whatever it left; symbolic links are not followed."""
    if not folder:
        return
    with suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106 - mostly there is nothing in it
        return
    with suppress(OSError, RecursionError):
        for _, folders, files, here in os.fwalk(folder, topdown=False):
            for name in (*files, *folders):
                _remove_entry(name, here)
        os.rmdir(folder)  # noqa: PTH106 - the same


def _remove_entry(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        with suppress(OSError):
            os.rmdir(name, dir_fd=folder)
