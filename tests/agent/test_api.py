"""An agent's door, over real TLS: who is let in, what they read, what happens when they leave."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent import limits
from agent.app import Agent
from agent.assembly import Parts
from agent.errors import Denied
from agent.handlers import Handler
from agent.keys import read_public_key
from agent.wire import (
    LINE_BYTES,
    ORDER_BYTES,
    Ended,
    Event,
    Order,
    Output,
    Refused,
    Started,
    Told,
    Verb,
    Why,
    read_event,
)
from tests.agent.parties import (
    NOON,
    TOKEN,
    Authority,
    Enrolment,
    caller,
    enrol_host,
    headers,
    raw_public,
    running,
    trust,
)
from tests.fakes.held import is_let_go


@dataclass
class Hand:
    """Answers orders in all the ways there are."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    cleared: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0

    async def build(self, _parts: Parts, _stack: AsyncExitStack) -> Mapping[Verb, Handler]:
        return {
            Verb.RUN: self.run,
            Verb.FOLLOW: self.flood,
            Verb.PORTS: self.refuse,
            Verb.TOP: self.fail,
            Verb.SESSIONS: self.fail_late,
            Verb.DESCRIBE: self.tell,
            Verb.LOGINS: self.tell_too_much,
        }

    async def run(self, order: Order) -> AsyncIterator[Event]:
        self.calls += 1
        yield Started(at=NOON, shown="sleep 1000")
        self.begun.set()
        try:
            yield Output(at=NOON, is_error=False, text="first\n")
            await self.go_on.wait()
        finally:
            # Ending a job takes its time, and may not be cut off.
            for _ in range(5):
                await asyncio.sleep(0.01)
            self.cleared.set()
        yield Ended(job=order.job, at=NOON, why=Why.DONE, code=0, seconds=1.0, bytes=6, digest="00")

    async def flood(self, _order: Order) -> AsyncIterator[Event]:
        self.begun.set()
        try:
            while True:
                yield Output(at=NOON, is_error=False, text="y\n" * 10_000)
        finally:
            await asyncio.sleep(0.01)
            self.cleared.set()

    async def refuse(self, _order: Order) -> AsyncIterator[Event]:
        raise Denied("ceiling", "not here", nearest="ss", remedy="echo shell")
        yield

    async def fail(self, _order: Order) -> AsyncIterator[Event]:
        raise RuntimeError("a fault of ours")
        yield

    async def fail_late(self, _order: Order) -> AsyncIterator[Event]:
        yield Started(at=NOON, shown="x")
        raise RuntimeError("a fault of ours")

    async def tell(self, order: Order) -> AsyncIterator[Event]:
        yield Told(job=order.job, at=NOON, facts={"version": "1"})

    async def tell_too_much(self, order: Order) -> AsyncIterator[Event]:
        yield Told(job=order.job, at=NOON, facts={"text": "x" * LINE_BYTES})


@dataclass
class Scene:
    """A running agent, its bridge, and what it does."""

    host: Enrolment
    hand: Hand
    agent: Agent
    client: httpx.AsyncClient

    async def post(self, verb: Verb = Verb.DESCRIBE, **changes: Any) -> httpx.Response:
        body, signature = self.host.bridge.sealed(verb, **changes)
        return await self.client.post("/v1/orders", content=body, headers=headers(signature))

    def read(self, line: str | bytes, job: str) -> Event:
        verify = read_public_key(raw_public(self.host.key).encode())
        return read_event(line.encode() if isinstance(line, str) else line, verify, job=job)

    async def last(self, verb: Verb) -> Event:
        answer = await self.post(verb, job="asked")
        assert answer.status_code == 200
        return self.read(answer.text.splitlines()[-1], "asked")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    host, hand = enrol_host(tmp_path / "host"), Hand()
    async with running(host, hand.build) as agent, caller(host, tmp_path) as client:
        yield Scene(host, hand, agent, client)


async def test_an_order_is_answered_by_events_a_line_each_and_the_last_is_signed(
    scene: Scene,
) -> None:
    scene.hand.go_on.set()
    answer = await scene.post(Verb.RUN, job="job-7")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    events = [scene.read(line, "job-7") for line in answer.text.splitlines()]
    assert [type(event) for event in events] == [Started, Output, Ended]


async def test_events_are_on_their_way_while_the_job_runs(scene: Scene) -> None:
    body, signature = scene.host.bridge.sealed(Verb.RUN, job="job-7")
    async with scene.client.stream(
        "POST", "/v1/orders", content=body, headers=headers(signature)
    ) as answer:
        lines = answer.aiter_lines()
        assert isinstance(scene.read(await anext(lines), "job-7"), Started)
        assert isinstance(scene.read(await anext(lines), "job-7"), Output)
        assert not scene.hand.cleared.is_set()
        scene.hand.go_on.set()
        assert isinstance(scene.read(await anext(lines), "job-7"), Ended)


