"""The real sandbox, running in the test's own loop, and a hand on its control API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.server import RunningSandbox, open_sandbox
from sandbox.settings import Settings

ADA, ON_CALL, OPERATIONS, ALERTS = 1001, -2001, -1_002_000_000_001, 2


@dataclass
class LocalTelegram:
    """A running sandbox as a test sees it."""

    sandbox: RunningSandbox
    control: httpx.AsyncClient

    async def post(self, path: str, **fields: Any) -> Any:
        """Tell the control API to do something."""
        answer = await self.control.post(path, json=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def messages(self, chat_id: int = ON_CALL, thread_id: int | None = None) -> list[Any]:
        """Read what the bot has said in a chat."""
        answer = await self.control.get(f"/chats/{chat_id}/messages", params={"limit": 1000})
        assert answer.status_code == 200, answer.text
        return [
            message
            for message in answer.json()["messages"]
            if message["from"]["is_bot"] and message["thread_id"] == thread_id
        ]

    async def calls(self, method: str | None = None) -> list[Any]:
        """Read the log of Bot API calls."""
        answer = await self.control.get("/calls", params={"limit": 1000})
        calls: list[Any] = answer.json()["calls"]
        return [call for call in calls if method in {None, call["method"]}]


@asynccontextmanager
async def open_local_telegram(folder: Path) -> AsyncIterator[LocalTelegram]:
    """Run a sandbox on a free port, without pacing."""
    settings = Settings(state_dir=folder, port=0, paced=False)
    async with (
        open_sandbox(settings) as sandbox,
        httpx.AsyncClient(
            base_url=f"{sandbox.url}/control",
            headers={"Authorization": f"Bearer {sandbox.page_token}"},
            trust_env=False,
            timeout=60,
        ) as control,
    ):
        yield LocalTelegram(sandbox, control)
