"""What chats have chosen, how they are limited, and groups that move with all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from bridge.core.access import EVERYWHERE, parse_scope
from bridge.core.audience import Destination
from bridge.core.cards import Muting
from bridge.core.hearing import Hearing
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Failed, Kind, Reason
from bridge.core.preferences import NO_PREFERENCES, Notify
from bridge.core.reconciling import Memory, Repairs
from bridge.errors import Mistake
from bridge.store.cards import touch_cards_of
from bridge.store.database import Database
from bridge.store.reconciling import Reconciling
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import (
    ADA,
    BOB,
    DEV,
    HOUR,
    INVENTORY,
    MINUTE,
    OPS,
    SECOND,
    Stage,
    card,
    names,
    of_kind,
)

DATABASES = parse_scope(["group=db"])
EVA = Destination(1003)
NOTHING = Repairs(endings={}, mutings={}, vouched=(), missed=(), memory=Memory())


@pytest.fixture
def stage(database: Database) -> Stage:
    """A bridge whose settings name no chat."""
    return Stage(database, Hearing(find_host=INVENTORY.find))


async def is_even(stage: Stage) -> bool:
    """Say whether every alert is accounted for."""
    return (await stage.records.balance()).total == 0


# -- choosing --------------------------------------------------------------------------------


async def test_what_a_chat_has_chosen_goes_with_every_message(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, ADA))
    await stage.choose(ADA, "language ru", "zone Berlin")
    await stage.post(alert())
    chosen = {each.destination: each.preferences for each in await stage.show()}
    assert chosen[OPS] == NO_PREFERENCES
    assert (chosen[ADA].language, chosen[ADA].zone) == ("ru", "Europe/Berlin")


async def test_a_mixed_webhook_is_filtered_for_each_chat(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, ADA, BOB))
    await stage.choose(ADA, "notify critical")
    await stage.choose(BOB, "kinds -down")
    await stage.post(
        alert("AgentDown", host="web-1", severity="warning"),
        alert("AgentDown", host="db-1", severity="critical"),
        alert("Odd", host="db-2", severity="info"),
    )
    assert await stage.heard() == {
        OPS: {"web-1", "db-1", "db-2"},
        ADA: {"db-1"},
        BOB: {"db-2"},
    }
    assert await is_even(stage)


async def test_a_ring_names_only_what_the_chat_hears(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,))
    await stage.choose(ADA, "kinds -down")
    both = [alert("AgentDown", host="web-1"), alert("Odd", host="db-1")]
    await stage.post(*both)
    await stage.show()
    stage.wait(HOUR)
    await stage.post(*both)
    [repeat] = of_kind(Kind.RING, await stage.show())
    assert names(repeat) == [("db-1", True)]
    stage.wait(HOUR)
    await stage.post(alert("AgentDown", host="web-1"))
    assert await stage.show() == []


async def test_the_end_of_a_silence_rings_only_for_what_the_chat_hears(stage: Stage) -> None:
    stage.hear(subscribed=(ADA, BOB))
    await stage.post(alert("AgentDown", host="web-1"))
    await stage.show()
    await stage.choose(ADA, "kinds -down")
    reconciling = Reconciling(stage.database, touch_cards_of, stage.hearing)
    [held] = await reconciling.find_open()
    for muting in (Muting.SILENCED, None):
        await reconciling.repair(replace(NOTHING, mutings={held.id: muting}), now=stage.now)
        await stage.drain(MINUTE)
    assert {each.destination for each in of_kind(Kind.RING, stage.log)} == {BOB}


async def test_what_a_chat_switches_off_is_kept_true_to_its_end_and_not_shown_anew(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA,))
    await stage.post(alert())
    await stage.show()
    await stage.choose(ADA, "notify off")
    await stage.post(alert("HighLoad"))
    await stage.post(alert(ends=NOON + SECOND))
    [edit] = await stage.show()
    assert edit.telegram_id is not None
    assert [(each.name, each.is_firing) for each in card(edit).members] == [("AgentDown", False)]
    assert await is_even(stage)


async def test_what_nobody_wants_is_accounted_for_and_counted_and_waits_for_nobody(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA,))
    await stage.choose(ADA, "notify off")
    await stage.post(alert(), alert("Odd", severity="warning"))
    assert await stage.claim() == []
    depth = await stage.outbox.depth()
    assert (depth.waiting, depth.unheard) == (0, 0)
    assert await is_even(stage)
    unwanted = await stage.records.unwanted()
    assert (unwanted.alerts, unwanted.critical) == (2, 1)
    await stage.post(alert(ends=NOON + SECOND), alert("Odd", severity="warning"))
    unwanted = await stage.records.unwanted()
    assert (unwanted.alerts, unwanted.critical) == (1, 0)
    await stage.post(alert("Odd", severity="warning", ends=NOON + SECOND))
    await stage.post(alert("Brief", ends=NOON + SECOND))
    assert (await stage.records.unwanted()).alerts == 0
    assert await is_even(stage)
    stage.wait(200 * 24 * HOUR)
    while await stage.records.purge(before=stage.now - 180 * 24 * HOUR):
        pass
    assert await is_even(stage)


async def test_what_is_switched_on_is_shown_at_once_as_far_as_it_fires(stage: Stage) -> None:
    stage.hear(subscribed=(ADA, BOB))
    await stage.choose(ADA, "notify off")
    await stage.choose(BOB, "notify off")
    await stage.post(alert(host="db-1"), alert(host="db-2", severity="warning"))
    await stage.choose(ADA, "notify critical")
    [shown] = await stage.show()
    assert (shown.destination, names(shown), shown.is_loud) == (ADA, [("db-1", True)], False)
    await stage.choose(ADA, "notify all")
    [edit] = await stage.show()
    assert sorted(names(edit)) == [("db-1", True), ("db-2", True)]
    assert (await stage.records.unwanted()).alerts == 0
    await stage.post(alert(host="db-1"), alert(host="db-2", severity="warning"))
    assert await stage.show() == []


async def test_an_addressed_chat_chooses_too_and_its_own_stays_its_own(stage: Stage) -> None:
    await stage.subscribe(BOB)
    await stage.choose(ADA, "notify off")
    await stage.post(alert(host="own"), group="own", to=ADA, receiver="ada")
    await stage.choose(BOB, "language ru")
    assert await stage.show() == []
    await stage.choose(ADA, "notify all")
    [shown] = await stage.show()
    assert (shown.destination, names(shown)) == (ADA, [("own", True)])


async def test_in_quiet_hours_only_what_is_critical_sounds(stage: Stage) -> None:
    stage.hear(subscribed=(ADA, BOB))
    await stage.choose(ADA, "zone UTC", "quiet 12:00-13:00")
    await stage.post(alert(host="mild", severity="warning"), group="mild")
    await stage.post(alert(host="bad"), group="bad")
    shown = await stage.drain(MINUTE)
    assert {(each.destination, names(each)[0][0]): each.is_loud for each in shown} == {
        (ADA, "mild"): False,
        (ADA, "bad"): True,
        (BOB, "mild"): True,
        (BOB, "bad"): True,
    }
    await stage.post(alert("Odd", host="mild", severity="warning"), group="mild")
    rings = of_kind(Kind.RING, await stage.drain(MINUTE))
    assert {each.destination: each.is_loud for each in rings} == {ADA: False, BOB: True}
    stage.now = NOON + HOUR
    await stage.post(alert(host="later", severity="warning"), group="later")
    assert all(each.is_loud for each in await stage.show())


async def test_a_storm_sounds_in_quiet_hours_only_where_something_critical_is_in_it(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA, BOB))
    await stage.choose(ADA, "zone UTC", "quiet 12:00-13:00")
    for number in range(20):
        mild = alert(host=f"h{number}", severity="warning")
        await stage.put(webhook(mild, group=f"h{number}"))
    await stage.fold()
    boards = of_kind(Kind.BOARD, await stage.show())
    assert {each.destination: each.is_loud for each in boards} == {ADA: False, BOB: True}
    for number in range(27):
        severity = "critical" if number == 20 else "warning"
        one = alert(host=f"n{number}", severity=severity, starts=stage.now)
        await stage.post(one, group=f"n{number}")
        await stage.show()
        stage.wait(5 * SECOND)
    rings = [each for each in of_kind(Kind.RING, stage.log) if each.destination == ADA]
    assert [each.is_loud for each in rings] == [False, True]


async def test_notices_ignore_kinds_and_hours_and_go_nowhere_where_all_is_off(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(OPS, ADA, BOB), admins=(EVA,))
    await stage.choose(
        OPS, "kinds -down -other", "notify critical", "zone UTC", "quiet 12:00-13:00"
    )
    await stage.choose(ADA, "notify off")
    await stage.chats.limit(BOB, DATABASES, now=stage.now)
    silence = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=NOON)
    await stage.destinations.put_notice(silence, now=stage.now)
    told = await stage.show()
    assert {each.destination: each.is_loud for each in told} == {OPS: True, BOB: True}
    away = NoticeFacts(kind=NoticeKind.TELEGRAM_WAS_AWAY, since=NOON, until=NOON + HOUR, count=9)
    await stage.destinations.put_notice(away, now=stage.now)
    assert {each.destination for each in await stage.drain(MINUTE)} == {OPS}
    for here in (OPS, BOB):
        await stage.choose(here, "notify off")
    again = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=NOON + HOUR)
    await stage.destinations.put_notice(again, now=stage.now)
    assert {each.destination for each in await stage.drain(MINUTE)} == {EVA}


async def test_what_cannot_be_read_goes_to_the_admins_where_no_chat_may_see_it(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA, BOB))
    await stage.choose(ADA, "notify critical")
    await stage.chats.limit(BOB, DATABASES, now=stage.now)
    await stage.post("odd")
    assert [each.destination for each in await stage.show()] == [ADA]
    await stage.choose(ADA, "notify off")
    await stage.post("odder")
    assert await stage.claim() == []
    assert (await stage.outbox.depth()).unheard == 1
    stage.hear(admins=(EVA,))
    await stage.post("oddest")
    assert [each.destination for each in await stage.show()] == [EVA]
    await stage.destinations.adopt(now=stage.now)
    assert [each.destination for each in await stage.show()] == [EVA]


async def test_broken_choices_in_the_database_count_as_none(stage: Stage) -> None:
    stage.hear(subscribed=(ADA, BOB))
    await stage.choose(ADA, "notify off")
    await stage.choose(BOB, "language ru")
    for column, written in (("chosen", "{no json"), ("title", "[")):
        broken = text(f"UPDATE preferences SET {column} = '{written}'")  # noqa: S608 - a test's words
        await stage.database.write(lambda c: c.execute(broken).close())  # noqa: B023
    await stage.post(alert())
    assert {each.destination for each in await stage.show()} == {ADA, BOB}
    assert (await stage.chats.find(ADA)).title == ""


async def test_a_limit_that_cannot_be_read_leaves_no_host(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,))
    await stage.chats.limit(ADA, DATABASES, now=stage.now)
    broken = text("UPDATE preferences SET scope = '[[1]]'")
    await stage.database.write(lambda c: c.execute(broken).close())
    await stage.post(alert(host="db-1"))
    assert await stage.show() == []
    assert (await stage.records.unwanted()).critical == 1


async def test_a_mistyped_choice_changes_nothing_and_stops_nobody_else(stage: Stage) -> None:
    with pytest.raises(Mistake):
        await stage.choose(ADA, "notify loud")
    assert (await stage.chats.find(ADA)).ear.preferences == NO_PREFERENCES


async def test_a_topic_has_its_chats_choices_and_its_own(stage: Stage) -> None:
    stage.hear(subscribed=(DEV,))
    forum = Destination(DEV.chat_id)
    await stage.choose(forum, "language ru", "notify critical")
    await stage.choose(DEV, "notify all")
    await stage.post(alert(severity="warning"))
    [shown] = await stage.show()
    assert shown.preferences.language == "ru"
    assert shown.preferences.notify is Notify.ALL
    await stage.choose(DEV, "notify default")
    await stage.post(alert(host="b", severity="warning"), group="b")
    assert await stage.show() == []
    await stage.choose(forum, "notify default")
    [shown] = await stage.show()
    assert (shown.destination, names(shown)) == (DEV, [("b", True)])


async def test_the_title_of_a_chat_is_kept_as_last_seen_but_not_that_of_a_stranger(
    stage: Stage,
) -> None:
    await stage.subscribe(ADA)
    for title in ("On call", "On call 🔥 \ud800"):
        await stage.chats.note_title(ADA, title)
    await stage.chats.note_title(BOB, "Mallory")
    assert (await stage.chats.find(ADA)).title == "On call 🔥 \ud800"
    assert (await stage.chats.find(BOB)).title == ""


# -- limits ----------------------------------------------------------------------------------


async def test_a_limited_chat_is_shown_nothing_of_other_hosts(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, ADA))
    await stage.chats.limit(ADA, DATABASES, now=stage.now)
    await stage.post(alert(host="web-1"), alert(host="db-1"), alert(host=""), alert(host="gone"))
    seen = await stage.heard()
    assert seen[ADA] == {"db-1"}
    assert len(seen[OPS]) == 4


async def test_a_chat_that_is_limited_later_hears_no_end_of_what_no_longer_exists_for_it(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA,))
    await stage.post(alert(host="web-1"), group="web-1")
    await stage.post(alert("Odd", host="web-1"), alert(host="db-1"), group="mixed")
    await stage.show()
    await stage.post(alert(host="web-1", ends=NOON + SECOND), group="web-1")
    await stage.chats.limit(ADA, DATABASES, now=stage.now)
    [anew] = await stage.drain(MINUTE)
    assert (names(anew), anew.telegram_id, anew.is_loud) == ([("db-1", True)], None, False)
    over = alert("Odd", host="web-1", ends=NOON + MINUTE)
    await stage.post(over, alert(host="db-1"), group="mixed")
    assert await stage.drain(MINUTE) == []
    assert await is_even(stage)
    await stage.chats.limit(ADA, EVERYWHERE, now=stage.now)
    assert await stage.drain(MINUTE) == []


async def test_a_limit_of_a_chat_holds_in_its_topics(stage: Stage) -> None:
    stage.hear(subscribed=(DEV,))
    await stage.post(alert(host="web-1"))
    await stage.show()
    await stage.chats.limit(Destination(DEV.chat_id), DATABASES, now=stage.now)
    await stage.post(alert(host="web-1", ends=NOON + SECOND))
    await stage.post(alert(host="web-1", starts=NOON + MINUTE))
    assert await stage.drain(MINUTE) == []


async def test_with_the_fallback_limited_the_owner_is_told_of_a_broken_chat(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,), fallback=BOB)
    await stage.chats.limit(BOB, DATABASES, now=stage.now)
    await stage.post(alert(host="web-1"), alert(host="db-1"))
    [first] = await stage.claim()
    await stage.settle(first, Failed(Reason.CHAT_REFUSES))
    cards = of_kind(Kind.CARD, await stage.show())
    assert [(each.destination, names(each)) for each in cards] == [(BOB, [("db-1", True)])]
    assert await stage.destinations.unheard() == {ADA: "chat_refuses"}


# -- moving ----------------------------------------------------------------------------------


async def test_a_group_that_moves_takes_its_subscription_choices_and_limit_along(
    stage: Stage,
) -> None:
    fresh = Destination(-1_000_100)
    await stage.subscribe(OPS)
    await stage.choose(OPS, "language ru", "notify critical")
    await stage.chats.limit(OPS, DATABASES, now=stage.now)
    await stage.chats.note_title(OPS, "On call")
    await stage.destinations.move(OPS.chat_id, fresh.chat_id, now=stage.now)
    for name in (OPS, fresh):
        known = await stage.chats.find(name)
        assert (known.destination, known.is_subscribed, known.title) == (fresh, True, "On call")
        assert known.ear.preferences.language == "ru"
        assert known.ear.scope == DATABASES
    await stage.drain(MINUTE)
    await stage.post(alert(host="db-1"), alert(host="web-1"))
    [shown] = await stage.show()
    assert (shown.destination, names(shown)) == (fresh, [("db-1", True)])
    await stage.chats.unsubscribe(OPS, now=stage.now)
    assert not (await stage.chats.find(fresh)).is_subscribed


async def test_where_both_ids_of_a_group_have_chosen_the_fresh_one_wins_and_limits_add_up(
    stage: Stage,
) -> None:
    fresh = Destination(-1_000_100)
    await stage.subscribe(OPS, fresh)
    await stage.choose(OPS, "language ru", "charts dark")
    await stage.choose(fresh, "language en")
    await stage.chats.limit(OPS, DATABASES, now=stage.now)
    await stage.chats.limit(fresh, parse_scope(["host=db-1"]), now=stage.now)
    await stage.destinations.move(OPS.chat_id, fresh.chat_id, now=stage.now)
    [known] = await stage.chats.find_subscribed()
    assert known.ear.preferences.spell() == {"language": "en", "charts": "dark"}
    assert str(known.ear.scope) == "group=db host=db-1"