async def test_a_bridge_that_leaves_ends_what_it_asked_for(scene: Scene) -> None:
    body, signature = scene.host.bridge.sealed(Verb.RUN)
    async with scene.client.stream(
        "POST", "/v1/orders", content=body, headers=headers(signature)
    ) as answer:
        await anext(answer.aiter_lines())
        await scene.hand.begun.wait()
    await asyncio.wait_for(scene.hand.cleared.wait(), 60)


async def test_a_bridge_that_leaves_in_the_middle_of_a_flood_ends_it(scene: Scene) -> None:
    body, signature = scene.host.bridge.sealed(Verb.FOLLOW)
    async with scene.client.stream(
        "POST", "/v1/orders", content=body, headers=headers(signature)
    ) as answer:
        await anext(answer.aiter_lines())
    await asyncio.wait_for(scene.hand.cleared.wait(), 60)


async def test_a_bridge_that_takes_nothing_any_more_is_as_good_as_gone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEND_SECONDS", 0.1)
    body, signature = scene.host.bridge.sealed(Verb.FOLLOW)
    async with scene.client.stream("POST", "/v1/orders", content=body, headers=headers(signature)):
        await asyncio.wait_for(scene.hand.cleared.wait(), 60)


async def test_an_agent_that_is_stopped_ends_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STOP_SECONDS", 1)
    host, hand = enrol_host(tmp_path / "host"), Hand()
    async with caller(host, tmp_path) as client:
        body, signature = host.bridge.sealed(Verb.RUN)
        async with running(host, hand.build):
            request = client.build_request(
                "POST", "/v1/orders", content=body, headers=headers(signature)
            )
            answer = await client.send(request, stream=True)
            await hand.begun.wait()
        await asyncio.wait_for(hand.cleared.wait(), 60)
        await answer.aclose()


async def test_what_the_host_does_not_do_is_a_signed_refusal_with_the_remedy(scene: Scene) -> None:
    refused = await scene.last(Verb.PORTS)
    assert refused == Refused(
        job="asked",
        at=NOON,
        rule="ceiling",
        sentence="not here",
        nearest="ss",
        remedy="echo shell",
    )


async def test_a_verb_that_nobody_answers_is_refused(scene: Scene) -> None:
    refused = await scene.last(Verb.CLOSE)
    assert isinstance(refused, Refused)
    assert refused.rule == "absent"


async def test_a_fault_of_ours_is_a_refusal_without_any_of_its_words(scene: Scene) -> None:
    answer = await scene.post(Verb.TOP, job="asked")
    refused = scene.read(answer.text.splitlines()[-1], "asked")
    assert isinstance(refused, Refused)
    assert refused.rule == "fault"
    assert "fault of ours" not in answer.text


async def test_a_fault_in_the_middle_cuts_the_answer_off_and_signs_nothing(scene: Scene) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await scene.post(Verb.SESSIONS)


async def test_an_answer_that_is_too_long_for_a_line_is_a_refusal(scene: Scene) -> None:
    refused = await scene.last(Verb.LOGINS)
    assert isinstance(refused, Refused)
    assert refused.rule == "size"


async def test_a_refused_order_gets_a_sentence_and_nothing_else(scene: Scene) -> None:
    answer = await scene.client.post("/v1/orders", content=scene.host.bridge.write())
    assert answer.status_code == 401
    assert answer.json() == {"detail": "this is not an order that the bridge signed"}
    assert (await scene.post(host="web-2")).json() == {"detail": "the order is for another host"}


async def test_many_refusals_are_counted_and_answered_by_429(scene: Scene) -> None:
    codes = [
        (await scene.client.post("/v1/orders", content=b"{}")).status_code
        for _ in range(limits.REFUSALS_ANSWERED + 5)
    ]
    assert codes == [401] * limits.REFUSALS_ANSWERED + [429] * 5
    assert (await scene.post()).status_code == 200
    figures = await metrics(scene)
    assert 'opswire_agent_orders_refused_total{reason="altered"} 25.0' in figures
    assert 'opswire_agent_orders_total{outcome="told",verb="describe"} 1.0' in figures


async def test_an_order_that_is_too_long_is_not_read_to_its_end(scene: Scene) -> None:
    answer = await scene.client.post("/v1/orders", content=b"x" * (ORDER_BYTES + 1))
    assert answer.status_code == 413
    assert "bytes at most" in answer.json()["detail"]


async def test_an_order_that_drips_is_given_up(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ORDER_READ_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", scene.host.port, ssl=trust(scene.host, tmp_path)
    )
    writer.write(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
    async with asyncio.timeout(60):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"]
)
async def test_figures_and_health_are_for_whoever_has_the_token(
    scene: Scene, path: str, shown: str
) -> None:
    answer = await scene.client.get(path, headers={"Authorization": shown})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    answer = await scene.client.get(path, headers={"Authorization": f"bearer {TOKEN}"})
    assert answer.status_code == 200


