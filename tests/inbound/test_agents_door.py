"""The agents' door: what comes in is bounded, checked and answered with a sentence."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge import limits
from bridge.errors import BridgeError, Expired, Mistake, NotAllowed, Outage
from bridge.flows.enrol_host import Knock, Welcome
from bridge.inbound.web.agents import AgentsDesk, create_agents_web
from bridge.logs import set_up_logs
from tests.fakes.clock import NOON

ASKED = {
    "host": "web-1",
    "secret": "planted-secret-1234567",
    "csr": "planted request",
    "address": "192.0.2.10:8001",
    "version": "0.1.0",
}
WELCOME = Welcome(
    host="web-1",
    certificate="its own",
    authority="the root",
    bridge_key=b"\x00\xff" * 16,
    metrics_token="planted-token",
    door="192.0.2.1:8003",
)


@dataclass
class Room:
    """What is behind the door."""

    knocks: list[Knock] = field(default_factory=list)
    letters: list[tuple[bytes, str, str]] = field(default_factory=list)
    fault: Exception | None = None
    now: datetime = NOON

    async def enrol(self, knock: Knock) -> Welcome:
        self.knocks.append(knock)
        if self.fault is not None:
            raise self.fault
        return WELCOME

    async def receive(self, body: bytes, host: str, signature: str) -> bool:
        if self.fault is not None:
            raise self.fault
        self.letters.append((body, host, signature))
        return True


@pytest.fixture
def room() -> Room:
    return Room()


@dataclass
class Door:
    """The door, as one caller or another meets it."""

    web: Any

    async def post(
        self, path: str, *, caller: str = "192.0.2.10", **request: Any
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.web, client=(caller, 4000), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://door") as client:
            return await client.post(path, **request)


@pytest.fixture
def door(room: Room) -> Door:
    desk = AgentsDesk(enrol=room.enrol, receive=room.receive, now=lambda: room.now)
    return Door(create_agents_web(desk))


# ---- codes -----------------------------------------------------------------------------------


async def test_an_agent_that_is_let_in_reads_all_it_needs(door: Door, room: Room) -> None:
    answer = await door.post("/agents/enrol", json=ASKED)
    assert answer.status_code == 200
    assert answer.json() == {
        "host": "web-1",
        "certificate": "its own",
        "authority": "the root",
        "bridge_key": base64.b64encode(b"\x00\xff" * 16).decode(),
        "metrics_token": "planted-token",
        "door": "192.0.2.1:8003",
    }
    assert room.knocks == [Knock(**ASKED)]


async def test_what_a_later_agent_says_besides_is_not_minded(door: Door, room: Room) -> None:
    told = {name: each for name, each in ASKED.items() if name != "version"}
    answer = await door.post("/agents/enrol", json={**told, "more": [1]})
    assert answer.status_code == 200
    assert room.knocks[0].version == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 10_000,
        *(
            json.dumps({**ASKED, **change}).encode()
            for change in (
                *({"host": 7}, {"host": ""}, {"host": "x" * 65}, {"secret": None}),
                *({"csr": ["x"]}, {"address": "x" * 301}, {"version": "x" * 65}),
            )
        ),
        json.dumps({"host": "web-1"}).encode(),
    ],
    ids=range(13),
)
async def test_what_is_no_request_is_refused_and_not_repeated(
    door: Door, room: Room, body: bytes
) -> None:
    answer = await door.post("/agents/enrol", content=body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]
    assert "planted" not in answer.text
    assert room.knocks == []


@pytest.mark.parametrize("path", ["/agents/enrol", "/agents/letters"])
async def test_a_body_that_is_too_long_is_not_read_to_its_end(
    door: Door, room: Room, path: str
) -> None:
    read = 0

    async def drip() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 10 * limits.LETTER_BYTES:
            read += 4096
            yield b"x" * 4096

    answer = await door.post(path, content=drip())
    assert answer.status_code == 413
    assert (room.knocks, room.letters) == ([], [])


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Mistake("this"), 400),
        (NotAllowed("this"), 401),
        (Expired("this"), 410),
        (Outage("database", "this"), 503),
        (BridgeError("this"), 400),
    ],
)
async def test_a_refusal_is_a_status_and_a_sentence(
    door: Door, room: Room, fault: Exception, status: int
) -> None:
    room.fault = fault
    for path, request in (
        ("/agents/enrol", {"json": ASKED}),
        ("/agents/letters", {"content": b""}),
    ):
        answer = await door.post(path, **request)
        assert answer.status_code == status
        assert answer.json()["detail"].endswith("this")


async def test_what_nobody_foresaw_is_told_to_the_log_alone(
    door: Door, room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.fault = RuntimeError("inner matters")
    with caplog.at_level(logging.DEBUG):
        answer = await door.post("/agents/enrol", json=ASKED)
    assert answer.status_code == 500
    assert "inner" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/agents/enrol"), ("POST", "/alerts"), ("GET", "/metrics"), ("GET", "/openapi.json")],
)
async def test_nothing_else_is_answered_here(door: Door, method: str, path: str) -> None:
    transport = httpx.ASGITransport(door.web)
    async with httpx.AsyncClient(transport=transport, base_url="https://door") as client:
        answer = await client.request(method, path)
    assert answer.status_code in {404, 405}
    assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize("form", ["console", "json"])
async def test_no_secret_stands_in_a_log(
    door: Door, room: Room, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    set_up_logs("DEBUG", form, ())
    await door.post("/agents/enrol", json=ASKED)
    for fault in (NotAllowed("unknown"), RuntimeError("unforeseen"), Outage("x", "y")):
        room.fault = fault
        await door.post("/agents/enrol", json=ASKED)
    await door.post("/agents/enrol", json={**ASKED, "host": 7})
    said = capsys.readouterr()
    assert "unforeseen" in said.out + said.err
    assert "planted" not in said.out + said.err


# ---- who was turned away too often -----------------------------------------------------------


async def test_whoever_is_turned_away_too_often_waits_and_nobody_else_does(
    door: Door, room: Room
) -> None:
    room.fault = NotAllowed("no")
    for _ in range(limits.DOOR_REFUSALS.calls):
        assert (await door.post("/agents/enrol", json=ASKED)).status_code == 401
    answer = await door.post("/agents/enrol", json=ASKED)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    room.fault = None
    known = len(room.knocks)
    assert (await door.post("/agents/enrol", json=ASKED)).status_code == 429
    assert len(room.knocks) == known
    other = await door.post("/agents/enrol", json=ASKED, caller="192.0.2.11")
    assert other.status_code == 200
    room.now += limits.DOOR_REFUSALS.span + timedelta(seconds=1)
    assert (await door.post("/agents/enrol", json=ASKED)).status_code == 200


async def test_one_household_is_one_caller_however_many_addresses_it_has(
    door: Door, room: Room
) -> None:
    room.fault = NotAllowed("no")
    for number in range(limits.DOOR_REFUSALS.calls):
        await door.post("/agents/enrol", json=ASKED, caller=f"2001:db8::{number:x}")
    assert (
        await door.post("/agents/enrol", json=ASKED, caller="2001:db8::ffff")
    ).status_code == 429
    other = await door.post("/agents/enrol", json=ASKED, caller="2001:db8:1::1")
    assert other.status_code == 401
    for number in range(limits.DOOR_REFUSALS.calls):
        await door.post("/agents/enrol", json=ASKED, caller=f"::ffff:192.0.2.{number}")
    mapped = await door.post("/agents/enrol", json=ASKED, caller="::ffff:192.0.2.99")
    assert mapped.status_code == 401


async def test_who_is_remembered_is_bounded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DOOR_ADDRESSES", 3)
    desk = AgentsDesk(enrol=room.enrol, receive=room.receive, now=lambda: room.now)
    bounded = Door(create_agents_web(desk))
    room.fault = NotAllowed("no")
    for number in range(9):
        await bounded.post("/agents/enrol", json=ASKED, caller=f"192.0.2.{number}")
    assert list(desk.refusals.calls) == ["192.0.2.6", "192.0.2.7", "192.0.2.8"]


async def test_an_outage_is_nobodys_fault(door: Door, room: Room) -> None:
    room.fault = Outage("database", "away")
    for _ in range(limits.DOOR_REFUSALS.calls + 5):
        assert (await door.post("/agents/letters", content=b"x")).status_code == 503


# ---- letters ---------------------------------------------------------------------------------


async def test_a_letter_comes_through_to_the_byte_with_its_host_and_signature(
    door: Door, room: Room
) -> None:
    body = b' {"v": 1} \x00'
    headers = {"Opswire-Host": "web-1", "Opswire-Signature": "AAAA"}
    answer = await door.post("/agents/letters", content=body, headers=headers)
    assert answer.status_code == 200
    assert room.letters == [(body, "web-1", "AAAA")]


async def test_a_letter_without_headers_is_nobodys(door: Door, room: Room) -> None:
    await door.post("/agents/letters", content=b"x")
    assert room.letters == [(b"x", "", "")]


async def test_a_host_that_writes_without_end_waits_and_nobody_else_does(
    door: Door, room: Room
) -> None:
    async def post(host: str) -> int:
        answer = await door.post(
            "/agents/letters", content=b"x", headers={"Opswire-Host": host}, caller="192.0.2.77"
        )
        return answer.status_code

    codes = [await post("web-1") for _ in range(limits.LETTER_CALLS.calls + 2)]
    assert codes == [200] * limits.LETTER_CALLS.calls + [429] * 2
    assert await post("WEB-1") == 429
    assert await post("web-2") == 200
    room.now += limits.LETTER_CALLS.span + timedelta(seconds=1)
    assert await post("web-1") == 200


async def test_hosts_that_were_removed_keep_no_other_of_their_address_from_being_heard(
    door: Door, room: Room
) -> None:
    # A fleet behind a router has one address, and an agent tries for as long as it lives.
    room.fault = NotAllowed("not signed")
    codes = [
        (await door.post("/agents/letters", content=b"x")).status_code
        for _ in range(limits.DOOR_REFUSALS.calls + 3)
    ]
    assert codes == [401] * limits.DOOR_REFUSALS.calls + [429] * 3
    room.fault = None
    headers = {"Opswire-Host": "web-1"}
    assert (await door.post("/agents/letters", content=b"good", headers=headers)).status_code == 200
    assert (await door.post("/agents/enrol", json=ASKED)).status_code == 200


async def test_whoever_tries_codes_keeps_no_letter_of_their_address_away(
    door: Door, room: Room
) -> None:
    room.fault = NotAllowed("no")
    for _ in range(limits.DOOR_REFUSALS.calls + 1):
        await door.post("/agents/enrol", json=ASKED)
    room.fault = None
    assert (await door.post("/agents/enrol", json=ASKED)).status_code == 429
    assert (await door.post("/agents/letters", content=b"x")).status_code == 200


async def test_unsigned_letters_use_up_nothing_of_a_host(door: Door, room: Room) -> None:
    headers = {"Opswire-Host": "web-1"}
    room.fault = NotAllowed("not signed")
    for number in range(limits.LETTER_CALLS.calls + 5):
        caller = f"192.0.2.{number}"
        await door.post("/agents/letters", content=b"x", headers=headers, caller=caller)
    room.fault = None
    answer = await door.post(
        "/agents/letters", content=b"x", headers=headers, caller="198.51.100.1"
    )
    assert answer.status_code == 200
