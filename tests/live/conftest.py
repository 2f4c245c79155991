"""Real programs on free ports, each ended by the fixture that started it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.stack.binaries import ProgramMissing
from tests.fakes.local_telegram import LocalTelegram, open_local_telegram
from tests.programs import ROOT, program

TOKEN = "webhook-token-of-the-live-tests"


def free_port() -> int:
    """Find a port that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Program:
    """A running program."""

    process: asyncio.subprocess.Process
    log: Path

    async def kill(self) -> None:
        """End it without a warning."""
        self.process.kill()
        await self.process.wait()

    async def end(self) -> None:
        """End it politely."""
        if self.process.returncode is None:
            self.process.terminate()
            await asyncio.wait_for(self.process.wait(), 20)


async def until(
    condition: Callable[[], Awaitable[object]], *, seconds: float, step: float = 0.1
) -> None:
    """Wait for something that real programs do in their own time."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(step)


async def answers(url: str) -> bool:
    """Say whether a program answers 200."""
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        try:
            return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False


class Programs:
    """Starts real programs in a folder of their own."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._count = 0

    async def start(
        self,
        *command: str,
        ready: str = "",
        environ: Mapping[str, str] | None = None,
        seconds: float = 60,
    ) -> Program:
        """Start a program and wait until `ready` answers."""
        self._count += 1
        log = self.folder / f"{self._count}-{Path(command[0]).name}.log"
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self.folder,
                env={**clean, "PYTHONPATH": str(ROOT), **(environ or {})},
                stdout=out,
                stderr=out,
            )
        running = Program(process, log)
        self._stack.push_async_callback(running.end)
        if ready:
            await until(lambda: answers(ready), seconds=seconds)
        return running

    async def bridge(self, local: LocalTelegram, port: int, *wrap: str, **settings: str) -> Program:
        """Start a bridge that sends to a sandbox."""
        environ = {
            "STATE_DIR": str(self.folder / "state"),
            "BOT_TOKEN": local.sandbox.bot_token,
            "TELEGRAM_API_BASE": local.sandbox.url,
            "ALERT_CHAT_ID": "-2001",
            "SERVER_PORT": str(port),
            "WEBHOOK_TOKEN": TOKEN,
            "TIMEZONE": "UTC",
            **settings,
        }
        ready = f"http://127.0.0.1:{port}/healthz"
        return await self.start(*wrap, sys.executable, "-m", "bridge", ready=ready, environ=environ)

    async def alertmanager(self, generation: str, configuration: str, port: int) -> Program:
        """Start an Alertmanager of that generation."""
        path = self.folder / "alertmanager.yml"
        secret = self.folder / "secrets" / "webhook_token"
        secret.parent.mkdir(exist_ok=True)
        secret.write_text(TOKEN)
        path.write_text(configuration)
        return await self.start(
            str(real(generation, "alertmanager")),
            f"--config.file={path}",
            f"--storage.path={self.folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            ready=f"http://127.0.0.1:{port}/-/ready",
        )


def real(generation: str, name: str) -> Path:
    """Find a real program, or skip where this machine cannot have it."""
    try:
        return program(name, generation)
    except ProgramMissing as missing:
        pytest.skip(str(missing))


def shipped_alertmanager(bridge_port: int) -> str:
    """Give the shipped configuration, pointed at a bridge."""
    shipped = (ROOT / "alertmanager" / "alertmanager.yml").read_text()
    assert "http://127.0.0.1:8002/alerts" in shipped
    return shipped.replace("127.0.0.1:8002", f"127.0.0.1:{bridge_port}")


@pytest.fixture
async def programs(tmp_path: Path) -> AsyncIterator[Programs]:
    async with AsyncExitStack() as stack:
        yield Programs(tmp_path, stack)


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalTelegram]:
    async with open_local_telegram(tmp_path / "telegram") as local:
        yield local
