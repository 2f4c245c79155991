from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.sandbox.conftest import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.conftest import Control, Wire


class Receiver:
    """A bot's webhook that keeps what it gets and answers as told."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.retry_after = ""
        self.got: asyncio.Queue[tuple[dict[str, str], Any]] = asyncio.Queue()
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        await self.got.put((dict(request.headers), await request.json()))
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, headers=headers)

    async def next(self) -> tuple[dict[str, str], Any]:
        return await asyncio.wait_for(self.got.get(), PATIENCE)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiving = Receiver()
    app = web.Application()
    app.add_routes([web.post("/hook", receiving.receive)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiving.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiving
    await runner.cleanup()


async def test_updates_are_pushed_with_the_secret(
    wire: Wire, control: Control, receiver: Receiver
) -> None:
    await control.say("before")
    await wire.call("setWebhook", url=receiver.url, secret_token="s3cret-_")
    await control.say("after")

    headers, first = await receiver.next()
    _, second = await receiver.next()

    assert headers["X-Telegram-Bot-Api-Secret-Token"] == "s3cret-_"
    assert [first["message"]["text"], second["message"]["text"]] == ["before", "after"]
    await until_pending(wire, 0)
    assert "s3cret-_" not in str(await control.get("/calls"))


async def test_a_failed_push_is_repeated_until_it_is_taken(
    wire: Wire, control: Control, receiver: Receiver
) -> None:
    receiver.statuses = [500, 503]
    await wire.call("setWebhook", url=receiver.url)
    await control.say("once")

    pushed = [(await receiver.next())[1]["update_id"] for _ in range(3)]

    assert len(set(pushed)) == 1
    await until_pending(wire, 0)
    told = (await wire.call("getWebhookInfo"))["result"]
    assert told["last_error_message"].startswith("Wrong response from the webhook: 503")


async def test_pending_updates_are_dropped_on_demand(
    wire: Wire, control: Control, receiver: Receiver
) -> None:
    await control.say("dropped")
    await wire.call("setWebhook", url=receiver.url, drop_pending_updates=True)
    await control.say("kept")

    assert (await receiver.next())[1]["message"]["text"] == "kept"


@pytest.mark.parametrize(
    ("fields", "wording"),
    [
        ({"url": "ftp://x"}, "invalid webhook URL"),
        ({"url": "http://127.0.0.1:9/", "secret_token": "a b"}, "unallowed characters"),
        ({"url": "http://127.0.0.1:9/", "secret_token": "a" * 257}, "too long"),
    ],
)
async def test_a_bad_webhook_is_refused(wire: Wire, fields: dict[str, str], wording: str) -> None:
    refused = await wire.call("setWebhook", **fields)

    assert refused["error_code"] == 400
    assert wording in refused["description"]


async def until_pending(wire: Wire, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        pending = None
        while pending != count:
            pending = (await wire.call("getWebhookInfo"))["result"]["pending_update_count"]
