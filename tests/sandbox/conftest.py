"""A running sandbox, a bot that talks to it, and a person's hand on the control API."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from sandbox.server import RunningSandbox, open_sandbox
from sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ADA, BORIS, MALLORY = 1001, 1002, 1666
ON_CALL, OPERATIONS = -2001, -1_002_000_000_001
ALERTS = 2
PATIENCE = 60
"""Seconds for what happens at once, unless the machine is busy with others."""


class Control:
    """The control API as a test uses it."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: RunningSandbox) -> None:
        self.session = session
        self._url = sandbox.url
        self._headers = {"Authorization": f"Bearer {sandbox.page_token}"}

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Call and answer status and body."""
        url = f"{self._url}/control{path}"
        async with self.session.request(method, url, headers=self._headers, **more) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> Any:
        """Read something that must be there."""
        status, body = await self.ask("GET", path)
        assert status == 200, body
        return body

    async def post(self, path: str, **fields: Any) -> Any:
        """Do something that must succeed."""
        status, body = await self.ask("POST", path, json=fields)
        assert status == 200, body
        return body

    async def say(self, text: str, *, chat_id: int = ADA, person_id: int = ADA) -> Any:
        """Let a person speak."""
        return await self.post("/say", chat_id=chat_id, person_id=person_id, text=text)

    async def messages(self, chat_id: int = ADA) -> list[Any]:
        """Read a chat."""
        body = await self.get(f"/chats/{chat_id}/messages")
        messages: list[Any] = body["messages"]
        return messages


class Wire:
    """The Bot API as bare HTTP, for what a client library would hide."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: RunningSandbox) -> None:
        self.session = session
        self.url = f"{sandbox.url}/bot{sandbox.bot_token}"

    async def call(self, method: str, **fields: Any) -> Any:
        """Call with a JSON body and answer the whole envelope."""
        async with self.session.post(f"{self.url}/{method}", json=fields) as answer:
            return await answer.json()


def draw_png(width: int = 40, height: int = 30, shade: int = 0) -> bytes:
    """Draw a small grey picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade]) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state", port=0, paced=False, webhook_retry_seconds=0.02)


@pytest.fixture
async def sandbox(settings: Settings) -> AsyncIterator[RunningSandbox]:
    async with open_sandbox(settings) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def control(sandbox: RunningSandbox, session: aiohttp.ClientSession) -> Control:
    return Control(session, sandbox)


@pytest.fixture
def wire(sandbox: RunningSandbox, session: aiohttp.ClientSession) -> Wire:
    return Wire(session, sandbox)


@pytest.fixture
async def bot(sandbox: RunningSandbox) -> AsyncIterator[Bot]:
    client = AiohttpSession(api=TelegramAPIServer.from_base(sandbox.url))
    async with Bot(sandbox.bot_token, session=client) as opened:
        yield opened
