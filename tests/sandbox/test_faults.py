from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiogram.exceptions import ClientDecodeError, TelegramRetryAfter, TelegramServerError

from tests.sandbox.conftest import ADA, BORIS

if TYPE_CHECKING:
    from aiogram import Bot

    from tests.sandbox.conftest import Control, Wire


async def test_a_fault_meets_its_method_and_chat_as_often_as_told(
    bot: Bot, control: Control
) -> None:
    await control.post(
        "/faults", kind="429", method="sendMessage", chat_id=ADA, count=2, retry_after=7
    )

    await bot.get_me()
    await bot.send_message(BORIS, "met nothing")
    for _ in range(2):
        with pytest.raises(TelegramRetryAfter) as caught:
            await bot.send_message(ADA, "x")
        assert caught.value.retry_after == 7
    await bot.send_message(ADA, "through")

    assert [message["text"] for message in await control.messages()] == ["through"]
    assert (await control.get("/state"))["faults"] == []


async def test_servers_and_proxies_fail_as_they_do(bot: Bot, control: Control) -> None:
    await control.post("/faults", kind="500", count=1)
    await control.post("/faults", kind="502_html", count=1)

    with pytest.raises(TelegramServerError):
        await bot.get_me()
    with pytest.raises(ClientDecodeError):
        await bot.get_me()


async def test_any_error_can_be_asked_for(wire: Wire, control: Control) -> None:
    await control.post("/faults", kind="error", code=403, description="Forbidden: gone")

    assert await wire.call("getMe") == {
        "ok": False,
        "error_code": 403,
        "description": "Forbidden: gone",
    }
    await control.ask("DELETE", "/faults")
    assert (await wire.call("getMe"))["ok"]


@pytest.mark.parametrize("kind", ["drop", "timeout"])
@pytest.mark.parametrize("performed", [True, False])
async def test_a_lost_answer_says_nothing_of_what_was_done(
    wire: Wire, control: Control, kind: str, *, performed: bool
) -> None:
    await control.post("/faults", kind=kind, count=1, seconds=0.05, performed=performed)

    with pytest.raises(aiohttp.ClientConnectionError):
        await wire.call("sendMessage", chat_id=ADA, text="once")

    assert len(await control.messages()) == int(performed)
    (call,) = (await control.get("/calls"))["calls"]
    assert (call["method"], call["ok"], call["fault"]) == ("sendMessage", performed, kind)


async def test_a_slow_answer_comes_all_the_same(wire: Wire, control: Control) -> None:
    await control.post("/faults", kind="slow", count=1, seconds=0.05)

    assert (await wire.call("sendMessage", chat_id=ADA, text="late"))["ok"]


async def test_a_fault_is_removed_by_its_id(wire: Wire, control: Control) -> None:
    first = (await control.post("/faults", kind="500"))["id"]
    await control.post("/faults", kind="error", code=418, description="teapot")

    assert (await wire.call("getMe"))["error_code"] == 500
    assert (await control.ask("DELETE", f"/faults/{first}"))[0] == 200
    assert (await wire.call("getMe"))["error_code"] == 418
    assert (await control.ask("DELETE", f"/faults/{first}"))[0] == 404


async def test_a_misspelt_fault_is_refused_with_a_sentence(control: Control) -> None:
    status, body = await control.ask("POST", "/faults", json={"kind": "500", "cuont": 1})

    assert status == 400
    assert "cuont" in body["error"]
