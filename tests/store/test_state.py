from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.errors import Outage
from bridge.store.database import Database
from bridge.store.state import State
from tests.fakes.clock import NOON


async def test_a_value_is_recalled_as_it_was_put_and_the_last_one_counts(
    database: Database,
) -> None:
    state = State(database)
    assert await state.get("watchdog") is None
    await state.put("watchdog", {"": {"seen_at": NOON.isoformat(), "odd": "\0\ud800é"}}, now=NOON)
    await state.put("second_way", [1, None, True], now=NOON)
    await state.put("second_way", {}, now=NOON + timedelta(seconds=1))
    assert await state.get("watchdog") == {"": {"seen_at": NOON.isoformat(), "odd": "\0\ud800é"}}
    assert await state.get("second_way") == {}


async def test_a_value_outlives_the_bridge(url: str) -> None:
    before = Database(url)
    await before.open()
    await State(before).put("watchdog", [7], now=NOON)
    await before.close()
    after = Database(url)
    with pytest.raises(Outage):
        await State(after).get("watchdog")
    await after.open()
    try:
        assert await State(after).get("watchdog") == [7]
    finally:
        await after.close()
