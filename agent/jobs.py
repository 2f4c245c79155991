"""The jobs of this host: each runs once, is heard by whoever asks, and ends with the last of them.

What a listener hears are the events from the start, as far as they are kept. A job that nobody
hears any more is ended: the bridge has vanished, and nobody could stop it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final

from agent import limits
from agent.errors import AgentError, Denied
from agent.nursery import Nursery
from agent.output import Spill, remove_oldest
from agent.record import Noted, Record
from agent.running import Command, Running
from agent.wire import Ended, Event, Started

__all__ = ["Command", "Jobs"]
RECORD: Final = "record"
OUTPUTS: Final = "jobs"
_log = logging.getLogger(__name__)


class Jobs:
    """All jobs of this host: the running, the last ones, and what is on record of the others.

    `folder` is the agent's state folder: its record and the kept outputs are in there.
    """

    def __init__(self, folder: Path, *, nursery: Nursery, clock: Callable[[], float]) -> None:
        self._outputs = folder / OUTPUTS
        self._outputs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._record = Record(folder / RECORD, clock=clock)
        self._nursery = nursery
        self._clock = clock
        self._live: dict[str, Running] = {}
        self._over: OrderedDict[str, Running] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def running(self) -> int:
        """Count the jobs that run."""
        return len(self._live)

    async def run(self, job: str, command: Command) -> AsyncGenerator[Event, None]:
        """Run a job and tell what becomes of it; one that is known is told of, and not run again.

        Raises:
            Denied: there are too many at once, or it cannot be started.
        """
        running = self._find(job)
        if running is None and self._record.find(job) is None:
            running = self._start(job, command)
        async with aclosing(self._tell(job, running)) as events:
            async for event in events:
                yield event

    async def follow(self, job: str) -> AsyncGenerator[Event, None]:
        """Tell what becomes of a job, from its start.

        Raises:
            Denied: it is not known here.
        """
        async with aclosing(self._tell(job, self._find(job))) as events:
            async for event in events:
                yield event

    async def cancel(self, job: str) -> bool:
        """Have a job end; say whether it ran. Its listeners hear when it has."""
        running = self._live.get(job)
        if running is None:
            return False
        running.stop()
        return True

    def fetch(self, job: str) -> bytes:
        """Fetch the output of a job that was kept in a file.

        Raises:
            Denied: there is none.
        """
        try:
            with self._path(job).open("rb") as file:
                return file.read(limits.KEPT_BYTES)
        except OSError:
            raise Denied("unknown", "no output of that job is kept here") from None

    async def close(self) -> None:
        """End all jobs, and take no further ones."""
        self._is_closed = True
        for each in self._live.values():
            each.leave()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._record.close()

    def _find(self, job: str) -> Running | None:
        return self._live.get(job) or self._over.get(job)

    def _start(self, job: str, command: Command) -> Running:
        """Have a job start; from here on it is known, so that no other is started in its name."""
        if self._is_closed:
            raise Denied("ending", "the agent is ending")
        if len(self._live) >= limits.JOBS_AT_ONCE:
            raise Denied("busy", f"{limits.JOBS_AT_ONCE} jobs run here already; more have to wait")
        spill = Spill(self._path(job), make_room=self._make_room)
        running = Running(job, command, spill=spill, clock=self._clock)
        self._live[job] = running
        task = asyncio.create_task(self._see_through(running))
        self._tasks.add(task)
        task.add_done_callback(partial(self._forget, running))
        return running

    async def _see_through(self, running: Running) -> None:
        """See a job through, and tell of its end once it is on record."""
        try:
            ended = await self._run_on_record(running)
        except Denied as fault:
            self._retire(running)
            running.fail(fault)
        else:
            self._retire(running)
            running.end(ended)

    async def _run_on_record(self, running: Running) -> Ended:
        """Put a job on record, run it, and put its end on record.

        Raises:
            Denied: nothing of it ran.
        """
        started = Started(at=self._clock(), shown=running.command.shown)
        try:
            await self._note(self._record.note_begun, running.job, started.shown, started.at)
        except OSError as fault:
            _log.error("a job is not on record, and does not start: %s", fault.strerror)
            raise Denied("record", "this host's own record cannot be written") from None
        try:
            ended = await running.run(self._nursery, started=started)
        except AgentError as fault:
            await self._note(self._record.note_ended, running.conclude_unborn())
            raise Denied("start", str(fault)) from None
        except ValueError:
            await self._note(self._record.note_ended, running.conclude_unborn())
            raise Denied("argument", "no program takes such arguments") from None
        await self._note(self._record.note_ended, ended)
        return ended

    async def _note(self, note: Callable[..., None], *what: object) -> None:
        """Have a thread write it: a disk may take its time."""
        await asyncio.get_running_loop().run_in_executor(None, note, *what)

    def _forget(self, running: Running, task: asyncio.Task[None]) -> None:
        """Let go of the task of a job, whatever became of it."""
        self._tasks.discard(task)
        self._retire(running)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("a job was not seen through", exc_info=fault)
            running.fail(Denied("fault", "the agent could not see the job through"))

    def _retire(self, running: Running) -> None:
        """Count a job as over; its output stays for a while."""
        if self._live.pop(running.job, None) is None:
            return
        self._over[running.job] = running
        while len(self._over) > limits.JOBS_REPLAYED:
            self._over.popitem(last=False)

    async def _tell(self, job: str, running: Running | None) -> AsyncGenerator[Event, None]:
        if running is not None:
            async with aclosing(running.hear()) as events:
                async for event in events:
                    yield event
            return
        noted: Noted | None = self._record.find(job)
        if noted is None:
            raise Denied("unknown", "no such job is known here")
        yield Started(at=noted.begun, shown=noted.shown)
        yield noted.ended

    def _make_room(self) -> None:
        remove_oldest(self._outputs, limits.KEPT_FILES - 1)

    def _path(self, job: str) -> Path:
        """Name the file of a job's output; its id may hold what no file name may."""
        return self._outputs / hashlib.sha256(job.encode()).hexdigest()[:32]
