"""How a host is invited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge import limits
from bridge.core.host_codes import (
    read_code,
)
from bridge.errors import Mistake
from tests.fakes.clock import NOON
from tests.flows.halls import DOOR, Hall


async def test_a_code_says_where_the_door_is_and_how_to_know_it(hall: Hall) -> None:
    invited = await hall.invite("web-1", "192.0.2.10")
    code = read_code(invited.line)
    assert (code.host, code.door, code.fingerprint) == ("web-1", DOOR.address, DOOR.fingerprint)
    assert code.address == invited.address == "192.0.2.10"
    assert invited.expires_at == NOON + limits.CODE_LIFE
    assert invited.line not in repr(invited)
    assert code.secret not in repr(hall.book.entries)


async def test_a_known_host_is_written_as_the_inventory_has_it(hall: Hall) -> None:
    invited = await hall.invite("SERVER")
    assert (invited.host, invited.address) == ("Server", "127.0.0.1")
    assert hall.book.entries[-1].on == "Server"
    hall.file.text = "Server 127.0.0.1:9100 127.0.0.1:8055\n"
    assert (await hall.invite("Server")).address == "127.0.0.1:8055"
    assert (await hall.invite("Server", "10.0.0.1")).address == "10.0.0.1"


async def test_a_host_that_nobody_knows_yet_says_itself_where_it_is(hall: Hall) -> None:
    assert (await hall.invite("web-1")).address == ""


async def test_a_door_that_another_machine_would_not_find_is_told_of(hall: Hall) -> None:
    shut = replace(DOOR, address="127.0.0.1:8003")
    for place in ("192.0.2.10", "web-1.example:8001", "2001:db8::1", ""):
        assert (await hall.invite("web-1", place, door=shut)).shut_door == shut.address
        assert (await hall.invite("web-1", place)).shut_door == ""
    for place in ("127.0.0.1", "localhost:8011", "::1", "[::1]:8001"):
        assert (await hall.invite("web-1", place, door=shut)).shut_door == ""


@pytest.mark.parametrize(
    ("name", "address"), [("30", ""), ("all", ""), ("a b", ""), ("web-1", "a/b"), ("web-1", "x:y")]
)
async def test_a_name_or_an_address_that_is_none_gets_no_code(
    hall: Hall, name: str, address: str
) -> None:
    with pytest.raises(Mistake):
        await hall.invite(name, address)
    assert hall.book.codes == {}
