from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest

from bridge import limits
from bridge.clients.heartbeat import Heartbeat
from bridge.errors import Outage
from bridge.logs import set_up_logs
from tests.fakes.local_server import LocalServer, open_local_server

KEY = "ping/hunter2-1f0c4e5a?from=hunter2"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with open_local_server() as server:
        yield server


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """All that is logged, at the most talkative level and with no secret known beforehand."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logs("DEBUG", "json", stream=stream)
    yield stream
    root.handlers[:], root.level = before


async def test_a_ping_is_one_call_of_the_address_as_it_stands(server: LocalServer) -> None:
    heartbeat = Heartbeat(f"{server.url}/{KEY}")
    await heartbeat.ping()
    await heartbeat.ping()
    await heartbeat.close()
    assert [(each.method, each.path) for each in server.requests] == [("GET", f"/{KEY}")] * 2


@pytest.mark.parametrize("code", [400, 404, 500])
async def test_an_address_that_refuses_is_an_outage_that_does_not_name_it(
    server: LocalServer, code: int
) -> None:
    server.code = code
    heartbeat = Heartbeat(f"{server.url}/{KEY}")
    with pytest.raises(Outage, match=f"answers {code}") as caught:
        await heartbeat.ping()
    await heartbeat.close()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        {"Location": "http://127.0.0.1:1/hunter2"},
        {"Location": "http://[hunter2"},
        {"Location": "hunter2://x"},
    ],
)
async def test_whatever_goes_wrong_says_nothing_of_the_address(
    server: LocalServer, heard: io.StringIO, headers: dict[str, str]
) -> None:
    server.code, server.headers = 302, headers
    heartbeat = Heartbeat(f"{server.url}/{KEY}")
    with pytest.raises(Outage) as caught:
        await heartbeat.ping()
    await heartbeat.close()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "hunter2" not in f"{caught.value} {caught.value!r} {heard.getvalue()}"


async def test_an_address_where_nobody_is_says_nothing_of_itself(heard: io.StringIO) -> None:
    heartbeat = Heartbeat(f"http://127.0.0.1:1/{KEY}")
    with pytest.raises(Outage, match="cannot be reached"):
        await heartbeat.ping()
    await heartbeat.close()
    assert "hunter2" not in heard.getvalue()


async def test_a_good_ping_leaves_no_trace_of_the_address_in_the_log(
    server: LocalServer, heard: io.StringIO
) -> None:
    heartbeat = Heartbeat(f"{server.url}/{KEY}")
    await heartbeat.ping()
    await heartbeat.close()
    assert server.requests
    assert "hunter2" not in heard.getvalue()


async def test_an_address_that_never_answers_is_given_up(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEARTBEAT_TIMEOUT_SECONDS", 0.05)
    server.hangs = True
    heartbeat = Heartbeat(f"{server.url}/{KEY}")
    with pytest.raises(Outage, match="Timeout"):
        await heartbeat.ping()
    await heartbeat.close()


async def test_the_machines_proxy_is_taken_for_the_outside_and_not_for_this_machine(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_local_server() as proxy:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        here, outside = Heartbeat(f"{server.url}/here"), Heartbeat("http://beat.invalid/there")
        await here.ping()
        await outside.ping()
        await here.close()
        await outside.close()
        assert [each.path for each in server.requests] == ["/here"]
        assert [each.path for each in proxy.requests] == ["http://beat.invalid/there"]


async def test_an_address_that_drips_its_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEARTBEAT_TIMEOUT_SECONDS", 0.2)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        over.set()

    over = asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    heartbeat = Heartbeat(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/{KEY}")
    async with asyncio.timeout(60):
        with pytest.raises(Outage, match="Timeout"):
            await heartbeat.ping()
        await heartbeat.close()
        await over.wait()
    server.close()
    await server.wait_closed()
