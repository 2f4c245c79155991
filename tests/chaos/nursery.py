"""A process that has imported the bridge and forks one whenever it is told to.

A bridge is up after a seventh of a second instead of three, and is a process all the same: it is
ended by a true SIGKILL, which takes its threads, its sockets and its half-written file with it.

It reads one JSON object a line, and answers each with one.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import resource
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import prometheus_api_client  # noqa: F401 - a bridge loads it late; here once for all of them

from bridge import limits
from bridge.app import run
from bridge.clock import SystemClock
from bridge.logs import set_up_logs
from bridge.settings import Settings
from tests.chaos.clock import BentClock
from tests.chaos.doom import await_doom

QUICK_PASS = timedelta(milliseconds=50)
SLOW_PASS = timedelta(milliseconds=200)
QUICKER = 300  # times: as fast as the bridge's clock at its fastest
WOKEN = ("DELIVERY_PASS", "FOLD_PASS")  # what somebody is waiting for
UNHURRIED = ("HEALTH_PASS",)  # it asks everybody outside, and nothing hangs on it
_DIE_WITH_PARENT = 1  # prctl: PR_SET_PDEATHSIG
_CAPABILITIES = 0x20080522  # capget, capset: the version with two words a set
_WRITE_EVERYWHERE = 1  # CAP_DAC_OVERRIDE


def main() -> None:
    """Answer orders until nobody gives any."""
    _die_with_parent()
    for line in sys.stdin:
        answer = json.dumps(_obey(json.loads(line)))
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


def _obey(order: dict[str, Any]) -> dict[str, Any]:
    if "environ" in order:
        return {"pid": _fork(order)}
    flags = 0 if order.get("wait") else os.WNOHANG
    try:
        pid, status = os.waitpid(order["pid"], flags)
    except ChildProcessError:  # told already
        return {"status": int(signal.SIGKILL)}
    return {"status": status if pid else None}


def _fork(order: dict[str, Any]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        _live(order)
    finally:
        os._exit(1)


def _live(order: dict[str, Any]) -> None:
    """Be a bridge."""
    _die_with_parent()
    with Path(order["log"]).open("ab") as log, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if order.get("is_bound"):
        _give_up_writing_everywhere()
    _bend(BentClock(Path(order["clock"])))
    settings = Settings.load(order["environ"])
    set_up_logs(settings.log_level, settings.log_format, settings.secrets())
    with asyncio.Runner() as runner:
        doom = order.get("doom")
        if doom:
            await_doom(runner.get_loop(), **doom)
        runner.run(run(settings))
    os._exit(0)


def _bend(clock: BentClock) -> None:
    """Let the bridge live by our clock, and shorten what it waits by the machine's."""

    def now(_self: SystemClock) -> datetime:
        return clock.now()

    async def sleep(_self: SystemClock, seconds: float) -> None:
        await asyncio.sleep(seconds / clock.rate)

    setattr(SystemClock, "now", now)  # noqa: B010 - mypy knows no other way
    for wait in ("sleep", "rest"):
        setattr(SystemClock, wait, sleep)
    for name, span in vars(limits).copy().items():
        if name.endswith("_PASS") and name not in UNHURRIED:
            setattr(limits, name, max(span / QUICKER, SLOW_PASS))
    for name in WOKEN:
        setattr(limits, name, QUICK_PASS)
    limits.STORE_REOPEN = SLOW_PASS


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _give_up_writing_everywhere() -> None:
    """Let a file's mode count for root as for anybody."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable: low words, then high
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for word in range(3):
        sets[word] &= ~(1 << _WRITE_EVERYWHERE)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    main()
