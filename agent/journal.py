"""The journal of systemd as a source of logins, by `journalctl` as a child process.

The journal itself notes who wrote each entry, which nobody can change: what does not come from the
daemon it names counts for nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from agent.following import Splitter
from agent.limits import (
    COMPLAINT_CHARACTERS,
    JOURNAL_AGAIN_SECONDS,
    JOURNAL_LINE_BYTES,
    JOURNAL_LINES,
    JOURNAL_WAIT_SECONDS,
)
from agent.logins import PROGRAMS, SU, SUDO, Told, read_message
from agent.sources import Batch, Unreadable

_PIECE: Final = 64 * 1024  # bytes of the child's output read at once
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}
_SYSTEM: Final = ("/usr/", "/bin/", "/sbin/", "/nix/store/", "/run/wrappers/")
"""Where programs stand that no ordinary user can put there."""
_BLIND: Final = (
    "insufficient permissions",
    "not seeing messages from other users",
    "No journal files were found",
    "No journal files were opened",
)
"""What journalctl complains of while it waits for entries that it will never see."""


class Journal:
    """The journal, read by a child that is started again when it ends."""

    name: Final = "journald"

    def __init__(self, program: str = "journalctl") -> None:
        self._program = program
        self._child: _Child | None = None
        self._mark = ""
        self._again_at = 0.0
        self._wait = JOURNAL_AGAIN_SECONDS[0]
        self._problem = ""

    async def read(self, mark: str, now: float) -> Batch:
        """Give what is new.

        Raises:
            Unreadable: it cannot be read.
        """
        child = self._child or await self._start(mark, now)
        told: list[Told] = []
        while child.entries and len(told) < JOURNAL_LINES:
            entry = child.take()
            self._mark = str(entry.get("__CURSOR") or self._mark)
            read = read_entry(entry)
            told += [read] if read else []
        complaint = child.complaint
        if complaint:
            await self._fail(complaint, now)
        if not told and complaint:
            raise Unreadable(complaint)
        if not complaint:
            self._wait = JOURNAL_AGAIN_SECONDS[0]
        return Batch(told=told, mark=self._mark, problem=complaint)

    async def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        self._mark, self._again_at = "", 0.0
        if child is not None:
            await child.end()

    async def _start(self, mark: str, now: float) -> _Child:
        if 0 <= self._again_at - now <= JOURNAL_AGAIN_SECONDS[1]:
            raise Unreadable(self._problem)
        self._mark = self._mark or mark
        place = f"--after-cursor={self._mark}" if self._mark else "--since=now"
        # --no-tail: beside a cursor, --follow would begin ten entries before the end.
        options = ("--follow", "--no-tail", "--no-pager", "--output=json", place)
        names = [f"SYSLOG_IDENTIFIER={name}" for name in sorted(PROGRAMS)]
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                *options,
                *names,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as fault:
            missing = isinstance(fault, FileNotFoundError)
            self._delay("journalctl is not installed" if missing else str(fault.strerror), now)
            raise Unreadable(self._problem) from fault
        self._child = _Child(process)
        await self._child.settle()
        return self._child

    async def _fail(self, complaint: str, now: float) -> None:
        """End a child that is of no use; another starts from the same place, but not at once."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()
        self._delay(complaint, now)

    def _delay(self, problem: str, now: float) -> None:
        self._problem = problem
        self._again_at = now + self._wait
        self._wait = min(2 * self._wait, JOURNAL_AGAIN_SECONDS[1])


@dataclass
class _Child:
    """One run of journalctl."""

    process: asyncio.subprocess.Process
    entries: deque[dict[str, Any]] = field(default_factory=deque)
    said: str = ""
    _is_over: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._room.set()
        self._tasks = [
            asyncio.create_task(self._read_entries()),
            asyncio.create_task(self._read_complaints()),
        ]

    @property
    def complaint(self) -> str:
        """What is wrong with it; empty while it does its work, or has entries left."""
        if any(each in self.said for each in _BLIND):
            return "this user may not read the system's journal, or there is none"
        if self.process.returncode is None or self.entries:
            return ""
        said = self.said.strip().rpartition("\n")[2][:COMPLAINT_CHARACTERS]
        return said or f"journalctl ended with code {self.process.returncode}"

    def take(self) -> dict[str, Any]:
        """Take the oldest entry."""
        entry = self.entries.popleft()
        if len(self.entries) < JOURNAL_LINES:
            self._room.set()
        return entry

    async def settle(self) -> None:
        """Give it the time to say that it cannot work."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.process.wait()), JOURNAL_WAIT_SECONDS)
            await asyncio.gather(*self._tasks)

    async def end(self) -> None:
        """Kill it."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self._is_over = True
        self._room.set()
        # To the end of the pipes, or they would stay open.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(JOURNAL_WAIT_SECONDS):
                await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await self.process.wait()

    async def _read_entries(self) -> None:
        lines, pipe = Splitter(JOURNAL_LINE_BYTES), self.process.stdout
        while pipe is not None and (piece := await pipe.read(_PIECE)):
            for line in lines.feed(piece):
                entry = _parse(line)
                if entry:
                    self.entries.append(entry)
            # What is not fetched stays in the pipe, and journalctl waits.
            if len(self.entries) >= JOURNAL_LINES and not self._is_over:
                self._room.clear()
                await self._room.wait()

    async def _read_complaints(self) -> None:
        pipe = self.process.stderr
        while pipe is not None and (piece := await pipe.read(_PIECE)):
            self.said = (self.said + piece.decode("utf-8", errors="replace"))[-4096:]


def read_entry(entry: Mapping[str, Any]) -> Told | None:
    """Read an entry of the journal; None where it tells nothing, or is not by whom it says."""
    program = entry.get("SYSLOG_IDENTIFIER")
    text = _decode(entry.get("MESSAGE"))
    if not isinstance(program, str) or program not in PROGRAMS or not text:
        return None
    if not _is_genuine(PROGRAMS[program], entry):
        return None
    pid = str(entry.get("SYSLOG_PID") or entry.get("_PID") or "0")
    told = read_message(program, int(pid) if pid.isascii() and pid.isdigit() else 0, text)
    return replace(told, stamp=str(entry.get("__REALTIME_TIMESTAMP", ""))) if told else None


def _is_genuine(program: str, entry: Mapping[str, Any]) -> bool:
    """Say whether the journal itself names a writer that may say such things.

    sudo and su write as whoever called them, so there the program's own place counts.
    """
    if entry.get("_UID") == "0":
        return True
    place = str(entry.get("_EXE", ""))
    return program in {SUDO, SU} and place.startswith(_SYSTEM) and place.endswith(f"/{program}")


def _decode(message: object) -> str:
    """Read a message: text, or numbers where it is not all text."""
    if isinstance(message, str):
        return message
    if isinstance(message, list):
        with contextlib.suppress(ValueError, TypeError):
            return bytes(message).decode("utf-8", errors="replace")
    return ""


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