async def test_health_says_who_is_well(scene: Scene) -> None:
    answer = await scene.client.get("/healthz", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json() == {"status": "ok", "version": "0.1.0", "host": "web-1"}


async def test_what_is_not_there_is_said_in_json_and_no_description_is_served(
    scene: Scene,
) -> None:
    for path in ("/", "/docs", "/openapi.json", "/redoc", "/v1/orders"):
        answer = await scene.client.get(path)
        assert answer.status_code in {404, 405}
        assert set(answer.json()) == {"detail"}


async def test_a_small_answer_leaves_at_once_and_a_dead_network_is_noticed(scene: Scene) -> None:
    door = scene.agent.premises.door
    # asyncio switches the waiting for more off only for what is named as TCP.
    assert door.proto == socket.IPPROTO_TCP
    assert door.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_a_bridge_that_vanishes_while_a_job_writes_is_missed_as_soon_as_a_silent_one(
    scene: Scene,
) -> None:
    # What was sent and is not confirmed keeps the probes away, and is sent again for 15 minutes.
    silent = limits.KEEPALIVE_IDLE_SECONDS
    silent += limits.KEEPALIVE_APART_SECONDS * limits.KEEPALIVE_PROBES
    door = scene.agent.premises.door
    patience = door.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert 0 < patience <= 1000 * silent


def knock(stack: ExitStack, door: socket.socket, caller: str) -> socket.socket:
    """Connect from an address of the loopback, and say nothing."""
    held = socket.create_connection(door.getsockname(), source_address=(caller, 0))
    held.setblocking(False)
    return stack.enter_context(held)


async def test_who_holds_connections_and_says_nothing_takes_no_room_from_the_bridge(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = scene.agent.premises.door
    monkeypatch.setattr(door.crowd, "most_of_one", 2)
    with ExitStack() as stack:
        held = [knock(stack, door, "127.0.0.2") for _ in range(5)]
        assert [await is_let_go(each) for each in held] == [False] * 2 + [True] * 3
        assert (await scene.post()).status_code == 200
        held[0].close()
        await asyncio.sleep(0.1)
        assert not await is_let_go(knock(stack, door, "127.0.0.2")), "that room is free again"
        monkeypatch.setattr(door.crowd, "most", 5)
        held = [knock(stack, door, f"127.0.0.{number}") for number in range(3, 7)]
        kept = [each for each in held if not await is_let_go(each)]
        assert 2 <= len(kept) <= 3, "all together have a bound"


async def test_no_header_says_what_serves(scene: Scene) -> None:
    assert "server" not in (await scene.post()).headers


async def test_nobody_comes_in_without_a_certificate_of_the_bridges_authority(
    scene: Scene, tmp_path: Path
) -> None:
    body, signature = scene.host.bridge.sealed()
    for client in (
        caller(scene.host, tmp_path, is_without=True),
        caller(scene.host, tmp_path, shown=Authority()),
        caller(scene.host, tmp_path, shown=Authority("authority")),
    ):
        async with client:
            with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                await client.post("/v1/orders", content=body, headers=headers(signature))
    answer = await scene.client.post("/v1/orders", content=body, headers=headers(signature))
    assert answer.status_code == 200


async def test_nobody_comes_in_without_tls_or_with_an_old_one(scene: Scene, tmp_path: Path) -> None:
    def plain() -> bytes:
        with socket.create_connection(("127.0.0.1", scene.host.port), timeout=60) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                return line.recv(100)
            except ConnectionError:
                return b""

    assert b"HTTP" not in await asyncio.to_thread(plain)
    caller(scene.host, tmp_path)
    context = ssl.create_default_context(cadata=scene.host.bridge.authority.pem)
    context.load_cert_chain(tmp_path / "caller.pem")
    assert scene.agent.premises.enrolled.host == "web-1"

    def greet(version: ssl.TLSVersion) -> str | None:
        context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection(("127.0.0.1", scene.host.port), timeout=60) as line,
            context.wrap_socket(line, server_hostname="127.0.0.1") as tls,
        ):
            return tls.version()

    assert await asyncio.to_thread(greet, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert await asyncio.to_thread(greet, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


async def test_no_log_line_and_no_answer_holds_a_secret(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body, signature = scene.host.bridge.sealed(
        Verb.TOP, arguments={"command": "login --password hunter2"}
    )
    answer = await scene.client.post("/v1/orders", content=body, headers=headers(signature))
    await scene.client.post("/v1/orders", content=body, headers=headers("forged"))
    await scene.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    key = json.dumps((scene.host.folder / "key.pem").read_text().split("\n")[1])[1:-1]
    ours = "".join(
        record.getMessage() + str(record.exc_text or "")
        for record in caplog.records
        if record.name.startswith(("agent", "uvicorn"))
    )
    for secret in ("hunter2", TOKEN, key):
        assert secret not in ours
        assert secret not in answer.text


async def metrics(scene: Scene) -> str:
    answer = await scene.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    return answer.text
