"""Who comes in at an agent's gate, and what becomes of those who do not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent import limits
from agent.gate import Gate, Turned
from agent.keys import read_public_key
from agent.nonces import Nonces
from agent.wire import END, LETTER, Verb
from tests.agent.parties import HOST, NOON, Bridge, raw_public


@dataclass
class House:
    """A gate, and a clock to move."""

    path: Path
    bridge: Bridge
    now: float = NOON
    counted: Counter[str] = field(default_factory=Counter)

    def open(self, host: str = HOST) -> Gate:
        return Gate(
            host,
            verify=read_public_key(raw_public(self.bridge.key).encode()),
            nonces=Nonces(self.path, now=self.now),
            clock=lambda: self.now,
            count=lambda reason: self.counted.update([reason]),
        )

    async def reason(self, gate: Gate, body: bytes, signature: str) -> str:
        with pytest.raises(Turned) as turned:
            await gate.admit(body, signature)
        return turned.value.reason


@pytest.fixture
def house(tmp_path: Path) -> House:
    path = tmp_path / "nonces"
    path.write_bytes(b"")
    return House(path, Bridge())


async def test_an_order_of_the_bridge_comes_in(house: House) -> None:
    order = await house.open().admit(
        *house.bridge.sealed(Verb.RUN, arguments={"command": "df -h", "shell": False})
    )
    assert (order.verb, order.arguments["command"]) == (Verb.RUN, "df -h")
    assert not house.counted


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"host": "web-2"}, "other_host"),
        ({"host": "WEB-1"}, "other_host"),
        ({"issued": NOON + 5.1, "expires": NOON + 60}, "early"),
        ({"issued": NOON - 60, "expires": NOON}, "late"),
        ({"issued": NOON - 3600, "expires": NOON - 3540}, "late"),
        ({"issued": NOON, "expires": NOON + 60.1}, "long_lived"),
        ({"issued": NOON, "expires": NOON}, "long_lived"),
        ({"issued": NOON + 3, "expires": NOON + 2}, "long_lived"),
        ({"issued": NOON - 86400, "expires": NOON + 60}, "long_lived"),
    ],
)
async def test_an_order_out_of_place_or_time_is_turned_away(
    house: House, changes: dict[str, object], reason: str
) -> None:
    assert await house.reason(house.open(), *house.bridge.sealed(**changes)) == reason  # type: ignore[arg-type]
    assert house.counted == {reason: 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"issued": NOON + 5, "expires": NOON + 60},
        {"issued": NOON - 59.9, "expires": NOON + 0.1},
        {"issued": NOON, "expires": NOON + 60},
    ],
)
async def test_an_order_just_in_time_comes_in(house: House, changes: dict[str, object]) -> None:
    await house.open().admit(*house.bridge.sealed(**changes))  # type: ignore[arg-type]


async def test_only_the_bridges_own_key_opens(house: House) -> None:
    body = house.bridge.write()
    gate = house.open()
    for signature in ("", "x", Bridge().seal(body), house.bridge.seal(body + b" ")):
        assert await house.reason(gate, body, signature) == "altered"


@pytest.mark.parametrize("purpose", [END, LETTER, b""])
async def test_what_the_bridge_signed_for_something_else_is_no_order(
    house: House, purpose: bytes
) -> None:
    body = house.bridge.write()
    assert await house.reason(house.open(), body, house.bridge.seal(body, purpose)) == "altered"


async def test_what_the_bridge_signed_and_is_no_order_is_turned_away(house: House) -> None:
    gate = house.open()
    for body in (b"", b"{}", b"[]", b'{"v":1}', b"\xff"):
        assert await house.reason(gate, body, house.bridge.seal(body)) == "garbled"


async def test_the_same_bytes_come_in_once_also_after_a_restart(house: House) -> None:
    body, signature = house.bridge.sealed()
    await house.open().admit(body, signature)
    assert await house.reason(house.open(), body, signature) == "repeated"


async def test_where_nothing_can_be_noted_nothing_comes_in(house: House) -> None:
    gate = house.open()
    house.path.unlink()
    house.path.mkdir()
    assert await house.reason(gate, *house.bridge.sealed()) == "not_kept"


async def test_after_many_refusals_no_more_sentences_are_said_and_no_more_lines_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    gate, body = house.open(), house.bridge.write()
    said = []
    for _ in range(1000):
        with pytest.raises(Turned) as turned:
            await gate.admit(body, "forged")
        said.append(turned.value.is_one_of_many)
    assert said.count(False) == limits.REFUSALS_ANSWERED
    assert len(caplog.records) == limits.REFUSALS_ANSWERED
    assert house.counted == {"altered": 1000}


async def test_however_many_are_turned_away_a_good_order_comes_in(house: House) -> None:
    gate, body = house.open(), house.bridge.write()
    for _ in range(100):
        await house.reason(gate, body, "forged")
    await gate.admit(*house.bridge.sealed())


async def test_a_minute_later_refusals_are_explained_again_also_if_the_clock_went_back(
    house: House,
) -> None:
    gate, body = house.open(), house.bridge.write()
    for moment in (NOON, NOON + 60, NOON - 3600):
        house.now = moment
        for _ in range(limits.REFUSALS_ANSWERED):
            with pytest.raises(Turned) as turned:
                await gate.admit(body, "forged")
            assert not turned.value.is_one_of_many


async def test_a_refusal_tells_a_stranger_nothing_of_what_was_in_the_order(house: House) -> None:
    with pytest.raises(Turned) as turned:
        await house.open("db-7").admit(house.bridge.write(), "forged")
    assert "db-7" not in turned.value.sentence
    assert HOST not in turned.value.sentence
