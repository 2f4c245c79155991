"""What a process asks of the kernel so that a job stays where it is put.

Standard library only, and little of it: the fork server runs this, and each of its children has it
in memory. There is no call in Python's library for most of it, so libc is asked directly.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from agent import limits
from agent.hiding import hide

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LANGUAGE: Final = "C.UTF-8"
_SET_PARENT_DEATH_SIGNAL: Final = 1  # linux/prctl.h
_SET_CHILD_SUBREAPER: Final = 36
_SET_NO_FURTHER_PRIVILEGES: Final = 38
_IN_OWN_PID_NAMESPACE: Final = 0x20000000  # linux/sched.h, CLONE_NEWPID
_CREATE_RULESET: Final = 444  # asm-generic/unistd.h, the same on every machine
_RESTRICT_SELF: Final = 446
_SIGNALS_STAY_INSIDE: Final = 1 << 1  # linux/landlock.h, LANDLOCK_SCOPE_SIGNAL
# Looked up once: a child that looks something up pays for the memory that it changes.
_libc: Final = ctypes.CDLL(None, use_errno=True)
_prctl, _unshare, _setns, _syscall = _libc.prctl, _libc.unshare, _libc.setns, _libc.syscall
_CORES: Final = os.cpu_count() or 1


class Rights(NamedTuple):
    """Who a job is."""

    user: int
    group: int
    groups: Sequence[int]
    hidden: str = ""
    """The folder that is closed to it, though its user could read it; empty: none."""


class _Ruleset(ctypes.Structure):
    """What a Landlock domain rules: linux/landlock.h, landlock_ruleset_attr."""

    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _ask_kernel(_prctl, _SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; a change of user undoes it."""
    _ask_kernel(_prctl, _SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)


def split_namespace() -> None:
    """Have the next child be the first process of a PID namespace.

    Raises:
        OSError: the kernel does not allow it.
    """
    _ask_kernel(_unshare, _IN_OWN_PID_NAMESPACE)


def rejoin_namespace(original: int) -> None:
    """Have further children live in the namespace of that file again."""
    _ask_kernel(_setns, original, _IN_OWN_PID_NAMESPACE)


def confine(rights: Rights, *, seconds: float) -> None:
    """Give up what a job does not need, and for good.

    Raises:
        PermissionError: it would have been root.
        OSError: what is hidden would not be.
    """
    _go_first()
    _limit(seconds)
    if os.geteuid() == 0:
        os.setgroups(list(rights.groups))
        os.setresgid(rights.group, rights.group, rights.group)
        os.setresuid(rights.user, rights.user, rights.user)
    if 0 in os.getresuid():
        raise PermissionError("a job never runs as root")
    _ask_kernel(_prctl, _SET_NO_FURTHER_PRIVILEGES, 1, 0, 0, 0)
    die_with_parent()
    _keep_signals_inside()
    if rights.hidden:
        hide(rights.hidden)


def _go_first() -> None:
    """Be the one that the kernel ends when memory does; not the agent."""
    with suppress(OSError):
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(score, b"1000")
        os.close(score)


def _limit(seconds: float) -> None:
    # Wall time is kept by the runner; this is for whom no runner stands above any longer.
    for kind, most in (
        (resource.RLIMIT_CPU, int(seconds * _CORES) + 1),
        (resource.RLIMIT_AS, limits.JOB_ADDRESS_BYTES),
        (resource.RLIMIT_NPROC, limits.JOB_PROCESSES),
        (resource.RLIMIT_FSIZE, limits.JOB_FILE_BYTES),
        (resource.RLIMIT_NOFILE, limits.JOB_FILES),
        (resource.RLIMIT_CORE, limits.JOB_CORE_BYTES),
    ):
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def _keep_signals_inside() -> None:
    """Let the job send signals only to itself, and trace only itself; Linux 6.12 knows how.

    Where the agent is not root, a job has its user, and could otherwise kill what stands above it.
    """
    ruleset = _Ruleset(0, 0, _SIGNALS_STAY_INSIDE)
    found = _syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    if found >= 0:
        _syscall(_RESTRICT_SELF, found, 0)
        os.close(found)


def _ask_kernel(call: Callable[..., int], *arguments: int) -> None:
    if call(*map(ctypes.c_ulong, arguments)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
