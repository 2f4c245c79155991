"""How a host is let go."""

from __future__ import annotations

import pytest

from bridge.errors import Missing
from bridge.flows.dismiss_host import dismiss_host
from tests.fakes.clock import NOON
from tests.flows.halls import ENTRY, Hall


async def test_a_host_that_goes_loses_its_key_and_its_line(hall: Hall) -> None:
    await hall.come(await hall.secret())
    former = await dismiss_host(
        "web-1", agents=hall.book, inventory=hall.file, entry=ENTRY, now=NOON
    )
    assert former is not None
    assert hall.book.alive == {}
    assert hall.file.text == "Server 127.0.0.1:9100\n"


async def test_the_key_dies_even_where_the_line_cannot_be_taken_out(hall: Hall) -> None:
    await hall.come(await hall.secret())
    hall.file.text = "Server 127.0.0.1:9100\n"
    with pytest.raises(Missing):
        await dismiss_host("web-1", agents=hall.book, inventory=hall.file, entry=ENTRY, now=NOON)
    assert hall.book.alive == {}
