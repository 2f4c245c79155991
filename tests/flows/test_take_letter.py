"""What a host tells, once it was let in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from agent.wire import LETTER, ORDER, Verify, seal
from bridge.core.letters import Letter
from bridge.errors import NotAllowed, Outage
from bridge.flows.dismiss_host import dismiss_host
from bridge.flows.take_letter import take_letter
from tests.fakes.clock import NOON
from tests.flows.halls import ENTRY, Hall


@dataclass
class Box:
    """A letter box."""

    kept: list[Letter] = field(default_factory=list)
    is_full: bool = False

    async def put(self, letter: Letter, *, now: datetime) -> bool:
        del now
        if self.is_full:
            raise Outage("database", "full")
        is_fresh = letter.digest not in {each.digest for each in self.kept}
        self.kept += [letter] if is_fresh else []
        return is_fresh


def sign(key: bytes) -> bytes:
    return b"by " + key


def create_verifier(key: bytes) -> Verify:
    """Say that a signature is good which names the key and ends with what was signed."""
    return lambda signature, content: signature == sign(key) + content


def write_letter(**changes: object) -> bytes:
    usual = {
        "v": 1,
        "host": "web-1",
        "kind": "login",
        "issued": NOON.timestamp(),
        "nonce": "nonce-0001",
        "facts": {"id": "e-1"},
    }
    return json.dumps({**usual, **changes}).encode()


@pytest.fixture
async def settled(hall: Hall) -> Hall:
    await hall.come(await hall.secret())
    return hall


async def post(
    hall: Hall,
    box: Box,
    body: bytes,
    *,
    host: str = "web-1",
    signature: str | None = None,
    purpose: bytes = LETTER,
) -> bool:
    key = hall.book.alive["web-1"].key
    return await take_letter(
        body,
        host=host,
        signature=signature
        if signature is not None
        else seal(purpose, body, lambda content: sign(key) + content),
        agents=hall.book,
        letters=box,
        create_verifier=create_verifier,
        now=NOON,
    )


async def test_a_letter_is_kept_once_and_its_host_was_heard(settled: Hall) -> None:
    box = Box()
    assert await post(settled, box, write_letter())
    assert not await post(settled, box, write_letter(nonce="nonce-0002"))
    [letter] = box.kept
    assert letter.facts == {"id": "e-1"}
    assert settled.book.alive["web-1"].last_seen == NOON


@pytest.mark.parametrize("signature", ["", "!", "AAAA", "щ"])
async def test_a_letter_that_its_host_has_not_signed_is_not_kept(
    settled: Hall, signature: str
) -> None:
    box = Box()
    with pytest.raises(NotAllowed):
        await post(settled, box, write_letter(), signature=signature)
    assert box.kept == []


async def test_an_order_is_no_letter(settled: Hall) -> None:
    with pytest.raises(NotAllowed):
        await post(settled, Box(), write_letter(), purpose=ORDER)


@pytest.mark.parametrize("host", ["web-2", "", "\x00", "x" * 1000, "\udcff"])
async def test_whoever_has_no_agent_here_is_not_heard(settled: Hall, host: str) -> None:
    with pytest.raises(NotAllowed):
        await post(settled, Box(), write_letter(), host=host)


async def test_a_host_does_not_write_in_the_name_of_another(settled: Hall) -> None:
    with pytest.raises(NotAllowed):
        await post(settled, Box(), write_letter(host="Server"))


async def test_a_letter_that_was_not_kept_is_not_acknowledged(settled: Hall) -> None:
    with pytest.raises(Outage):
        await post(settled, Box(is_full=True), write_letter())


async def test_a_letter_that_is_kept_is_acknowledged_whatever_else_fails(settled: Hall) -> None:
    box = Box()
    settled.book.is_away = True
    assert await post(settled, box, write_letter())


async def test_a_host_that_was_let_go_is_not_heard_any_more(settled: Hall) -> None:
    key = settled.book.alive["web-1"].key
    await dismiss_host("web-1", agents=settled.book, inventory=settled.file, entry=ENTRY, now=NOON)
    body = write_letter()
    with pytest.raises(NotAllowed):
        await take_letter(
            body,
            host="web-1",
            signature=seal(LETTER, body, lambda content: sign(key) + content),
            agents=settled.book,
            letters=Box(),
            create_verifier=create_verifier,
            now=NOON,
        )
