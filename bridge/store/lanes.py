"""A lane of writes: a thread of its own, and one commit for all that waits.

Writes that wait together are committed together: one fsync serves them all. A commit each gave a
p99 of half a second at sixteen clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, ProgrammingError, SQLAlchemyError

from bridge import limits
from bridge.errors import Outage

TOGETHER = 64  # chosen: writes in one commit; keeps the slowest below 50 ms

Result = TypeVar("Result")
Work = Callable[[Connection], Result]
Commit = Callable[[Sequence[Work[Any]]], list[Any]]
"""Commits works as one, in the lane's thread, and answers what each has come to."""


@dataclass(frozen=True)
class _Job:
    work: Work[Any]
    answer: asyncio.Future[Any]


class Lane:
    """Writes one after the other; lanes do not wait for each other."""

    def __init__(self, name: str, party: str, commit: Commit) -> None:
        self._party = party
        self._commit_together = commit
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._jobs: list[_Job] = []
        self._patient: list[_Job] = []
        self._draining: asyncio.Task[None] | None = None

    async def write(self, work: Work[Result], *, is_patient: bool = False) -> Result:
        """Run `work` and return once it is on disk; it may run a second time if a neighbour fails.

        Patient work is long: it is committed alone, after what waits with it, and lets what has
        come meanwhile go first again.

        Raises:
            Outage: nothing of it was kept, as far as the disk says; one that hangs may keep it yet.
        """
        job = _Job(work, asyncio.get_running_loop().create_future())
        (self._patient if is_patient else self._jobs).append(job)
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        try:
            async with asyncio.timeout(limits.WRITE_PATIENCE.total_seconds()):
                result: Result = await job.answer
        except TimeoutError as fault:
            self._give_up(job)
            raise Outage(self._party, "the disk does not answer") from fault
        return result

    async def call(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Run something between two commits."""
        return await in_thread(self._thread, call, *arguments)

    async def finish(self) -> None:
        """Finish what is being written."""
        if self._draining is not None:
            await self._draining

    def shutdown(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown()

    def _give_up(self, job: _Job) -> None:
        """Take back what has not been begun: its body must not pile up behind a disk that hangs."""
        for waiting in (self._jobs, self._patient):
            if job in waiting:
                waiting.remove(job)

    async def _drain(self) -> None:
        while self._jobs or self._patient:
            batch, self._jobs = self._jobs[:TOGETHER], self._jobs[TOGETHER:]
            await self._write(batch)
            if self._patient:
                await self._write([self._patient.pop(0)])

    async def _write(self, batch: list[_Job]) -> None:
        """Commit a batch and tell everybody who waits for it."""
        for job, answer in zip(batch, await self._commit(batch), strict=True):
            if job.answer.done():  # whoever asked has given up; the write stands all the same
                continue
            if isinstance(answer, BaseException):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)

    async def _commit(self, batch: list[_Job]) -> list[Any]:
        """Commit a batch as one, or, when one of it fails, each alone."""
        if not batch:
            return []
        together = self.call(self._commit_together, [job.work for job in batch])
        outcome = (await asyncio.gather(together, return_exceptions=True))[0]
        if not isinstance(outcome, BaseException):
            return list(outcome)
        if len(batch) == 1:
            return [outcome]
        return [answer for job in batch for answer in await self._commit([job])]


def run_together(engine: Engine, works: Sequence[Work[Any]], party: str) -> list[Any]:
    """Run works in one transaction and answer what each has come to.

    Raises:
        Outage: the database does not do its part; nothing of it was kept.
    """
    try:
        with engine.begin() as connection:
            return [work(connection) for work in works]
    except SQLAlchemyError as fault:
        raise Outage(party, read_reason(fault)) from fault


def read_reason(fault: SQLAlchemyError) -> str:
    """Say it in the database's own words, without the statement and its values."""
    if isinstance(fault, (DataError, ProgrammingError)):
        return type(fault.orig).__name__  # PostgreSQL quotes what it could not take
    return str(getattr(fault, "orig", None) or type(fault).__name__).partition("\n")[0]


async def in_thread(executor: Executor, call: Callable[..., Any], *arguments: Any) -> Any:
    """Run something in a thread of this executor."""
    return await asyncio.get_running_loop().run_in_executor(executor, lambda: call(*arguments))
