from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from sandbox.server import RunningSandbox, open_sandbox
from sandbox.settings import Settings
from tests.sandbox_page.desk import Bot, Desks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on PATH: the chat page is tested in a real browser")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_ARGUMENTS
        )
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(tmp_path: Path) -> AsyncIterator[RunningSandbox]:
    settings = Settings(state_dir=tmp_path / "telegram", port=0, paced=False)
    async with open_sandbox(settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def bot(sandbox: RunningSandbox) -> AsyncIterator[Bot]:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        yield Bot(client, f"{sandbox.url}/bot{sandbox.bot_token}")


@pytest_asyncio.fixture(loop_scope="session")
async def desks(browser: Browser, sandbox: RunningSandbox) -> AsyncIterator[Desks]:
    async with contextlib.AsyncExitStack() as stack:
        opener = Desks(browser, sandbox, stack)
        yield opener
        for desk in opener.opened:
            assert desk.complaints == []
            assert all(url.startswith((sandbox.url, "blob:")) for url in desk.requests)
