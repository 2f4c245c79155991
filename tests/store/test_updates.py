from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from bridge import limits
from bridge.core.updates import Incoming
from bridge.store.database import Database
from bridge.store.tables import updates
from bridge.store.updates import Unfinished, Updates
from tests.fakes.clock import NOON

SECOND = timedelta(seconds=1)


def incoming(number: int, words: str = "/status") -> Incoming:
    return Incoming(number, {"update_id": number, "message": {"text": words}})


@pytest.fixture
def journal(database: Database) -> Updates:
    return Updates(database)


async def test_an_update_that_comes_again_is_known(journal: Updates) -> None:
    assert await journal.put([incoming(7), incoming(8)], now=NOON) == (incoming(7), incoming(8))
    assert await journal.put([incoming(8), incoming(9)], now=NOON) == (incoming(9),)
    assert await journal.put([incoming(7), incoming(9)], now=NOON) == ()
    assert await journal.put([], now=NOON) == ()


async def test_twice_in_a_batch_is_once_and_the_order_is_telegrams(journal: Updates) -> None:
    batch = [incoming(9), incoming(8, "first"), incoming(8, "second")]
    assert await journal.put(batch, now=NOON) == (incoming(8, "first"), incoming(9))


async def test_an_update_says_again_what_it_said_whatever_it_was(journal: Updates) -> None:
    odd = incoming(2**40, "\0\ud800 é")
    await journal.put([odd], now=NOON)
    assert await journal.unfinished(now=NOON) == (
        Unfinished(incoming=odd, received_at=NOON, begun_at=None),
    )


async def test_an_update_is_begun_once(journal: Updates) -> None:
    await journal.put([incoming(7)], now=NOON)
    assert await journal.begin(7, now=NOON)
    assert not await journal.begin(7, now=NOON)
    await journal.finish(7, now=NOON)
    assert not await journal.begin(7, now=NOON)
    assert not await journal.begin(8, now=NOON)


async def test_of_two_bridges_that_begin_an_update_at_once_one_does(
    journal: Updates, url: str
) -> None:
    other = Database(url)
    await other.open()
    await journal.put([incoming(number) for number in range(20)], now=NOON)
    try:
        for number in range(20):
            both = (journal.begin(number, now=NOON), Updates(other).begin(number, now=NOON))
            assert sorted(await asyncio.gather(*both)) == [False, True]
    finally:
        await other.close()


async def test_after_a_crash_what_was_not_begun_and_what_was_are_told_apart(url: str) -> None:
    before = Database(url)
    await before.open()
    journal = Updates(before)
    await journal.put([incoming(number) for number in (7, 8, 9)], now=NOON)
    for number in (7, 8):
        await journal.begin(number, now=NOON)
    await journal.finish(7, now=NOON)
    await before.close()
    after = Database(url)
    await after.open()
    try:
        left = await Updates(after).unfinished(now=NOON + limits.UPDATE_AT_WORK + SECOND)
        assert [(each.incoming, each.was_begun) for each in left] == [
            (incoming(8), True),
            (incoming(9), False),
        ]
        assert not await Updates(after).begin(8, now=NOON)
        assert await Updates(after).begin(9, now=NOON)
    finally:
        await after.close()


async def test_what_another_bridge_has_just_begun_is_left_to_it(
    journal: Updates, database: Database
) -> None:
    await journal.put([incoming(7)], now=NOON)
    await journal.begin(7, now=NOON)
    seen = [each.incoming.update_id for each in await journal.unfinished(now=NOON + SECOND)]
    assert seen == ([] if database.is_shared else [7])
    later = NOON + limits.UPDATE_AT_WORK + SECOND
    assert len(await journal.unfinished(now=later)) == 1


async def test_what_is_dealt_with_is_no_longer_kept(journal: Updates, database: Database) -> None:
    await journal.put([incoming(7, "/start " + "x" * 22)], now=NOON)
    await journal.begin(7, now=NOON)
    await journal.finish(7, now=NOON)
    kept = await database.read(lambda c: c.execute(select(updates.c.body)).scalar_one())
    assert kept == {}
    assert await journal.put([incoming(7)], now=NOON) == ()


async def test_the_next_are_asked_for_behind_the_highest(journal: Updates) -> None:
    assert await journal.offset(now=NOON) is None
    await journal.put([incoming(9), incoming(7)], now=NOON)
    assert await journal.offset(now=NOON) == 10


async def test_after_days_of_silence_telegram_may_count_from_anywhere(journal: Updates) -> None:
    """Whoever then asked behind the old numbers would lose what comes under lower ones."""
    await journal.put([incoming(9_000_000)], now=NOON)
    later = NOON + limits.UPDATES_KEPT
    assert await journal.offset(now=later - SECOND) == 9_000_001
    assert await journal.offset(now=later) is None
    assert await journal.put([incoming(5)], now=later) == (incoming(5),)
    assert await journal.offset(now=later) == 6


async def test_what_telegram_will_not_send_again_is_forgotten(journal: Updates) -> None:
    await journal.put([incoming(7)], now=NOON)
    await journal.put([incoming(8)], now=NOON + SECOND)
    assert await journal.purge(now=NOON + limits.UPDATES_KEPT) == 1
    left = await journal.unfinished(now=NOON)
    assert [each.incoming.update_id for each in left] == [8]
