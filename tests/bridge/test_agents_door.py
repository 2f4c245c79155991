"""The agents' door, open on a real socket: TLS, and nothing else on it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import httpx
import pytest

from bridge import limits
from bridge.agents_door import open_door
from bridge.clients.authority import Authority
from bridge.flows.enrol_host import Knock, Welcome
from bridge.inbound.web.agents import AgentsDesk, create_agents_web
from bridge.premises import take_descriptors
from bridge.settings import Settings, SettingsError
from tests.fakes.clock import NOON
from tests.fakes.held import is_let_go
from tests.fakes.local_agent import create_authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return create_authority(tmp_path)


@pytest.fixture
def port() -> Iterator[int]:
    """A free port that nobody else is given meanwhile."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield int(kept.getsockname()[1])


def settings(tmp_path: Path, **changes: object) -> Settings:
    given = {name: str(each) for name, each in changes.items()}
    return Settings.load({"STATE_DIR": str(tmp_path), "TIMEZONE": "UTC", **given})


class Room:
    def __init__(self) -> None:
        self.letters: list[bytes] = []

    async def enrol(self, knock: Knock) -> Welcome:
        raise AssertionError(knock)

    async def receive(self, body: bytes, _host: str, _signature: str) -> None:
        self.letters.append(body)

    @property
    def desk(self) -> AgentsDesk:
        return AgentsDesk(enrol=self.enrol, receive=self.receive, now=lambda: NOON)


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.certificate)
    return context


async def test_letters_come_in_by_tls_that_hosts_can_check(
    tmp_path: Path, authority: Authority, port: int
) -> None:
    room = Room()
    given = settings(tmp_path, AGENTS_PORT=port)
    async with open_door(given, authority, create_agents_web(room.desk)) as opened:
        assert opened == port
        async with httpx.AsyncClient(verify=trusting(authority), timeout=60) as client:
            answer = await client.post(f"https://127.0.0.1:{port}/agents/letters", content=b"one")
    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert room.letters == [b"one"]


async def test_a_host_that_knows_the_fingerprint_knows_the_door(
    tmp_path: Path, authority: Authority, port: int
) -> None:
    given = settings(tmp_path, AGENTS_PORT=port)
    async with open_door(given, authority, create_agents_web(Room().desk)):
        blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=blind)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
    assert hashlib.sha256(shown).hexdigest() == authority.fingerprint


