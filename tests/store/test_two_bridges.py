"""Two bridges on one PostgreSQL, each with a writer of its own, at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, exists, func, insert, select

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.kept_jobs import KeptJob, write_beginning
from bridge.core.outbox import Failed, Kind, Reason
from bridge.errors import Outage
from bridge.store import database as store
from bridge.store.database import Database
from bridge.store.jobs import Jobs
from bridge.store.tables import card_episodes, cards, episodes, journal, messages
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import ADA, BOB, MINUTE, OPS, SECOND, Stage

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)

ROUNDS = 30  # a race that is open is met in nearly every round


@pytest.fixture
async def both(url: str) -> AsyncIterator[tuple[Stage, Stage]]:
    """Two bridges that find the database empty and open it at the same moment."""
    databases = Database(url), Database(url)
    await asyncio.gather(*(database.open() for database in databases))
    yield Stage(databases[0]), Stage(databases[1])
    for database in databases:
        await database.close()


async def test_two_bridges_never_claim_the_same_message(both: tuple[Stage, Stage]) -> None:
    chats = [Destination(number) for number in range(1, 21)]
    for number in range(ROUNDS):
        for stage in both:
            stage.hear(subscribed=chats)
            stage.wait(10 * SECOND)
        await both[0].post(alert(host=f"h{number}"), group=f"g{number}")
        first, second = await asyncio.gather(*(stage.claim() for stage in both))
        claimed = [message.destination for message in (*first, *second)]
        assert sorted(claimed) == chats
        for message in (*first, *second):
            await both[0].settle(message)


async def test_two_bridges_never_take_up_the_same_command(both: tuple[Stage, Stage]) -> None:
    one, other = (Jobs(stage.database, owner=name) for stage, name in zip(both, "ab", strict=True))
    for number in range(ROUNDS):
        job = KeptJob(key=f"{number}", hosts=("web-1",), chat=OPS, who=7, at=NOON)
        entry = write_beginning(job, "begun")
        begun = await asyncio.gather(one.begin(job, entry=entry), other.begin(job, entry=entry))
        assert begun.count(None) == 1, "a message that both hear begins one command"
    now = NOON + limits.JOB_LEASE
    claims = await asyncio.gather(*(each.claim(under_way=(), now=now) for each in (one, other)))
    assert sorted(len(each) for each in claims) == [0, ROUNDS]


async def test_two_bridges_together_keep_the_pace_of_one(both: tuple[Stage, Stage]) -> None:
    chats = [Destination(number) for number in range(1, 101)]
    for stage in both:
        stage.hear(subscribed=chats)
    await both[0].post(alert())
    for _ in range(3):
        claims = await asyncio.gather(*(stage.claim() for stage in both * 3))
        claimed = [message for each in claims for message in each]
        assert len(claimed) == limits.OVERALL_CALLS.calls
        for message in claimed:
            await both[1].settle(message)
        for stage in both:
            stage.wait(limits.OVERALL_CALLS.span)


async def test_two_bridges_open_one_board(both: tuple[Stage, Stage]) -> None:
    for number in range(40):
        await both[0].put(webhook(alert(host=f"h{number}"), group=f"g{number}"))
    await asyncio.gather(*(stage.fold() for stage in both))
    first, second = await asyncio.gather(*(stage.claim() for stage in both))
    assert [message.kind for message in (*first, *second)] == [Kind.BOARD]


async def test_a_webhook_is_folded_by_one_of_two_bridges(both: tuple[Stage, Stage]) -> None:
    for number in range(ROUNDS):
        await both[0].put(webhook(alert(host=f"h{number}"), group=f"g{number}"))
    folded = await asyncio.gather(
        *(stage.journal.fold(now=NOON) for stage in both for _ in range(2))
    )
    assert sum(each.webhooks for each in folded) == ROUNDS
    assert await both[0].scalar(select(func.count(episodes.c.id))) == ROUNDS


async def test_the_same_webhook_at_two_bridges_is_one_card(both: tuple[Stage, Stage]) -> None:
    for number in range(ROUNDS):
        twice = (alert(host=f"h{number}"), "unreadable")
        await asyncio.gather(*(stage.post(*twice, group=f"g{number}") for stage in both))
    assert await both[0].scalar(select(func.count(messages.c.id))) == ROUNDS + 1


async def test_a_card_stays_open_when_one_member_ends_while_another_joins(
    both: tuple[Stage, Stage],
) -> None:
    for number in range(ROUNDS):
        group = f"g{number}"
        old, young = f"old-{number}", f"young-{number}"
        await both[0].post(alert(host=old), group=group)
        await asyncio.gather(
            both[0].post(alert(host=old, ends=NOON + MINUTE), group=group),
            both[1].post(alert(host=young), group=group),
        )
    firing = (
        select(card_episodes.c.card_id)
        .join(episodes, episodes.c.id == card_episodes.c.episode_id)
        .where(card_episodes.c.card_id == cards.c.id, episodes.c.ended_at.is_(None))
    )
    wrong = select(func.count(cards.c.id)).where(exists(firing), cards.c.closed_at.is_not(None))
    assert await both[0].scalar(wrong) == 0


async def test_what_nobody_heard_is_taken_up_once(both: tuple[Stage, Stage]) -> None:
    for number in range(ROUNDS):
        for stage in both:
            stage.hear(subscribed=())
        await both[0].post(alert(host=f"h{number}"), {"labels": number}, group=f"g{number}")
        for stage in both:
            stage.hear(subscribed=(OPS,))
        adopted = await asyncio.gather(*(stage.destinations.adopt(now=NOON) for stage in both))
        assert sorted(adopted) == [0, 2]
    assert await both[0].scalar(select(func.count(messages.c.id))) == 2 * ROUNDS


async def test_a_chat_that_breaks_for_both_at_once_is_told_once(both: tuple[Stage, Stage]) -> None:
    for stage in both:
        stage.hear(fallback=ADA, admins=(BOB,))
    await both[0].post(alert())
    news = await asyncio.gather(
        *(stage.destinations.break_off(OPS, "chat_refuses", "", now=NOON) for stage in both)
    )
    assert sorted(news) == [False, True]
    shown = await both[0].show()
    assert len([each for each in shown if each.kind is Kind.NOTICE]) == 2


async def test_looking_whether_writes_arrive_disturbs_nobody(both: tuple[Stage, Stage]) -> None:
    for _ in range(ROUNDS):
        await asyncio.gather(*(stage.outbox.probe(now=NOON) for stage in both))


async def test_a_start_leaves_the_other_bridge_its_leases(both: tuple[Stage, Stage]) -> None:
    await both[0].post(alert())
    assert await both[0].claim()
    await both[1].outbox.release()
    assert await both[1].claim() == []


class Turn:
    """A write that lasts until somebody ends it."""

    def __init__(self) -> None:
        self._began, self._gate = threading.Event(), threading.Event()

    def hold(self, _: Connection) -> None:
        self._began.set()
        self._gate.wait(60)

    async def begins(self) -> None:
        assert await asyncio.to_thread(self._began.wait, 60)

    def end(self) -> None:
        self._gate.set()


async def test_a_bridge_that_holds_its_turn_is_an_outage_to_the_other(
    both: tuple[Stage, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    holding, other = (stage.database for stage in both)
    turn = Turn()
    held = asyncio.create_task(holding.write(turn.hold))
    await turn.begins()
    monkeypatch.setattr(store, "BUSY_MILLISECONDS", 100)
    connect_anew(other)
    with pytest.raises(Outage, match="lock timeout"):
        await other.write(lambda _: None)
    assert not held.done()
    turn.end()
    await held
    await write_at_last(other)


async def test_a_bridge_that_stops_inside_a_write_loses_its_turn(
    both: tuple[Stage, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = (stage.database for stage in both)
    turn = Turn()
    with monkeypatch.context() as brief:
        brief.setattr(store, "VANISHED_MILLISECONDS", 1500)
        connect_anew(stuck)
        holding = asyncio.create_task(stuck.write(turn.hold))
        await turn.begins()
    await other.write(lambda _: None)
    assert not holding.done()
    turn.end()
    with pytest.raises(Outage):
        await holding


async def test_a_webhook_is_kept_while_the_other_bridge_has_its_turn(
    both: tuple[Stage, Stage],
) -> None:
    turn = Turn()
    holding = asyncio.create_task(both[0].database.write(turn.hold))
    await turn.begins()
    async with asyncio.timeout(30):
        await both[1].put(webhook(alert()))
        await both[1].journal.probe(now=NOON)
    assert not holding.done()
    turn.end()
    await holding
    await both[1].fold()
    assert await both[0].scalar(select(func.count(episodes.c.id))) == 1


async def test_a_webhook_that_becomes_visible_after_a_later_one_is_folded_all_the_same(
    both: tuple[Stage, Stage],
) -> None:
    put, gate = threading.Event(), threading.Event()

    def dawdle(connection: Connection) -> None:
        address = {"source": "", "chat_id": None, "thread_id": None}
        body = json.dumps(webhook(alert(host="early"))).encode()
        row = {"body": body, "address": address, "received_at": NOON}
        connection.execute(insert(journal), row).close()
        put.set()
        gate.wait(60)

    early = asyncio.create_task(both[0].database.keep(dawdle))
    await asyncio.to_thread(put.wait, 60)
    await both[1].put(webhook(alert(host="late")))
    assert (await both[1].journal.fold(now=NOON)).webhooks == 1
    gate.set()
    await early
    assert (await both[1].journal.fold(now=NOON)).webhooks == 1
    assert await both[0].scalar(select(func.count(episodes.c.id))) == 2


def connect_anew(database: Database) -> None:
    """Let it keep the bounds of today: a connection has those of the day when it was made."""
    database._opened().engine.dispose()


async def write_at_last(database: Database) -> None:
    """Try again as a bridge does; the server itself lets each try wait."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(Outage):
                return await database.write(lambda _: None)


async def test_clocks_that_differ_a_little_shorten_no_wait(both: tuple[Stage, Stage]) -> None:
    behind, ahead = both
    for stage in both:
        stage.hear(subscribed=(OPS, ADA))
    ahead.wait(5 * SECOND)
    await ahead.post(alert())
    for message in await ahead.claim():
        wait = timedelta(minutes=5) if message.destination == OPS else timedelta(0)
        await ahead.settle(message, Failed(Reason.RATE_LIMIT, wait=wait) if wait else None)
    for number in range(40):
        for stage in both:
            stage.wait(7 * SECOND)
        await ahead.post(alert(value=f"{number}"))
        shown = [*await ahead.show(), *await behind.show()]
        assert {each.destination for each in shown} <= {ADA}, "OPS asked for five minutes"
