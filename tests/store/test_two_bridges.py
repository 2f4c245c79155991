"""Two bridges on one PostgreSQL, each with a writer of its own, at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Select, exists, func, select

from bridge.core.alerts import Notification, parse_webhook
from bridge.core.audience import NOBODY, Destination
from bridge.errors import Outage
from bridge.store import database as store
from bridge.store.database import Database
from bridge.store.outbox import Outbox
from bridge.store.tables import card_episodes, cards, episodes, messages
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)

MINUTE = timedelta(minutes=1)
OPS = Destination(-100)
ROUNDS = 30  # a race that is open is met in nearly every round


@pytest.fixture
async def both(url: str) -> AsyncIterator[tuple[Outbox, Outbox]]:
    """Two bridges that find the database empty and open it at the same moment."""
    databases = Database(url), Database(url)
    await asyncio.gather(*(database.open() for database in databases))
    yield Outbox(databases[0]), Outbox(databases[1])
    for database in databases:
        await database.close()


def news(*alerts: object, group: str = "web-1") -> Notification:
    return parse_webhook(webhook(*alerts, group=group), NOON)


async def count(outbox: Outbox, wanted: Select[Any]) -> int:
    return int(await outbox._database.read(lambda c: c.execute(wanted).scalar_one()))


async def test_two_bridges_never_claim_the_same_message(both: tuple[Outbox, Outbox]) -> None:
    chats = [Destination(-number) for number in range(1, 41)]
    for number in range(ROUNDS):
        now = NOON + number * MINUTE
        await both[0].put(news(alert(), group=f"g{number}"), chats, now=NOON)
        seen = [message.id for message in await both[1].waiting(now=now)]
        claims = (
            bridge.claim(ids, now=now, until=now + MINUTE)
            for bridge, ids in zip(both, (seen, seen[::-1]), strict=True)
        )
        first, second = await asyncio.gather(*claims)
        claimed = [message.id for message in (*first, *second)]
        assert sorted(claimed) == sorted(seen)


async def test_the_same_webhook_at_two_bridges_is_one_card(both: tuple[Outbox, Outbox]) -> None:
    for number in range(ROUNDS):
        twice = news(alert(host=f"h{number}"), "unreadable", group=f"g{number}")
        await asyncio.gather(*(bridge.put(twice, [OPS], now=NOON) for bridge in both))
    assert await count(both[0], select(func.count(messages.c.id))) == ROUNDS + 1


async def test_a_card_stays_open_when_one_member_ends_while_another_joins(
    both: tuple[Outbox, Outbox],
) -> None:
    for number in range(ROUNDS):
        group = f"g{number}"
        old, young = f"old-{number}", f"young-{number}"
        await both[0].put(news(alert(host=old), group=group), [OPS], now=NOON)
        await asyncio.gather(
            both[0].put(news(alert(host=old, ends=NOON + MINUTE), group=group), [OPS], now=NOON),
            both[1].put(news(alert(host=young), group=group), [OPS], now=NOON),
        )
    firing = (
        select(card_episodes.c.card_id)
        .join(episodes, episodes.c.id == card_episodes.c.episode_id)
        .where(card_episodes.c.card_id == cards.c.id, episodes.c.ended_at.is_(None))
    )
    wrong = select(func.count(cards.c.id)).where(exists(firing), cards.c.closed_at.is_not(None))
    assert await count(both[0], wrong) == 0


async def test_what_nobody_heard_is_taken_up_once(both: tuple[Outbox, Outbox]) -> None:
    for number in range(ROUNDS):
        unheard = news(alert(host=f"h{number}"), {"labels": number}, group=f"g{number}")
        await both[0].put(unheard, [Destination(NOBODY)], now=NOON)
        adopted = await asyncio.gather(*(bridge.adopt([OPS], now=NOON) for bridge in both))
        assert sorted(adopted) == [0, 2]
    assert await count(both[0], select(func.count(messages.c.id))) == 2 * ROUNDS


async def test_looking_whether_writes_arrive_disturbs_nobody(both: tuple[Outbox, Outbox]) -> None:
    for _ in range(ROUNDS):
        await asyncio.gather(*(bridge.probe(now=NOON) for bridge in both))


async def test_a_start_leaves_the_other_bridge_its_leases(both: tuple[Outbox, Outbox]) -> None:
    await both[0].put(news(alert()), [OPS], now=NOON)
    [waiting] = await both[0].waiting(now=NOON)
    assert await both[0].claim([waiting.id], now=NOON, until=NOON + MINUTE)
    await both[1].release()
    assert await both[1].claim([waiting.id], now=NOON, until=NOON + MINUTE) == []


async def test_a_bridge_that_holds_its_turn_is_an_outage_to_the_other_and_loses_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_MILLISECONDS", 100)
    monkeypatch.setattr(store, "VANISHED_MILLISECONDS", 1500)
    began, gate = threading.Event(), threading.Event()
    stuck, other = Database(url), Database(url)
    await stuck.open()
    await other.open()

    def hold(_: Connection) -> None:
        began.set()
        gate.wait(10)

    holding = asyncio.create_task(stuck.write(hold))
    await asyncio.to_thread(began.wait, 10)
    with pytest.raises(Outage, match="lock timeout"):
        await other.write(lambda _: None)
    await write_at_last(other)
    gate.set()
    with pytest.raises(Outage):
        await holding
    await stuck.close()
    await other.close()


async def write_at_last(database: Database) -> None:
    """Try again as a bridge does; the server itself lets each try wait."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(Outage):
                return await database.write(lambda _: None)
