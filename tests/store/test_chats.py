"""Chats that come and go."""

from __future__ import annotations

import pytest

from bridge.core.hearing import Hearing
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Failed, Kind, Reason
from bridge.errors import Missing, Mistake
from bridge.store.cards import touch_cards_of
from bridge.store.database import Database
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import (
    ADA,
    BOB,
    HOUR,
    INVENTORY,
    MINUTE,
    OPS,
    SECOND,
    Stage,
    board,
    card,
    names,
    of_kind,
)


@pytest.fixture
def stage(database: Database) -> Stage:
    """A bridge whose settings name no chat."""
    return Stage(database, Hearing(find_host=INVENTORY.find))


async def is_even(stage: Stage) -> bool:
    """Say whether every alert is accounted for."""
    return (await stage.records.balance()).total == 0


# -- coming ----------------------------------------------------------------------------------


async def test_a_chat_that_subscribes_hears_what_comes(stage: Stage) -> None:
    await stage.subscribe(ADA)
    await stage.post(alert())
    [shown] = await stage.show()
    assert (shown.destination, shown.is_loud, shown.is_subscribed) == (ADA, True, True)


async def test_the_chats_of_the_settings_and_the_store_hear_together_each_once(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(OPS, ADA))
    await stage.subscribe(ADA, BOB)
    await stage.post(alert())
    assert {each.destination for each in await stage.show()} == {OPS, ADA, BOB}
    listed = await stage.chats.find_subscribed()
    assert [(each.destination, each.is_settled) for each in listed] == [
        (OPS, True),
        (ADA, True),
        (BOB, False),
    ]
    assert [each.made_by for each in listed] == [None, None, 1001]


async def test_a_chat_that_subscribes_a_second_time_is_no_news(stage: Stage) -> None:
    first = await stage.chats.subscribe(ADA, made_by=None, now=stage.now)
    again = await stage.chats.subscribe(ADA, made_by=None, now=stage.now)
    assert (first.is_news, again.is_news) == (True, False)


async def test_who_subscribes_while_something_fires_is_shown_it_at_once_and_silently(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(OPS,))
    await stage.post(alert(host="web-1", severity="warning"), group="web-1")
    await stage.post(alert(host="db-1"), alert(host="db-2"), group="db")
    await stage.post(alert(host="db-2", ends=NOON + SECOND), group="db")
    await stage.show()
    subscribed = await stage.chats.subscribe(ADA, made_by=1, now=stage.now)
    assert subscribed.shown == 2
    worst, other = [each for each in await stage.show() if each.destination == ADA]
    assert (names(worst), worst.is_loud) == ([("db-1", True)], False)
    assert (names(other), other.is_loud) == ([("web-1", True)], False)
    assert await is_even(stage)
    await stage.post(alert(host="db-1", ends=NOON + MINUTE), group="db")
    edits = await stage.show()
    assert {(each.destination, each.telegram_id is None) for each in edits} == {
        (OPS, False),
        (ADA, False),
    }


async def test_a_repeat_shows_who_subscribed_nothing_anew(stage: Stage) -> None:
    stage.hear(subscribed=(OPS,))
    await stage.post(alert())
    await stage.show()
    await stage.subscribe(ADA)
    await stage.show()
    await stage.post(alert())
    assert await stage.show() == []


async def test_what_fires_already_goes_after_what_is_news(stage: Stage) -> None:
    stage.hear(subscribed=(OPS,))
    for number in range(40):
        await stage.post(alert(host=f"h{number}"), group=f"{number}")
        await stage.drain(MINUTE)
    await stage.subscribe(ADA)
    await stage.post(alert(host="news"), group="news")
    first = next(each for each in await stage.show() if each.destination == ADA)
    assert names(first) == [("news", True)]
    assert not of_kind(Kind.BOARD, await stage.drain(20 * MINUTE))
    assert len((await stage.heard())[ADA]) == 41


async def test_the_first_chat_gets_what_nobody_could_hear_as_news(stage: Stage) -> None:
    await stage.post(alert(), "odd")
    assert (await stage.outbox.depth()).unheard == 2
    subscribed = await stage.chats.subscribe(ADA, made_by=1, now=stage.now)
    assert (subscribed.adopted, subscribed.shown) == (2, 0)
    shown = await stage.show()
    assert {each.kind for each in shown} == {Kind.CARD, Kind.UNREADABLE}
    assert all(each.is_loud and each.destination == ADA for each in shown)
    assert (await stage.outbox.depth()).unheard == 0
    assert await is_even(stage)


async def test_the_first_chat_gets_only_what_it_wants_and_the_rest_is_accounted_for(
    stage: Stage,
) -> None:
    await stage.post(alert(host="web-1", severity="warning"), group="web-1")
    await stage.post(alert(host="db-1"), group="db-1")
    await stage.choose(ADA, "notify critical")
    await stage.subscribe(ADA)
    assert (await stage.heard())[ADA] == {"db-1"}
    assert (await stage.outbox.depth()).waiting == 0
    assert await is_even(stage)
    unwanted = await stage.records.unwanted()
    assert (unwanted.alerts, unwanted.critical) == (1, 0)


