"""The replay matrix: whatever was recorded and is sent again, nothing runs a second time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from agent.app import open_agent
from agent.assembly import Parts
from agent.handlers import Handler
from agent.wire import END, LETTER, ORDER, Event, Order, Told, Verb, seal
from tests.agent.parties import NOON, Bridge, Enrolment, enrol_host, headers


@dataclass
class Hand:
    """Counts what it is asked to do."""

    runs: list[str] = field(default_factory=list)

    async def build(self, _parts: Parts, _stack: AsyncExitStack) -> Mapping[Verb, Handler]:
        return dict.fromkeys(Verb, self.run)

    async def run(self, order: Order) -> AsyncIterator[Event]:
        self.runs.append(order.job)
        yield Told(job=order.job, at=NOON, facts={})


@dataclass
class Field:
    """A host whose agent can be asked, stopped and started at any time of the clock."""

    host: Enrolment
    hand: Hand
    signature: str = ""
    body: bytes = b""

    def record(self, verb: Verb = Verb.RUN) -> None:
        """Let the bridge sign an order, and keep it as somebody on the way would."""
        self.body, self.signature = self.host.bridge.sealed(verb, arguments={"command": "id"})

    async def send(
        self, *bodies: tuple[bytes, str], now: float = NOON, host: Enrolment | None = None
    ) -> list[int]:
        """Start an agent, send it all of them, stop it."""
        sent = bodies or ((self.body, self.signature),)
        settings = (host or self.host).settings()
        async with open_agent(settings, build=self.hand.build, clock=lambda: now) as agent:
            transport = httpx.ASGITransport(agent.api)
            async with httpx.AsyncClient(transport=transport, base_url="https://agent") as client:
                return [
                    (
                        await client.post("/v1/orders", content=body, headers=headers(signature))
                    ).status_code
                    for body, signature in sent
                ]


@pytest.fixture
def field_(tmp_path: Path) -> Field:
    recorded = Field(enrol_host(tmp_path / "host"), Hand())
    recorded.record()
    return recorded


async def test_the_same_bytes_a_thousand_times_run_once(field_: Field) -> None:
    codes = await field_.send(*[(field_.body, field_.signature)] * 1000)
    assert codes[0] == 200
    assert set(codes[1:]) <= {401, 429}
    assert len(field_.hand.runs) == 1


async def test_after_a_restart_they_do_not_run(field_: Field) -> None:
    assert await field_.send() == [200]
    for _ in range(3):
        assert await field_.send() == [401]
    assert len(field_.hand.runs) == 1


async def test_at_another_host_of_the_same_bridge_they_do_not_run(
    field_: Field, tmp_path: Path
) -> None:
    other = enrol_host(tmp_path / "other", field_.host.bridge, host="web-2")
    assert await field_.send(host=other) == [401]
    assert field_.hand.runs == []


async def test_at_the_host_of_another_bridge_they_do_not_run(field_: Field, tmp_path: Path) -> None:
    assert await field_.send(host=enrol_host(tmp_path / "other", Bridge())) == [401]
    assert field_.hand.runs == []


@pytest.mark.parametrize("moment", [NOON + 60, NOON + 61, NOON + 86400, NOON - 6, NOON - 86400])
async def test_late_or_early_they_do_not_run(field_: Field, moment: float) -> None:
    assert await field_.send(now=moment) == [401]
    assert field_.hand.runs == []


async def test_after_the_clock_went_back_they_do_not_run(field_: Field) -> None:
    assert await field_.send() == [200]
    assert await field_.send(now=NOON + 3600) == [401]
    assert await field_.send(now=NOON) == [401]
    assert len(field_.hand.runs) == 1


async def test_with_any_bit_flipped_they_do_not_run(field_: Field) -> None:
    flipped = []
    for bit in range(8 * len(field_.body)):
        body = bytearray(field_.body)
        body[bit // 8] ^= 1 << bit % 8
        flipped.append((bytes(body), field_.signature))
    codes = await field_.send(*flipped)
    assert set(codes) == {401, 429}
    assert field_.hand.runs == []


async def test_with_bytes_added_or_taken_away_they_do_not_run(field_: Field) -> None:
    body = field_.body
    changed = [body + b" ", b" " + body, body[:-1], body[1:], body + body, b""]
    codes = await field_.send(*((each, field_.signature) for each in changed))
    assert set(codes) == {401}
    assert field_.hand.runs == []


async def test_the_same_order_written_in_another_way_does_not_run(field_: Field) -> None:
    rewritten = json.dumps(json.loads(field_.body), indent=1).encode()
    assert await field_.send((rewritten, field_.signature)) == [401]
    assert field_.hand.runs == []


@pytest.mark.parametrize("purpose", [END, LETTER, b""])
async def test_what_was_signed_as_an_end_or_a_letter_does_not_run(
    field_: Field, purpose: bytes
) -> None:
    signature = field_.host.bridge.seal(field_.body, purpose)
    assert await field_.send((field_.body, signature)) == [401]
    assert field_.hand.runs == []


async def test_what_the_host_itself_signed_does_not_run(field_: Field) -> None:
    signature = seal(ORDER, field_.body, field_.host.key.sign)
    assert await field_.send((field_.body, signature)) == [401]
    assert field_.hand.runs == []


@pytest.mark.parametrize("verb", Verb)
async def test_no_verb_is_let_in_twice(field_: Field, verb: Verb) -> None:
    field_.record(verb)
    assert await field_.send((field_.body, field_.signature), (field_.body, field_.signature)) == [
        200,
        401,
    ]
    assert len(field_.hand.runs) == 1
