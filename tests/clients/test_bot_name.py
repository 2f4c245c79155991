from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge import limits
from bridge.clients.bot_name import fetch_bot_name
from bridge.errors import Outage
from tests.fakes.local_server import LocalServer, open_local_server
from tests.fakes.local_telegram import LocalTelegram

TOKEN = "123456789:" + "A" * 35


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with open_local_server() as server:
        yield server


async def test_the_bots_name_is_what_telegram_says(local: LocalTelegram) -> None:
    name = await fetch_bot_name(local.sandbox.bot_token, proxy=None, server=local.sandbox.url)
    [call] = await local.calls("getMe")
    assert call["method"] == "getMe"
    assert name.isidentifier()


async def test_a_token_that_telegram_does_not_know_has_no_name(local: LocalTelegram) -> None:
    with pytest.raises(Outage, match="holds no name") as caught:
        await fetch_bot_name(TOKEN, proxy=None, server=local.sandbox.url)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("raw", [b"nonsense", b"HTTP/1.1 200 OK\r\n\r\n<html>", b""])
async def test_what_is_no_answer_of_telegram_is_an_outage_without_the_token(
    server: LocalServer, raw: bytes
) -> None:
    server.raw = raw
    with pytest.raises(Outage) as caught:
        await fetch_bot_name(TOKEN, proxy=None, server=server.url)
    assert TOKEN not in repr(caught.value) + repr(caught.value.__cause__)


async def test_a_telegram_that_hangs_or_is_not_there_is_not_waited_for(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BOT_NAME_SECONDS", 0.05)
    server.hangs = True
    for address in (server.url, "http://127.0.0.1:9"):
        with pytest.raises(Outage):
            await fetch_bot_name(TOKEN, proxy=None, server=address)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_is_asked_in_telegrams_place(
    server: LocalServer, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BOT_NAME_SECONDS", 1)  # a proxy of the other kind never answers
    proxy = server.url.replace("http", scheme, 1)
    with pytest.raises(Outage):
        await fetch_bot_name(TOKEN, proxy=proxy, server="http://telegram.example")
    assert all(TOKEN not in request.path for request in server.requests)