async def test_nobody_is_heard_without_tls_or_with_an_old_one(
    tmp_path: Path, authority: Authority, port: int
) -> None:
    room = Room()
    given = settings(tmp_path, AGENTS_PORT=port)
    old = trusting(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with open_door(given, authority, create_agents_web(room.desk)):
        for address, context in (
            (f"http://127.0.0.1:{port}", True),
            (f"https://127.0.0.1:{port}", old),
        ):
            async with httpx.AsyncClient(verify=context, timeout=60) as client:
                with pytest.raises(httpx.HTTPError):
                    await client.post(f"{address}/agents/letters", content=b"one")
    assert room.letters == []


class Strangers:
    """They connect, from addresses of the loopback, and say nothing."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def knock(self, caller: str) -> socket.socket:
        address = ("127.0.0.1", self._port)
        held = socket.create_connection(address, source_address=(caller, 0))
        held.setblocking(False)
        return self._stack.enter_context(held)


async def test_who_holds_connections_and_says_nothing_takes_no_room_from_others(
    tmp_path: Path, authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOOR_CONNECTIONS_OF_ONE", 3)
    room, given = Room(), settings(tmp_path, AGENTS_PORT=port)
    async with open_door(given, authority, create_agents_web(room.desk)):
        with Strangers(port) as strangers:
            held = [strangers.knock("127.0.0.2") for _ in range(6)]
            assert [await is_let_go(each) for each in held] == [False] * 3 + [True] * 3
            async with httpx.AsyncClient(verify=trusting(authority), timeout=60) as client:
                address = f"https://127.0.0.1:{port}/agents/letters"
                assert (await client.post(address, content=b"one")).status_code == 200
            held[0].close()
            await asyncio.sleep(0.1)
            assert not await is_let_go(strangers.knock("127.0.0.2")), "that room is free again"
    assert room.letters == [b"one"]


async def test_strangers_leave_descriptors_for_the_rest_of_the_bridge(
    tmp_path: Path, authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (16, 16))
    given = settings(tmp_path, AGENTS_PORT=port)
    async with open_door(given, authority, create_agents_web(Room().desk)):
        with Strangers(port) as strangers:
            held = [strangers.knock(f"127.0.0.{number}") for number in range(2, 8)]
            kept = [each for each in held if not await is_let_go(each)]
    assert len(kept) == 16 // limits.DOOR_SHARE


async def test_nobody_stays_for_ever(
    tmp_path: Path, authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DOOR_STAY_SECONDS", 0.5)
    given = settings(tmp_path, AGENTS_PORT=port)
    async with open_door(given, authority, create_agents_web(Room().desk)):
        with Strangers(port) as strangers:
            silent = strangers.knock("127.0.0.2")
            async with asyncio.timeout(60):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=trusting(authority)
                )
                assert await reader.read() == b""
                writer.close()
                with suppress(ssl.SSLError, ConnectionError):
                    await writer.wait_closed()
            assert await is_let_go(silent)


def test_the_bridge_takes_the_descriptors_that_it_may_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: taken.append(both))
    unlimited = resource.RLIM_INFINITY
    for given, wanted in (
        ((1024, 524_288), (limits.DESCRIPTORS, 524_288)),
        ((1024, 4096), (4096, 4096)),
        ((1024, unlimited), (limits.DESCRIPTORS, unlimited)),
        ((4096, 4096), None),
        ((500_000, 500_000), None),
        ((unlimited, unlimited), None),
    ):
        taken.clear()
        monkeypatch.setattr(resource, "getrlimit", lambda _, given=given: given)
        take_descriptors()
        assert taken == ([wanted] if wanted else [])


async def test_a_door_that_is_taken_is_one_sentence_with_the_setting_that_moves_it(
    tmp_path: Path, authority: Authority
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        given = settings(tmp_path, AGENTS_PORT=taken.getsockname()[1])
        with pytest.raises(SettingsError, match=r"AGENTS_PORT: .* is taken by another program"):
            async with open_door(given, authority, create_agents_web(Room().desk)):
                pass


async def test_an_address_that_is_not_here_is_one_sentence(
    tmp_path: Path, authority: Authority, port: int
) -> None:
    given = settings(tmp_path, AGENTS_HOST="192.0.2.1", AGENTS_PORT=port)
    with pytest.raises(SettingsError, match="AGENTS_HOST: "):
        async with open_door(given, authority, create_agents_web(Room().desk)):
            pass


async def test_the_door_is_shut_afterwards_and_can_be_opened_again(
    tmp_path: Path, authority: Authority, port: int
) -> None:
    given = settings(tmp_path, AGENTS_PORT=port)
    for _ in range(2):
        async with open_door(given, authority, create_agents_web(Room().desk)):
            pass
        with pytest.raises(OSError, match=r"refused|Connect"):
            await asyncio.open_connection("127.0.0.1", port)


async def test_signals_stay_the_business_of_the_bridge(
    tmp_path: Path, authority: Authority, port: int
) -> None:
    heard = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, heard.set)
    try:
        given = settings(tmp_path, AGENTS_PORT=port)
        async with open_door(given, authority, create_agents_web(Room().desk)):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(heard.wait(), 60)
            async with httpx.AsyncClient(verify=trusting(authority), timeout=60) as client:
                answer = await client.get(f"https://127.0.0.1:{port}/agents/letters")
            assert answer.status_code == 405
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


def test_where_the_door_is_for_others_follows_from_the_settings(tmp_path: Path) -> None:
    assert settings(tmp_path).agents_address == "127.0.0.1:8003"
    everywhere = settings(tmp_path, AGENTS_HOST="0.0.0.0", AGENTS_PORT=8443)
    assert everywhere.agents_address == "127.0.0.1:8443"
    assert settings(tmp_path, AGENTS_HOST="2001:db8::1").agents_address == "[2001:db8::1]:8003"
    named = settings(tmp_path, AGENTS_ADDRESS="bridge.example:8443")
    assert named.agents_address == "bridge.example:8443"
    with pytest.raises(SettingsError, match="AGENTS_ADDRESS"):
        settings(tmp_path, AGENTS_ADDRESS="bridge.example")
