"""Somebody who keeps one bridge running, whatever ends it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.programs import ROOT

TOKEN = "webhook-token-of-the-chaos-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
UP_WITHIN = 120  # seconds; a bridge that is not up then will never be


class Nursery:
    """The process that forks bridges, as we speak with it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def fork(self, **order: Any) -> int:
        """Fork a bridge and answer its process id."""
        return int((await self._ask(order))["pid"])

    async def status(self, pid: int, *, wait: bool = False) -> int | None:
        """Say how a bridge ended; None while it lives."""
        answer = await self._ask({"pid": pid, "wait": wait})
        status: int | None = answer["status"]
        return status

    async def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        # An answer that nobody takes would be taken for the next one's.
        return await asyncio.shield(asyncio.create_task(self._exchange(order)))

    async def _exchange(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        async with self._turn:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            await self._process.stdin.drain()
            answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
            return answer


@asynccontextmanager
async def open_nursery() -> AsyncIterator[Nursery]:
    """Run a nursery; whatever it forked ends with it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.nursery"),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Nursery(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Keeper:
    """Keeps a bridge running, as a supervisor does; who ends it says so or is noticed."""

    def __init__(self, nursery: Nursery, folder: Path, port: int, environ: dict[str, str]) -> None:
        self.folder = folder
        self.ends: list[float] = []
        """When a bridge was ended, in seconds since 1970."""
        self.crashes: list[str] = []
        self.pid = 0
        self.doom: dict[str, Any] | None = None
        """Where the next bridge, and only that one, ends itself."""
        self.is_bound = False
        """Whether a file's mode counts for the bridge although it is root's."""
        self._nursery = nursery
        self._port = port
        self._environ = environ
        self._turn = asyncio.Lock()
        self.door = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers=BEARER,
            trust_env=False,
            verify=False,  # noqa: S501 - there is nothing to verify, and certificates take a while
            timeout=60,
        )

    @property
    def log(self) -> Path:
        """Everything that its bridges said."""
        return self.folder / "bridge.log"

    async def start(self) -> None:
        """Start a bridge; it may still be on its way up."""
        self.pid = await self._nursery.fork(
            environ=self._environ,
            log=str(self.log),
            clock=str(self.folder / "clock"),
            doom=self.doom,
            is_bound=self.is_bound,
        )
        self.doom = None

    async def kill(self, *, away: float = 0.0) -> None:
        """End the bridge without a warning, and start another a while later."""
        async with self._turn:
            self.ends.append(time.time())
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            await self._nursery.status(self.pid, wait=True)
            await asyncio.sleep(away)
            await self.start()

    async def watch(self) -> None:
        """Start another bridge whenever one has ended by itself."""
        while True:
            await asyncio.sleep(0.02)
            async with self._turn:
                status = await self._nursery.status(self.pid)
                if status is None:
                    continue
                self.ends.append(time.time())
                if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
                    self.crashes.append(f"ended by itself with status {status}")
                    await asyncio.sleep(0.2)
                await self.start()

    async def end(self) -> None:
        """End it for good."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        await self._nursery.status(self.pid, wait=True)
        await self.door.aclose()

    async def until_up(self) -> None:
        """Wait until a bridge answers."""
        async with asyncio.timeout(UP_WITHIN):
            while not await self._answers():  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(0.01)

    async def figures(self) -> dict[str, float]:
        """Read the bridge's figures; none while it is down."""
        try:
            answer = await self.door.get("/metrics")
        except httpx.HTTPError:
            return {}
        if answer.status_code != httpx.codes.OK:
            return {}
        text = answer.text
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(figure) for name, _, figure in lines if name}

    async def _answers(self) -> bool:
        try:
            return (await self.door.get("/healthz")).is_success
        except httpx.HTTPError:
            return False
