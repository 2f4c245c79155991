"""Real programs on free ports, each ended by the fixture that started it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.stack.binaries import ProgramMissing
from sandbox.server import open_sandbox
from sandbox.settings import Settings as SandboxSettings
from tests.fakes.local_telegram import ADA, ON_CALL, OPERATIONS, LocalTelegram, open_local_telegram
from tests.live import hurried
from tests.ports import free_port
from tests.programs import ROOT, program

TOKEN = "webhook-token-of-the-live-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NOWHERE = "http://127.0.0.1:9"  # nobody listens on the port of `discard`
CHATS = (ON_CALL, OPERATIONS, ADA, 1002, 1003)
CARDS_ALONE = {"BOARD_PATIENCE": 3600.0}
"""The span of a bridge that puts nothing on a board, however long a card had to wait."""
PATIENCE = 120
"""Seconds for what takes one: a machine that is busy with other tests takes many times as long."""


def plain_client(seconds: float) -> httpx.AsyncClient:
    """Make a client for the loopback; reading the machine's certificates would take 40 ms."""
    return httpx.AsyncClient(trust_env=False, timeout=seconds, verify=False)  # noqa: S501 - no TLS


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
            await asyncio.wait_for(self.process.wait(), PATIENCE)


async def until(
    condition: Callable[[], Awaitable[object]], *, seconds: float, step: float = 0.1
) -> None:
    """Wait for something that real programs do in their own time."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(step)


async def answers(url: str) -> bool:
    """Say whether a program answers 200."""
    async with plain_client(10) as client:
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
        seconds: float = PATIENCE,
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

    async def bridge(
        self,
        local: LocalTelegram,
        port: int,
        *wrap: str,
        spans: Mapping[str, float] | None = None,
        **settings: str,
    ) -> Program:
        """Start a bridge that sends to a sandbox; `spans` are those that it hurries with."""
        environ = {
            "STATE_DIR": str(self.folder / "state"),
            "BOT_TOKEN": local.sandbox.bot_token,
            "TELEGRAM_API_BASE": local.sandbox.url,
            "PROMETHEUS_URL": NOWHERE,
            "ALERTMANAGER_URL": NOWHERE,
            "ALERT_CHAT_ID": "-2001",
            "SERVER_PORT": str(port),
            "AGENTS_PORT": str(free_port()),
            "WEBHOOK_TOKEN": TOKEN,
            "TIMEZONE": "UTC",
            **settings,
        }
        module = "tests.live.hurried" if spans else "bridge"
        if spans:
            environ[hurried.VARIABLE] = json.dumps(spans)
        ready = f"http://127.0.0.1:{port}/healthz"
        return await self.start(*wrap, sys.executable, "-m", module, ready=ready, environ=environ)

    async def alertmanager(
        self, generation: str, configuration: str, port: int, *options: str
    ) -> Program:
        """Start an Alertmanager of that generation; it is alone unless `options` say otherwise."""
        path = self.folder / f"alertmanager-{port}.yml"
        secret = self.folder / "secrets" / "webhook_token"
        secret.parent.mkdir(exist_ok=True)
        secret.write_text(TOKEN)
        path.write_text(configuration)
        return await self.start(
            str(real(generation, "alertmanager")),
            f"--config.file={path}",
            f"--storage.path={self.folder / f'alertmanager-{port}'}",
            f"--web.listen-address=127.0.0.1:{port}",
            *(options or ("--cluster.listen-address=",)),
            ready=f"http://127.0.0.1:{port}/-/ready",
        )


def real(generation: str, name: str) -> Path:
    """Find a real program, or skip where this machine cannot have it."""
    try:
        return program(name, generation)
    except ProgramMissing as missing:
        pytest.skip(str(missing))


def shipped_alertmanager(bridge_port: int) -> str:
    """Give the shipped configuration, pointed at a bridge, that waits seconds for tens of them."""
    text = (ROOT / "alertmanager" / "alertmanager.yml").read_text()
    for shipped, ours in (
        ("http://127.0.0.1:8002/alerts", f"http://127.0.0.1:{bridge_port}/alerts"),
        ("group_wait: 10s", "group_wait: 6s"),
        ("group_interval: 30s", "group_interval: 5s"),
    ):
        assert shipped in text
        text = text.replace(shipped, ours)
    return text


async def post(port: int, body: Mapping[str, Any], path: str = "/alerts") -> int:
    """Send a webhook to a bridge; answer the status."""
    async with plain_client(PATIENCE) as client:
        url = f"http://127.0.0.1:{port}{path}"
        return (await client.post(url, json=body, headers=BEARER)).status_code


async def figures(port: int) -> dict[str, float]:
    """Read a bridge's metrics."""
    async with plain_client(PATIENCE) as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics", headers=BEARER)).text
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


async def read_checks(port: int) -> dict[str, str]:
    """Read what a bridge says of everything it depends on."""
    async with plain_client(PATIENCE) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/readyz")
    checks: dict[str, str] = answer.json()["checks"]
    assert (answer.status_code == 200) == all(each == "ok" for each in checks.values())
    return checks


async def read_chat(local: LocalTelegram, chat_id: int = ON_CALL) -> list[str]:
    """Read everything that can be seen in a chat: each message's words, and its file's."""
    return [
        "\n".join((message["text"] or "", message["caption"] or "", await _read(local, message)))
        for message in await local.messages(chat_id)
    ]


async def _read(local: LocalTelegram, message: Mapping[str, Any]) -> str:
    if not message["document"]:
        return ""
    answer = await local.control.get(message["document"]["url"].removeprefix("/control"))
    return answer.text if answer.is_success else ""  # else an edit has just replaced it


@asynccontextmanager
async def open_telegram_at(folder: Path, port: int) -> AsyncIterator[LocalTelegram]:
    """Run a sandbox where another one was before; it goes on with that one's chats."""
    async with open_sandbox(SandboxSettings(state_dir=folder, port=port, paced=False)) as sandbox:
        bearer = {"Authorization": f"Bearer {sandbox.page_token}"}
        base = f"{sandbox.url}/control"
        async with httpx.AsyncClient(
            base_url=base, headers=bearer, trust_env=False, timeout=PATIENCE
        ) as control:
            yield LocalTelegram(sandbox, control)


@pytest.fixture
async def programs(tmp_path: Path) -> AsyncIterator[Programs]:
    async with AsyncExitStack() as stack:
        yield Programs(tmp_path, stack)


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalTelegram]:
    async with open_local_telegram(tmp_path / "telegram") as local:
        yield local