async def test_what_alertmanager_sends_to_one_chat_alone_is_shown_to_no_other(
    stage: Stage,
) -> None:
    await stage.post(alert(host="secret"), group="secret", to=BOB, receiver="bob")
    await stage.show()
    await stage.subscribe(ADA)
    assert ADA not in await stage.heard()


async def test_a_chat_that_is_thought_broken_is_tried_again_when_it_subscribes(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(OPS,))
    await stage.post(alert())
    await stage.show()
    await stage.destinations.break_off(ADA, "chat_refuses", "", now=stage.now)
    await stage.subscribe(ADA)
    [shown] = await stage.show()
    assert shown.destination == ADA
    assert await stage.destinations.broken() == {}


# -- going -----------------------------------------------------------------------------------


async def test_a_chat_that_unsubscribes_is_sent_nothing_more_not_even_what_waits(
    stage: Stage,
) -> None:
    await stage.subscribe(ADA, BOB)
    await stage.post(alert(host="db-1"), group="db-1")
    await stage.show()
    await stage.post(alert(host="db-2"), "odd", group="db-2")
    await stage.post(alert(host="db-1", ends=NOON + SECOND), group="db-1")
    silence = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=NOON)
    await stage.destinations.put_notice(silence, now=stage.now)
    await stage.chats.unsubscribe(ADA, now=stage.now)
    await stage.post(alert(host="web-1"), group="web-1")
    over = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=NOON, until=NOON + HOUR)
    await stage.destinations.put_notice(over, now=stage.now)
    shown = await stage.drain(HOUR)
    assert {each.destination for each in shown} == {BOB}
    assert {each.kind for each in shown} >= {Kind.CARD, Kind.UNREADABLE, Kind.NOTICE}
    assert (await stage.heard())[BOB] == {"db-2", "web-1"}
    assert await is_even(stage)
    assert await stage.destinations.in_use() == [BOB]


async def test_a_chat_of_the_settings_cannot_be_unsubscribed_from_here(stage: Stage) -> None:
    stage.hear(subscribed=(OPS,))
    with pytest.raises(Mistake, match="ALERT_CHAT_ID names the chat -100"):
        await stage.chats.unsubscribe(OPS, now=stage.now)
    with pytest.raises(Missing, match="1001 is not subscribed"):
        await stage.chats.unsubscribe(ADA, now=stage.now)
    await stage.post(alert())
    assert [each.destination for each in await stage.show()] == [OPS]


async def test_with_nobody_left_what_fires_waits_for_the_next_who_subscribes(
    stage: Stage,
) -> None:
    await stage.subscribe(ADA)
    await stage.post(alert(host="seen"), group="seen")
    await stage.show()
    await stage.post(alert(host="unseen"), "odd", group="unseen")
    await stage.post(alert(host="over"), group="over")
    await stage.post(alert(host="over", ends=NOON + SECOND), group="over")
    await stage.chats.unsubscribe(ADA, now=stage.now)
    assert await stage.claim() == []
    depth = await stage.outbox.depth()
    assert (depth.waiting, depth.unheard) == (3, 3)
    assert await is_even(stage)
    await stage.post(alert(host="later"), group="later")
    await stage.subscribe(BOB)
    shown = await stage.drain(MINUTE)
    assert {each.destination for each in shown} == {BOB}
    loud = {names(each)[0][0]: each.is_loud for each in of_kind(Kind.CARD, shown)}
    assert loud == {"seen": False, "unseen": True, "later": True}
    assert of_kind(Kind.UNREADABLE, shown)
    assert await is_even(stage)


async def test_an_end_that_comes_while_nobody_is_subscribed_is_told_to_the_next(
    stage: Stage,
) -> None:
    await stage.subscribe(ADA)
    await stage.post(alert())
    await stage.show()
    await stage.chats.unsubscribe(ADA, now=stage.now)
    await stage.post(alert(ends=NOON + MINUTE))
    await stage.subscribe(ADA)
    [shown] = await stage.drain(MINUTE)
    assert (names(shown), shown.telegram_id, shown.is_loud) == ([("web-1", False)], None, False)
    assert await is_even(stage)


async def flood(stage: Stage, groups: int) -> None:
    for number in range(groups):
        one = alert(host=f"h{number}", starts=stage.now)
        await stage.put(webhook(one, group=f"h{number}"))
    await stage.fold()


async def test_a_chat_that_leaves_in_a_storm_takes_its_board_along(stage: Stage) -> None:
    await stage.subscribe(ADA, BOB)
    await stage.post(alert(host="first"), group="first")
    await stage.show()
    await flood(stage, 30)
    shown = await stage.show()
    assert {each.destination for each in of_kind(Kind.BOARD, shown)} == {ADA, BOB}
    await stage.chats.unsubscribe(ADA, now=stage.now)
    assert await is_even(stage)
    await flood(stage, 40)
    later = await stage.drain(30 * MINUTE)
    assert {each.destination for each in later} == {BOB}
    assert len((await stage.heard())[BOB]) == 41
    await stage.subscribe(ADA)
    assert (await stage.drain(30 * MINUTE))[0].kind is Kind.CARD
    assert await is_even(stage)


