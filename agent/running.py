"""One job from its start to its end, and those who hear it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from agent import limits, runner
from agent.errors import Denied
from agent.nursery import Born, Nursery
from agent.output import Spill, Transcript
from agent.reading import Reading
from agent.wire import Ended, Event, Progress, Started, Why

_WORD: Final = 128
"""No word of a runner is longer."""
_WHY: Final = {
    runner.DONE: Why.DONE,
    runner.TIME: Why.TIME,
    runner.STOPPED: Why.STOPPED,
    runner.GONE: Why.GONE,
}


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is to run."""

    argv: tuple[str, ...]
    shown: str
    """As a person reads it."""
    seconds: float
    """How long it may take."""
    folder: str | None = None
    """Where it runs; a folder of its own otherwise."""


class _End(NamedTuple):
    """How a job ended, as its runner says."""

    why: Why
    status: int
    """As the kernel has it; -1 where it is not known."""
    seconds: float
    stuck: bool


class Running:
    """A job: it runs, or has ended."""

    def __init__(
        self, job: str, command: Command, *, spill: Spill, clock: Callable[[], float]
    ) -> None:
        self.job = job
        self.command = command
        self._clock = clock
        self._transcript = Transcript(spill)
        self._started: Started | None = None
        self._ended: Ended | None = None
        self._fault: Denied | None = None
        self._listeners = 0
        self._bell = asyncio.Event()
        self._wish: Why | None = None
        self._born: Born | None = None
        self._flushing: asyncio.TimerHandle | None = None
        self._flushed = float("-inf")

    def stop(self) -> None:
        """Have it end: somebody stops it."""
        self._wish = self._wish or Why.STOPPED
        if self._born is not None:
            with suppress(OSError):  # it has just ended
                self._born.control.send(runner.STOP)

    def leave(self) -> None:
        """Have it end: whoever had asked is gone."""
        self._wish = self._wish or Why.GONE
        if self._born is not None:
            with suppress(OSError):
                self._born.control.shutdown(socket.SHUT_WR)  # its runner hears an end

    async def hear(self) -> AsyncGenerator[Event, None]:
        """Hear it from the start; when the last who hears it goes, it ends.

        Raises:
            Denied: it could not be started.
        """
        self._listeners += 1
        try:
            async with aclosing(self._replay()) as events:
                async for event in events:
                    yield event
        finally:
            self._listeners -= 1
            if self._listeners == 0 and self._ended is None:
                self.leave()

    async def run(self, nursery: Nursery, *, started: Started) -> Ended:
        """Run it to its end.

        Raises:
            AgentError: it cannot be started.
            ValueError: these are no arguments of a program.
        """
        command = self.command
        if self._wish is not None:
            return self._conclude(_End(self._wish, -1, 0.0, stuck=False))
        born = await nursery.bear(
            command.argv, seconds=command.seconds, folder=command.folder or ""
        )
        self._born, self._started = born, started
        self._ring()
        reading = Reading(born.output, born.errors, self._take)
        progress = asyncio.create_task(self._tell_progress())
        try:
            self._repeat_wish()
            end = await self._wait_for_end(born, nursery)
            await _drain(reading)
        finally:
            self._born = None
            progress.cancel()
            reading.close()
            born.close()
        return self._conclude(end)

    def end(self, ended: Ended) -> None:
        """Tell all who hear it that it is over."""
        self._ended = ended
        self._ring()

    def fail(self, fault: Denied) -> None:
        """Tell all who hear it that it could not be started."""
        self._fault = fault
        self._ring()

    def conclude_unborn(self) -> Ended:
        """Say how one ended that could not be started."""
        return self._conclude(_End(Why.LOST, -1, 0.0, stuck=False))

    async def _replay(self) -> AsyncGenerator[Event, None]:
        told = 0
        is_begun = False
        progress: Progress | None = None
        while True:
            bell = self._bell
            if self._fault is not None:
                raise self._fault
            if self._started is not None and not is_begun:
                is_begun = True
                yield self._started
            while told < len(self._transcript.pieces):
                told += 1
                yield self._transcript.pieces[told - 1]
            if self._transcript.progress is not progress:
                progress = self._transcript.progress
                if progress is not None:
                    yield progress
            if self._ended is not None and told == len(self._transcript.pieces):
                yield self._ended
                return
            await bell.wait()

    async def _wait_for_end(self, born: Born, nursery: Nursery) -> _End:
        """Wait until its runner says how it ended; longer than it may take, for nobody."""
        loop = asyncio.get_running_loop()
        most = self.command.seconds + limits.JOB_END_SECONDS + limits.JOB_WATCH_SECONDS
        try:
            async with asyncio.timeout(most):
                return _read_end(await loop.sock_recv(born.control, _WORD))
        except TimeoutError:
            await nursery.abandon(born.number)
            return _End(self._wish or Why.TIME, -1, most, stuck=True)
        except ConnectionError:
            return _read_end(b"")

    def _repeat_wish(self) -> None:
        """Tell a runner that has just come to be what was wished before it was there."""
        if self._wish is Why.STOPPED:
            self.stop()
        elif self._wish is not None:
            self.leave()

    def _conclude(self, end: _End) -> Ended:
        if self._flushing is not None:
            self._flushing.cancel()
        last, left_out = self._transcript.finish(self._clock())
        is_signal = end.status >= 0 and os.WIFSIGNALED(end.status)
        has_code = end.status >= 0 and os.WIFEXITED(end.status)
        return Ended(
            job=self.job,
            at=self._clock(),
            why=end.why,
            code=os.WEXITSTATUS(end.status) if has_code else None,
            signal=_name_signal(os.WTERMSIG(end.status)) if is_signal else "",
            seconds=end.seconds,
            bytes=self._transcript.bytes,
            digest=self._transcript.digest,
            last=last,
            left_out=left_out,
            kept=self._transcript.kept,
            stuck=end.stuck,
        )

    def _take(self, chunk: bytes, is_error: bool) -> None:  # noqa: FBT001 - see reading.Take
        self._transcript.take(chunk, is_error=is_error, now=self._clock())
        if self._flushing is None:
            loop = asyncio.get_running_loop()
            wait = self._flushed + limits.PIECE_SECONDS - loop.time()
            if wait <= 0:
                self._flush()
            else:
                self._flushing = loop.call_later(wait, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        self._flushed = asyncio.get_running_loop().time()
        if self._transcript.flush():
            self._ring()

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(limits.PROGRESS_SECONDS)
            if self._transcript.is_long:
                self._transcript.tell(self._clock())
                self._ring()

    def _ring(self) -> None:
        """Wake all who hear it."""
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()


async def _drain(reading: Reading) -> None:
    """Read what a job that is over has written."""
    try:
        async with asyncio.timeout(limits.JOB_DRAIN_SECONDS):
            await reading.is_over.wait()
    except TimeoutError:  # somebody outside may hold the pipes for ever, or this loop was late
        reading.take_rest()


def _read_end(said: bytes) -> _End:
    """Read a runner's last word; without one it was killed, and its job with it."""
    if not said:
        return _End(Why.LOST, -1, 0.0, stuck=False)
    why, status, seconds, stuck = said.decode().split()
    return _End(_WHY[why], int(status), float(seconds), stuck=stuck == "1")


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
