"""Pictures are drawn in a process of their own: the loop goes on, and memory is given back.

A pool of the standard library would do but for two things: it cannot end a worker that hangs, and
its processes have the bridge's environment, with the secrets in it. This one is given facts and
gives back pictures; what it knows otherwise is which fonts to use.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bridge import limits
from bridge.core.charts import Facts
from bridge.errors import Late, Outage, TooMuch
from bridge.logs import create_log
from bridge.views.frames import HEAD, PICTURE, READY, pack_request, read_head

PARTY: Final = "the drawing of pictures"
_WORKER: Final = "bridge.views.chart_worker"
_PROJECT: Final = Path(__file__).resolve().parents[1]
_ATTEMPTS: Final = 2
"""A worker may have died since its last picture; the second one is fresh."""
_PIECE: Final = 4096
_log = create_log(__name__)


class _WorkerDied(Exception):
    """The worker is no more."""


class _Worker:
    """One process that draws."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._complaints = asyncio.create_task(_pass_on(process))
        self._busy = asyncio.Lock()
        self.drawn = 0
        self.languages: frozenset[str] = frozenset()

    @classmethod
    async def start(cls, folder: Path, wish: str) -> _Worker:
        """Start one, and wait until it can draw at once.

        Raises:
            Outage: it cannot be started.
        """
        try:
            _make(folder)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", _WORKER, wish),
                cwd=folder,
                env={
                    "MPLCONFIGDIR": str(folder),
                    "PYTHONPATH": str(_PROJECT),
                    "PATH": os.defpath,
                },
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
            )
        except OSError as fault:
            raise Outage(PARTY, f"cannot be started ({type(fault).__name__})") from fault
        worker = cls(process)
        try:
            async with asyncio.timeout(limits.CHART_WORKER_SECONDS):
                kind, payload = await worker._read()
        except (TimeoutError, _WorkerDied):
            await worker.end()
            raise Outage(PARTY, "cannot be started") from None
        except asyncio.CancelledError:
            await worker.end()
            raise
        if kind == READY:
            worker.languages = frozenset(json.loads(payload))
        return worker

    @property
    def is_alive(self) -> bool:
        """Say whether it has not ended, as far as is known."""
        return self._process.returncode is None

    async def draw(self, request: bytes) -> bytes:
        """Have a picture drawn.

        Raises:
            _WorkerDied: it ended meanwhile.
            Outage: this one cannot be drawn.
        """
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self.drawn += 1
        async with self._busy:
            try:
                self._process.stdin.write(pack_request(request))
                await self._process.stdin.drain()
            except OSError:
                raise _WorkerDied from None
            kind, payload = await self._read()
        if kind != PICTURE:
            _log.error("a picture cannot be drawn", action="draw", said=payload.decode())
            raise Outage(PARTY, "failed")
        return payload

    async def retire(self) -> None:
        """End it once it has drawn what it draws."""
        try:
            async with self._busy:
                pass
        finally:
            await self.end()

    async def end(self) -> None:
        """End it, whatever it does."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._complaints.cancel()
        await asyncio.wait({self._complaints})
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _read(self) -> tuple[bytes, bytes]:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            kind, length = read_head(await self._process.stdout.readexactly(HEAD))
            return kind, await self._process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, OSError):
            raise _WorkerDied from None


class Drawing:
    """Draws pictures, one after the other, for as long as the context lasts."""

    def __init__(
        self,
        folder: Path,
        *,
        fonts: Sequence[str] = (),
        samples: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder.absolute()
        self._samples = dict(samples or {})
        self._wish = json.dumps({"fonts": list(fonts), "samples": self._samples})
        self._worker: _Worker | None = None
        self._turn = asyncio.Lock()
        self._under_way: dict[bytes, asyncio.Task[bytes]] = {}
        self._preparing: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Have the first worker ready soon; nobody waits for it, and what arrives comes first."""
        self._warming = asyncio.create_task(self._warm_up())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the worker, and whoever still waits for it."""
        early = (self._warming, self._preparing)
        tasks = {*self._under_way.values(), *(each for each in early if each is not None)}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._worker is not None:
            await self._worker.end()

    async def draw(self, facts: Facts) -> bytes:
        """Draw a picture as a PNG; who asks for the same at the same time gets the same.

        Raises:
            TooMuch: too many wait already.
            Late: it is not drawn in time.
            Outage: it cannot be drawn.
        """
        request = pickle.dumps(facts)
        task = self._under_way.get(request)
        if task is None:
            if len(self._under_way) >= limits.CHARTS_WAITING:
                raise TooMuch("too many pictures are being drawn; ask again in a moment")
            task = asyncio.create_task(self._draw(request))
            self._under_way[request] = task
            task.add_done_callback(lambda done: self._forget(request, done))
        try:
            async with asyncio.timeout(limits.CHART_PATIENCE_SECONDS):
                return await asyncio.shield(task)  # whoever stops waiting stops waiting alone
        except TimeoutError:
            raise Late(PARTY, f"no picture within {limits.CHART_PATIENCE_SECONDS} s") from None

    def choose_language(self, wanted: str, otherwise: str) -> str:
        """Choose the language of a picture: the wanted one, unless no font here can write it."""
        worker = self._worker
        is_written = worker is None or wanted not in self._samples or wanted in worker.languages
        return wanted if is_written else otherwise

    async def _draw(self, request: bytes) -> bytes:
        async with self._turn:
            for _ in range(_ATTEMPTS):
                worker = await self._find_worker()
                try:
                    async with asyncio.timeout(limits.CHART_SECONDS):
                        return await worker.draw(request)
                except _WorkerDied:
                    _log.warning("the worker that draws has ended; another follows", action="draw")
                    await self._discard(worker)
                except TimeoutError:
                    await self._discard(worker)
                    raise Late(PARTY, f"took over {limits.CHART_SECONDS} s") from None
            raise Outage(PARTY, "failed")

    async def _find_worker(self) -> _Worker:
        """Give the worker, or start one; have another follow the one that has drawn enough."""
        if self._worker is not None and not self._worker.is_alive:
            await self._discard(self._worker)
        if self._worker is None:
            await asyncio.shield(self._prepare())
        if self._worker is None:
            raise Outage(PARTY, "cannot be started")
        if self._worker.drawn >= limits.CHARTS_A_WORKER:
            self._prepare()
        return self._worker

    async def _warm_up(self) -> None:
        """Start a worker before anybody asks, once the bridge itself has started.

        It loads for a second or two at full speed, and a bridge that comes back has alerts to send.
        """
        await asyncio.sleep(limits.CHART_WARM_AFTER_SECONDS)
        if self._worker is None:
            self._prepare()

    def _prepare(self) -> asyncio.Task[None]:
        """Have a worker started, unless one is being started."""
        if self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(self._follow())
        return self._preparing

    async def _follow(self) -> None:
        """Start a worker; once it can draw, it takes the place of the one before."""
        try:
            worker = await _Worker.start(self._folder, self._wish)
        except Outage as fault:
            _log.error("no worker that draws can be started", action="draw", reason=fault.reason)
            return
        before, self._worker = self._worker, worker
        if before is not None:
            await before.retire()

    async def _discard(self, worker: _Worker) -> None:
        if self._worker is worker:
            self._worker = None
        await worker.end()

    def _forget(self, request: bytes, done: asyncio.Task[bytes]) -> None:
        del self._under_way[request]
        if not done.cancelled():
            done.exception()  # it was told to whoever still waited


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _pass_on(process: Process) -> None:
    """Pass on what a worker complains about, as far as it helps; read the rest all the same."""
    assert process.stderr is not None  # noqa: S101 - a pipe was asked for
    said = 0
    while piece := await process.stderr.read(_PIECE):
        said += 1
        if said <= limits.CHART_WORKER_COMPLAINTS:
            text = piece.decode(errors="replace").rstrip()
            _log.warning("the worker that draws complains", action="draw", said=text)