async def test_the_last_chat_that_leaves_in_a_storm_loses_no_alert(stage: Stage) -> None:
    await stage.subscribe(ADA)
    await flood(stage, 30)
    [shown] = await stage.show()
    assert shown.kind is Kind.BOARD
    await stage.chats.unsubscribe(ADA, now=stage.now)
    assert await stage.claim() == []
    assert (await stage.outbox.depth()).unheard == 30
    assert await is_even(stage)
    await stage.subscribe(BOB)
    told = board(of_kind(Kind.BOARD, await stage.show())[0])
    assert len(told.firing) == 30


@pytest.mark.parametrize("storm", [False, True])
async def test_what_is_under_way_while_a_chat_leaves_is_the_last_that_it_is_sent(
    stage: Stage,
    storm: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    await stage.subscribe(ADA)
    await flood(stage, 30 if storm else 1)
    [under_way] = await stage.claim()
    assert under_way.kind is (Kind.BOARD if storm else Kind.CARD)
    assert not await stage.chats.is_under_way(BOB, now=stage.now)
    await stage.chats.unsubscribe(ADA, now=stage.now)
    assert await stage.chats.is_under_way(ADA, now=stage.now)
    await flood(stage, 2)
    await stage.settle(under_way, is_whole=False)
    assert not await stage.chats.is_under_way(ADA, now=stage.now)
    stage.wait(HOUR)
    assert await stage.claim() == []
    assert await is_even(stage)


@pytest.mark.parametrize("outcome", [Failed(Reason.CHAT_REFUSES), Failed(Reason.OUTAGE)])
async def test_what_failed_while_a_chat_left_is_not_tried_again(
    stage: Stage, outcome: Failed
) -> None:
    await stage.subscribe(ADA)
    await stage.post(alert())
    [under_way] = await stage.claim()
    await stage.chats.unsubscribe(ADA, now=stage.now)
    await stage.settle(under_way, outcome)
    stage.wait(HOUR)
    assert await stage.claim() == []
    assert await stage.destinations.in_use() == []
    assert await is_even(stage)


async def test_a_bridge_that_dies_while_a_chat_leaves_sends_it_nothing_afterwards(
    stage: Stage,
) -> None:
    await stage.subscribe(ADA)
    await stage.post(alert())
    await stage.claim()
    await stage.chats.unsubscribe(ADA, now=stage.now)
    await stage.outbox.release()
    stage.wait(HOUR)
    assert await stage.claim() == []
    assert await is_even(stage)


async def test_an_alert_of_a_chat_that_left_ends_without_a_word_there(stage: Stage) -> None:
    await stage.subscribe(ADA, BOB)
    await stage.post(alert())
    await stage.show()
    await stage.chats.unsubscribe(ADA, now=stage.now)
    await stage.post(alert(ends=NOON + MINUTE))
    [edit] = await stage.show()
    assert edit.destination == BOB
    await stage.database.write(lambda c: touch_cards_of(c, [1], stage.now))
    assert {each.destination for each in await stage.show()} == {BOB}
    assert (await stage.outbox.depth()).waiting == 0


async def test_what_alertmanager_sends_to_a_chat_alone_is_no_subscription(stage: Stage) -> None:
    await stage.subscribe(ADA)
    await stage.post(alert(host="own"), group="own", to=ADA, receiver="ada")
    await stage.post(alert(host="all"), group="all")
    await stage.show()
    await stage.chats.unsubscribe(ADA, now=stage.now)
    await stage.post(alert(host="own", ends=NOON + SECOND), group="own", to=ADA, receiver="ada")
    [edit] = await stage.show()
    assert (edit.destination, names(edit)) == (ADA, [("own", False)])


async def test_a_fallback_that_unsubscribes_still_hears_for_others(stage: Stage) -> None:
    stage.hear(subscribed=(OPS,), fallback=BOB)
    await stage.subscribe(BOB)
    await stage.destinations.break_off(OPS, "chat_refuses", "", now=stage.now)
    await stage.post(alert())
    await stage.show()
    await stage.chats.unsubscribe(BOB, now=stage.now)
    [instead] = of_kind(Kind.CARD, await stage.drain(MINUTE))
    assert (instead.destination, card(instead).instead_of) == (BOB, str(OPS))
    assert await is_even(stage)


async def test_a_chat_that_comes_back_is_shown_what_fires_anew(stage: Stage) -> None:
    await stage.subscribe(ADA, BOB)
    await stage.post(alert())
    await stage.show()
    await stage.chats.unsubscribe(ADA, now=stage.now)
    await stage.subscribe(ADA)
    [again] = await stage.show()
    assert (again.destination, again.telegram_id, again.is_loud) == (ADA, None, False)
