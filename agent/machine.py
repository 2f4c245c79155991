"""Who is logged in on this host, and which processes use most of it."""

from __future__ import annotations

import os
import pwd
import re
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.catalogue import find_program
from agent.errors import Denied
from agent.limits import MOST_SESSIONS, MOST_TOP, TOP_SAMPLE_SECONDS, WHO_SECONDS
from agent.ports import PROC, list_processes, read_name

UTMP: Final = Path("/run/utmp")
_RECORDS: Final = {
    # utmp(5): type, pid, line, id, user, host, exit (2), session, seconds, microseconds, address
    384: struct.Struct("=hxxi32s4s32s256shhiii16s20x"),  # 32-bit times: x86-64 and most others
    400: struct.Struct("=hxxi32s4s32s256shhqqq16s20x4x"),  # 64-bit times: aarch64
}
_USER_PROCESS: Final = 7
_LAST_KIND: Final = 9  # utmp(5): ACCOUNTING
_WHO_LINE: Final = re.compile(
    r"(?P<user>\S+)\s+(?P<line>\S+)\s+(?P<since>\d{4}-\d\d-\d\d \d\d:\d\d)"
    r"(?:\s+\((?P<host>[^)]*)\))?"
)
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_AFTER_NAME: Final = 2
"""How many fields of /proc/<pid>/stat stand before those that follow the name (proc(5))."""
_USER_TICKS, _SYSTEM_TICKS, _START, _RESIDENT = (
    each - 1 - _AFTER_NAME for each in (14, 15, 22, 24)
)


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody who is logged in."""

    user: str
    line: str
    """The terminal."""
    host: str
    """Where they came from; empty for the console."""
    since: float
    """Seconds since the epoch."""
    pid: int = 0
    """Of the process that leads it; 0 if it is not known."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """What a process uses."""

    pid: int
    name: str
    user: str
    cpu: float
    """Per cent of one processor."""
    memory: int
    """Resident, in bytes."""
    share: float
    """Of the memory there is, in per cent."""


def list_sessions(utmp: Path = UTMP) -> list[Session]:
    """List who is logged in, the longest first.

    Raises:
        Denied: this host keeps no record of it.
    """
    try:
        # A session that was cut off leaves its entry behind.
        found = [each for each in read_utmp(utmp.read_bytes()) if _is_alive(each.pid)]
    except FileNotFoundError:
        found = _ask_who()
    return sorted(found, key=lambda each: each.since)[:MOST_SESSIONS]


def read_utmp(content: bytes) -> list[Session]:
    """Understand the record of sessions, of either size of its entries."""
    for size, record in _RECORDS.items():
        if len(content) % size == 0:
            entries = list(record.iter_unpack(content))
            if all(0 <= each[0] <= _LAST_KIND for each in entries):
                return [_read_entry(each) for each in entries if each[0] == _USER_PROCESS]
    return []


def _read_entry(entry: tuple[Any, ...]) -> Session:
    _, pid, line, _, user, host, _, _, _, seconds, *_ = entry
    return Session(
        user=_read_text(user),
        line=_read_text(line),
        host=_read_text(host),
        since=float(seconds),
        pid=pid,
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def read_who(text: str) -> list[Session]:
    """Understand what `who` writes in universal time."""
    found = []
    for line in text.splitlines():
        match = _WHO_LINE.fullmatch(line.strip())
        if match is not None:
            since = datetime.strptime(match["since"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
            found.append(
                Session(
                    user=match["user"],
                    line=match["line"],
                    host=match["host"] or "",
                    since=since.timestamp(),
                )
            )
    return found


def _ask_who() -> list[Session]:
    program = find_program("who")
    if program is None:
        raise Denied("missing", "this host keeps no record of who is logged in")
    # In the plain C locale it would leave out the year.
    surroundings = {"LC_ALL": "C.UTF-8", "TZ": "UTC0"}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program without anybody's words
            [program],
            env=surroundings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WHO_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as fault:
        raise Denied("missing", f"who failed: {type(fault).__name__}") from None
    return read_who(done.stdout.decode("utf-8", errors="replace"))


def _read_text(raw: bytes) -> str:
    """Read a field that whoever logs in may have a say in."""
    text = raw.split(b"\0", 1)[0].decode("utf-8", errors="replace")
    return "".join(each if each.isprintable() else "?" for each in text)


def list_top(
    by: str, count: int, *, proc: Path = PROC, pause: Callable[[float], None] = time.sleep
) -> list[Use]:
    """List the processes that use most, the greediest first.

    Args:
        by: `cpu` or `mem`.
        count: How many.
        proc: Where the kernel tells of processes.
        pause: Waits between the two looks at the processors' time.

    Raises:
        Denied: it is neither, or too many.
    """
    if by not in {"cpu", "mem"} or not 0 < count <= MOST_TOP:
        raise Denied("argument", f"write cpu or mem, and a number from 1 to {MOST_TOP}")
    before, begun = _look(proc), time.monotonic()
    pause(TOP_SAMPLE_SECONDS)
    after, ended = _look(proc), time.monotonic()
    ticks = max(ended - begun, 1 / _TICKS) * _TICKS
    spent = {
        pid: 100 * max(0, look.ticks - before[pid].ticks) / ticks
        for pid, look in after.items()
        # A process that began in between, maybe with a number of one that ended, has no past.
        if pid in before and before[pid].start == look.start
    }
    order = {
        pid: (spent.get(pid, 0.0), look.memory) if by == "cpu" else (look.memory, 0.0)
        for pid, look in after.items()
    }
    first = sorted(after, key=lambda pid: (*order[pid], -pid), reverse=True)[:count]
    total = _read_total(proc)
    return [_describe(pid, after[pid], spent.get(pid, 0.0), total, proc) for pid in first]


def to_facts(found: list[Session] | list[Use]) -> list[dict[str, Any]]:
    """Write sessions or processes for the bridge."""
    return [dict(vars(each)) for each in found]


@dataclass(frozen=True)
class _Look:
    """A process at one moment."""

    ticks: int
    start: int
    memory: int


def _look(proc: Path) -> dict[int, _Look]:
    found = {}
    for pid in list_processes(proc):
        try:
            raw = (proc / str(pid) / "stat").read_bytes()
        except OSError:
            continue
        # Its name, in parentheses, may hold blanks and parentheses.
        fields = raw.rpartition(b")")[2].split()
        found[pid] = _Look(
            ticks=int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS]),
            start=int(fields[_START]),
            memory=max(0, int(fields[_RESIDENT])) * _PAGE,
        )
    return found


def _describe(pid: int, look: _Look, cpu: float, total: int, proc: Path) -> Use:
    return Use(
        pid=pid,
        name=read_name(pid, proc),
        user=_read_user(pid, proc),
        cpu=round(cpu, 1),
        memory=look.memory,
        share=round(100 * look.memory / total, 1) if total else 0.0,
    )


def _read_user(pid: int, proc: Path) -> str:
    try:
        number = (proc / str(pid)).stat().st_uid
    except OSError:
        return "?"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _read_total(proc: Path) -> int:
    try:
        content = (proc / "meminfo").read_text("ascii", errors="replace")
    except OSError:
        return 0
    match = re.search(r"^MemTotal:\s+(\d+) kB", content, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
