"""The watch of logins: on from the start, until somebody switches it off.

It asks the first source that can be read, once a second, and keeps what it finds on disk until the
bridge has it. How it stands is always said as it is: a watch that sees nothing says so.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.errors import AgentError
from agent.letters import Unposted, Unwanted
from agent.limits import (
    LETTER_AGAIN_SECONDS,
    LOG_LOOK_SECONDS,
    LOG_MARK_SECONDS,
    WATCH_AGAIN_SECONDS,
    WATCH_SILENT_SECONDS,
)
from agent.merging import LoginEvent, Merging
from agent.sources import Batch, Source, Unreadable
from agent.spool import Spool, sync_folder, write_whole

LETTER_KIND: Final = "login"
"""What a letter about a login is called."""
Post = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Sends a letter, of a kind and with facts, and returns once the bridge has it on disk."""
_log = logging.getLogger(__name__)
_NOT_BEGUN: Final = "the watch has not begun yet"


@dataclass(frozen=True)
class _Stand:
    """How the watch stands."""

    state: str
    """`watching`, `blind` or `off`."""
    source: str = ""
    problem: str = ""


class LoginWatch:
    """Watches who logs in, and tells the bridge."""

    def __init__(
        self,
        spool_folder: Path,
        sources: Sequence[Source],
        post: Post,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tells_sudo: bool = False,
        count: Callable[[LoginEvent], object] | None = None,
    ) -> None:
        self._folder = spool_folder
        self._sources = list(sources)
        self._post = post
        self._clock = clock
        self._sleep = sleep
        self._count = count
        """Told of each event as it is seen."""
        self._spool = Spool(spool_folder)
        self._merging = Merging(lambda: secrets.token_hex(16), tells_sudo=tells_sudo)
        self._active: Source | None = None
        self._is_on = True
        self._is_reading = False
        self._stand = _Stand("blind", problem=_NOT_BEGUN)
        self._since = self._looked_at = clock()
        self._seen = 0
        self._unposted = ""
        self._mark = ("", "")
        """The source that was read in a former life, and how far."""
        self._marked = ("", 0.0)
        """What was kept of that last, and when."""
        self._news = asyncio.Event()

    def status(self) -> dict[str, Any]:
        """Say how the watch stands, as facts of an answer."""
        stand, problems = self._stand, [self._stand.problem]
        silent = abs(self._clock() - self._looked_at)
        if silent > WATCH_SILENT_SECONDS and stand.state != "off":
            stand = _Stand("blind")
            problems.append(f"the watch has not looked for {silent:.0f} s")
        if self._spool.problem:
            problems.append(f"events are in memory alone: {self._spool.problem}")
        if self._spool.lost:
            problems.append(f"events lost: {self._spool.lost}")
        if self._unposted:
            problems.append(f"the bridge does not take them: {self._unposted}")
        return {
            "state": stand.state,
            "source": stand.source,
            "since": self._since,
            "problem": "; ".join(filter(None, problems)),
            "waiting": len(self._spool),
            "seen": self._seen,
        }

    @property
    def waiting(self) -> int:
        """How many events the bridge does not have yet."""
        return len(self._spool)

    def switch(self, on: bool) -> None:  # noqa: FBT001 - the one thing that it says
        """Switch the watch on or off, also for the next start.

        Raises:
            AgentError: that could not be remembered.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if on:
                self._off_path.unlink(missing_ok=True)
            else:
                write_whole(self._off_path, b"off\n")
            sync_folder(self._folder)
        except OSError as fault:
            raise AgentError(f"the switch could not be remembered: {fault.strerror}") from fault
        self._is_on = on
        if not on:
            self._note(_Stand("off"))
        elif self._stand.state == "off":
            self._note(_Stand("blind", problem=_NOT_BEGUN))

    async def run(self) -> None:
        """Watch for ever."""
        self._open()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_looking())
                group.create_task(self._keep_posting())
        finally:
            left = self._merging.flush(self._clock(), is_last=True)
            self._spool.put([each.facts() for each in left])
            for source in self._sources:
                await source.close()

    @property
    def _off_path(self) -> Path:
        return self._folder / "off"

    @property
    def _mark_path(self) -> Path:
        return self._folder / "mark"

    def _open(self) -> None:
        """Take up what was left on disk."""
        try:
            self._spool.open()
            self._is_on = not self._off_path.exists()
        except OSError as fault:
            self._spool.problem = fault.strerror or type(fault).__name__
        self._mark = self._read_mark()
        if not self._is_on:
            self._note(_Stand("off"))

    async def _keep_looking(self) -> None:
        while True:
            pause = LOG_LOOK_SECONDS
            try:
                await self._look()
            except Exception as fault:  # noqa: BLE001 - a watch that ended would be silent for good
                _log.error("the watch of logins failed", exc_info=fault)
                self._note(_Stand("blind", problem=f"a fault of our own: {type(fault).__name__}"))
                pause = WATCH_AGAIN_SECONDS
            await self._sleep(pause)

    async def _look(self) -> None:
        """Look once at what is new, and keep it."""
        now = self._looked_at = self._clock()
        if not self._is_on:
            await self._leave()
            await self._keep(self._merging.flush(now, is_last=True))
            return
        batch = await self._read(now)
        events = self._merging.flush(now)
        for told in batch.told if batch else ():
            events += self._merging.note(told, now)
        await self._keep(events)
        if batch:
            self._write_mark(batch.mark, now)

    async def _read(self, now: float) -> Batch | None:
        """Read the source that was read last; where it fails, the first that can be read."""
        self._is_reading = True
        problems: list[str] = []
        order = sorted(self._sources, key=lambda each: each is not self._active)
        for source in order:
            mark = self._mark_for(source)
            try:
                batch = await source.read(mark, now)
            except Unreadable as fault:
                problems.append(f"{source.name}: {fault}")
                continue
            if batch.problem:
                problems.append(f"{source.name}: {batch.problem}")
                if not batch.told:
                    continue
                self._note(_Stand("blind", problem="; ".join(problems)))
                return batch
            if self._active is not source:
                await self._take(source)
            self._mark = ("", "")
            if self._is_on:  # it may have been switched off while we read
                self._note(_Stand("watching", source=source.name))
            return batch
        if self._is_on:
            self._note(_Stand("blind", problem="; ".join(problems) or "there is nothing to read"))
        return None

    async def _take(self, source: Source) -> None:
        """Read that source from now on, and let go of the others."""
        self._active = source
        for other in self._sources:
            if other is not source:
                await other.close()

    async def _leave(self) -> None:
        """Let go of everything: what happens until somebody switches us on is not told."""
        if not self._is_reading:
            return
        self._is_reading, self._active, self._mark = False, None, ("", "")
        self._mark_path.unlink(missing_ok=True)
        for source in self._sources:
            await source.close()

    async def _keep(self, events: Sequence[LoginEvent]) -> None:
        if events or self._spool.problem:
            self._seen += len(events)
            if self._count is not None:
                for event in events:
                    self._count(event)
            await asyncio.to_thread(self._spool.put, [each.facts() for each in events])
        if len(self._spool):
            self._news.set()

    def _note(self, stand: _Stand) -> None:
        if (stand.state, stand.source) != (self._stand.state, self._stand.source):
            self._since = self._clock()
            _log.info("watch of logins: %s %s", stand.state, stand.source or stand.problem)
        self._stand = stand

    def _mark_for(self, source: Source) -> str:
        """Give the mark of a former life, to the source it belongs to."""
        name, mark = self._mark
        return mark if name == source.name else ""

    def _read_mark(self) -> tuple[str, str]:
        """Read where we had stopped, if that was a moment ago."""
        try:
            kept = json.loads(self._mark_path.read_bytes())
            is_fresh = abs(self._clock() - kept["at"]) < LOG_MARK_SECONDS
            return (str(kept["source"]), str(kept["mark"])) if is_fresh else ("", "")
        except (OSError, ValueError, KeyError, TypeError):
            return "", ""

    def _write_mark(self, mark: str, now: float) -> None:
        is_kept = mark == self._marked[0] and abs(now - self._marked[1]) < LOG_MARK_SECONDS / 3
        if self._active is None or not mark or is_kept:
            return
        kept = {"source": self._active.name, "mark": mark, "at": now}
        try:
            self._mark_path.write_bytes(json.dumps(kept).encode("ascii"))
        except OSError:
            _log.debug("the place in the log could not be kept")
        self._marked = (mark, now)

    async def _keep_posting(self) -> None:
        """Send what waits, the oldest first, as often as it takes."""
        wait = LETTER_AGAIN_SECONDS[0]
        while True:
            waiting = self._spool.first()
            if waiting is None:
                self._news.clear()
                await self._news.wait()
                continue
            if await self._send(*waiting):
                wait = LETTER_AGAIN_SECONDS[0]
                continue
            await self._sleep(wait * (0.5 + secrets.randbelow(1000) / 2000))
            wait = min(2 * wait, LETTER_AGAIN_SECONDS[1])

    async def _send(self, turn: int, facts: Mapping[str, Any]) -> bool:
        """Send one event; answer whether it is out of the way."""
        try:
            await self._post(LETTER_KIND, facts)
        except Unposted as fault:
            self._unposted = str(fault)
            return False
        except Unwanted as fault:
            _log.error("the bridge cannot read a login and it is dropped: %s", fault)
            self._spool.lost += 1
        except Exception as fault:  # noqa: BLE001 - the same; the event waits
            _log.error("a letter failed unforeseen", exc_info=fault)
            self._unposted = type(fault).__name__
            return False
        self._unposted = ""
        await asyncio.to_thread(self._spool.drop, turn)
        return True
