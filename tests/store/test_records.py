from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Table, delete, func, select, text, update

from bridge import limits
from bridge.core.outbox import Failed, Kind, Reason
from bridge.store import host_tables  # noqa: F401 - a part of the schema
from bridge.store.tables import (
    boards,
    card_episodes,
    cards,
    episodes,
    logins,
    messages,
    metadata,
)
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import ADA, HOUR, MINUTE, OPS, SECOND, Stage, board, names, of_kind

RETENTION = 180 * 24 * HOUR
KEPT: Sequence[Table] = (episodes, boards, cards, card_episodes, messages, logins)


async def purge(stage: Stage) -> int:
    """Let go of all that is old enough."""
    total = 0
    while gone := await stage.records.purge(before=stage.now - RETENTION):
        total += gone
    return total


async def count(stage: Stage, table: Table) -> int:
    return int(await stage.scalar(select(func.count()).select_from(table)))


async def test_what_was_over_and_shown_long_ago_is_let_go_of(stage: Stage) -> None:
    for number in range(30):
        await stage.post(alert(host=f"h{number}"), "odd", group=f"{number}")
    await stage.drain(5 * MINUTE)
    for number in range(30):
        await stage.post(alert(host=f"h{number}", ends=stage.now), group=f"{number}")
    await stage.post(alert(host="ring"), group="ring")
    await stage.show()
    await stage.post(alert(host="ring 2"), group="ring")
    await stage.post(*(alert(host=f"ring{n}", ends=stage.now) for n in ("", " 2")), group="ring")
    await stage.drain(10 * MINUTE)
    assert of_kind(Kind.BOARD, stage.log)
    assert await purge(stage) == 0
    stage.wait(RETENTION + HOUR)
    assert await purge(stage) > 0
    assert [await count(stage, table) for table in KEPT] == [0] * len(KEPT)


async def test_what_still_fires_stays_however_old_it_is(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    stage.wait(3 * RETENTION)
    assert await purge(stage) == 0
    await stage.post(alert(host="a", ends=stage.now))
    [edit] = await stage.show()
    assert edit.telegram_id is not None


async def test_what_is_not_delivered_stays_however_old_it_is(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,))
    await stage.post(alert(), "odd")
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.CHAT_REFUSES))
    await stage.post(alert(ends=stage.now))
    stage.hear(subscribed=())
    await stage.post(alert(host="unheard"), group="unheard")
    await stage.post(alert(host="unheard", ends=stage.now), group="unheard")
    stage.wait(3 * RETENTION)
    assert await purge(stage) == 0
    stage.hear(subscribed=(ADA,))
    await stage.destinations.adopt(now=stage.now)
    await stage.destinations.mend(ADA, now=stage.now)
    shown = await stage.drain(MINUTE)
    assert sorted(names(each) for each in of_kind(Kind.CARD, shown)) == [
        [("unheard", False)],
        [("web-1", False)],
    ]
    assert of_kind(Kind.UNREADABLE, shown)


async def test_what_only_a_board_tells_of_stays_until_the_board_was_shown(stage: Stage) -> None:
    for number in range(20):
        await stage.put(webhook(alert(host=f"h{number}"), group=f"{number}"))
        await stage.put(webhook(alert(host=f"h{number}", ends=stage.now), group=f"{number}"))
    await stage.put(webhook(alert(host="on"), group="on"))
    for number in range(20, 40):
        await stage.put(webhook(alert(host=f"h{number}"), group=f"{number}"))
    await stage.fold()
    [first] = await stage.claim()
    assert first.kind is Kind.BOARD
    for number in range(20, 40):
        await stage.put(webhook(alert(host=f"h{number}", ends=stage.now), group=f"{number}"))
    await stage.fold()
    await stage.settle(first, Failed(Reason.CHAT_REFUSES))
    stage.wait(limits.BOARD_CALM)
    await stage.claim()
    stage.wait(3 * RETENTION)
    assert await purge(stage) == 0
    await stage.destinations.mend(OPS, now=stage.now)
    shown = await stage.drain(5 * MINUTE)
    last = board(of_kind(Kind.BOARD, shown)[-1])
    assert len(last.resolved) == 40


async def test_a_purge_takes_a_portion_at_a_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.store.records._AT_ONCE", 2)
    stage.hear(subscribed=(ADA,))
    for number in range(5):
        await stage.post(alert(host=f"{number}"), group=f"{number}")
        await stage.post(alert(host=f"{number}", ends=stage.now), group=f"{number}")
    await stage.drain(5 * MINUTE)
    stage.wait(RETENTION + HOUR)
    before = stage.now - RETENTION
    assert 0 < await stage.records.purge(before=before) <= 6
    assert await count(stage, cards) == 3


async def test_the_balance_is_even_while_alerts_wait_fold_and_return(stage: Stage) -> None:
    assert (await stage.records.balance()).total == 0
    for number in range(30):
        await stage.post(alert(host=f"h{number}"), group=f"{number}")
        assert (await stage.records.balance()).total == 0
    for _ in range(60):
        await stage.show()
        assert (await stage.records.balance()).total == 0
        stage.wait(2 * SECOND)


async def test_an_episode_without_a_card_is_a_difference(stage: Stage) -> None:
    await stage.post(alert())
    await stage.database.write(lambda c: c.execute(delete(card_episodes)).close())
    assert (await stage.records.balance()).without_card == 1


async def test_a_card_without_a_message_is_a_difference(stage: Stage) -> None:
    await stage.post(alert())
    await stage.database.write(lambda c: c.execute(delete(messages)).close())
    assert (await stage.records.balance()).without_message == 1


async def test_a_card_taken_out_of_the_queue_unseen_is_a_difference(stage: Stage) -> None:
    await stage.post(alert())
    covered = update(messages).values(is_covered=True, shown_revision=messages.c.revision)
    await stage.database.write(lambda c: c.execute(covered).close())
    assert (await stage.records.balance()).unseen == 1


async def test_a_card_that_left_something_out_without_a_file_is_a_difference(
    stage: Stage,
) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, is_whole=False)
    assert (await stage.records.balance()).total == 0
    gone = delete(messages).where(messages.c.kind == Kind.LIST.value)
    await stage.database.write(lambda c: c.execute(gone).close())
    assert (await stage.records.balance()).without_list == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_number_once_given_to_a_message_is_given_to_no_other(stage: Stage) -> None:
    """What is under way must not settle another message."""
    await stage.post(alert())
    newest = select(func.max(messages.c.id))
    before = await stage.scalar(newest)
    await stage.database.write(lambda c: c.execute(text("DELETE FROM messages")).close())
    await stage.post(alert(host="b"), group="b")
    assert await stage.scalar(newest) > before


def test_every_table_with_alerts_is_purged_or_small() -> None:
    small = {
        *("journal", "inboxes", "chats", "destinations", "calls", "state", "heartbeat"),
        *("people", "codes", "subscriptions", "preferences"),
        *("audit", "updates", "jobs", "letters"),  # purged by those who keep them
        *("agents", "agent_codes"),  # a key a host, and codes of half an hour
    }
    assert {table.name for table in KEPT} | small == set(metadata.tables)
