from __future__ import annotations

from bridge.core.audience import Destination
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Claimed, Failed, Kind, Reason
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert
from tests.store.stage import (
    ADA,
    BOB,
    HOUR,
    MINUTE,
    OPS,
    SECOND,
    Stage,
    card,
    names,
    notice,
    of_kind,
)

BLOCKED = Failed(Reason.CHAT_REFUSES, detail="Forbidden: bot was blocked by the user")
GONE = Failed(Reason.TOPIC_GONE, detail="Bad Request: message thread not found")
FORUM, TOPIC = Destination(-300), Destination(-300, 9)
EVA, ROOT = Destination(1003), Destination(1004)


async def break_off(stage: Stage, here: Destination, why: Failed = BLOCKED) -> bool:
    """Note that a destination takes nothing."""
    return await stage.destinations.break_off(here, why.reason.value, why.detail, now=stage.now)


async def fail(stage: Stage, here: Destination, why: Failed = BLOCKED) -> list[Claimed]:
    """Show what waits; whatever goes to one destination fails."""
    shown = []
    while claimed := await stage.claim():
        for message in claimed:
            await stage.settle(message, why if message.destination == here else None)
            shown += [message] if message.destination != here else []
    return shown


async def test_a_chat_that_refuses_is_broken_once_and_is_not_tried_again(stage: Stage) -> None:
    await stage.post(alert())
    [first] = await stage.claim()
    await stage.settle(first, BLOCKED)
    assert await stage.destinations.broken() == {OPS: "chat_refuses"}
    await stage.post(alert(host="b"), group="b")
    stage.wait(24 * HOUR)
    assert await stage.claim() == []
    assert not await break_off(stage, OPS)
    assert (await stage.outbox.depth()).waiting == 2


async def test_what_a_broken_chat_should_hear_goes_to_the_fallback_with_the_reason(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA,), fallback=BOB)
    await stage.post(alert(host="shown"), group="shown")
    await stage.show()
    await stage.post(alert(host="waits"), group="waits")
    shown = await fail(stage, ADA)
    cards = of_kind(Kind.CARD, shown)
    assert sorted(names(each)[0][0] for each in cards) == ["shown", "waits"]
    for each in cards:
        assert each.destination == BOB
        assert each.is_loud
        assert card(each).instead_of == "1001"
        assert card(each).instead_because == "chat_refuses"
    await stage.post(alert(host="later"), group="later")
    [later] = await stage.show()
    assert (later.destination, card(later).instead_of) == (BOB, "1001")
    stage.wait(MINUTE)
    await stage.post(alert(host="later", ends=NOON + SECOND), group="later")
    [edit] = await stage.show()
    assert (edit.destination, names(edit)) == (BOB, [("later", False)])
    assert (await stage.records.balance()).total == 0


async def test_an_unreadable_message_goes_to_the_fallback_too(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,), fallback=BOB)
    await stage.post("odd")
    shown = await fail(stage, ADA)
    assert [each.destination for each in of_kind(Kind.UNREADABLE, shown)] == [BOB]


async def test_what_is_over_and_was_seen_is_not_told_to_the_fallback(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,), fallback=BOB)
    await stage.post(alert())
    await stage.post(alert(ends=NOON + SECOND))
    await stage.show()
    await break_off(stage, ADA)
    assert {each.kind for each in await stage.show()} == {Kind.NOTICE}


async def test_the_fallback_and_the_first_admin_are_told_once(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,), fallback=BOB, admins=(EVA, ROOT))
    await stage.post(alert())
    told = of_kind(Kind.NOTICE, await fail(stage, ADA))
    assert {each.destination for each in told} == {BOB, EVA}
    for each in told:
        facts = notice(each)
        assert each.is_loud
        assert facts.kind is NoticeKind.CHAT_BROKEN
        assert (facts.subject, facts.reason, facts.fallback) == ("1001", "chat_refuses", "1002")
        assert "blocked by the user" in facts.detail
    for number in range(5):
        await stage.post(alert(host=f"h{number}"), group=f"{number}")
    assert not of_kind(Kind.NOTICE, await stage.drain(MINUTE))


async def test_an_admin_who_is_the_broken_chat_is_not_told_there(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,), admins=(ADA,))
    await stage.post(alert())
    await fail(stage, ADA)
    await stage.destinations.mend(ADA, now=stage.now)
    assert {each.kind for each in await stage.show()} == {Kind.CARD}


async def test_a_chat_that_is_mended_gets_what_waited_and_the_notice_says_so(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA,), fallback=BOB, admins=(EVA,))
    await stage.post(alert())
    await fail(stage, ADA)
    stage.wait(HOUR)
    await stage.post(alert(ends=NOON + HOUR))
    await stage.show()
    assert not await stage.destinations.mend(ADA, now=stage.now)
    assert await stage.destinations.broken() == {ADA: "chat_refuses"}
    shown = await stage.show()
    assert await stage.destinations.broken() == {}
    [late] = of_kind(Kind.CARD, shown)
    assert (late.destination, names(late), late.is_loud) == (ADA, [("web-1", False)], False)
    ends = of_kind(Kind.NOTICE, shown)
    assert {each.destination for each in ends} == {BOB, EVA}
    assert all(each.telegram_id and notice(each).until == stage.now for each in ends)


async def test_a_chat_that_still_refuses_after_a_check_stays_broken_and_nobody_is_told_again(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA,), admins=(EVA,))
    await stage.post(alert())
    await fail(stage, ADA)
    for _ in range(3):
        stage.wait(HOUR)
        await stage.destinations.mend(ADA, now=stage.now)
        assert await fail(stage, ADA) == []
        assert await stage.claim() == []
    assert await stage.destinations.broken() == {ADA: "chat_refuses"}


async def test_a_chat_for_which_nothing_waits_is_mended_by_the_check(stage: Stage) -> None:
    await break_off(stage, ADA)
    assert await stage.destinations.mend(ADA, now=stage.now)
    assert not await stage.destinations.mend(ADA, now=stage.now)
    assert await stage.destinations.broken() == {}


async def test_a_chat_that_breaks_again_is_told_again(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,), admins=(EVA,))
    await stage.post(alert())
    for _ in range(2):
        stage.wait(HOUR)
        [told] = of_kind(Kind.NOTICE, await fail(stage, ADA))
        assert (notice(told).until, told.telegram_id) == (None, None)
        await stage.destinations.mend(ADA, now=stage.now)
        shown = await stage.show()
        assert of_kind(Kind.NOTICE, shown)
        stage.wait(HOUR)
        await stage.post(alert(value=f"{stage.now}"))


async def test_who_was_never_told_of_a_trouble_is_not_told_of_its_end(stage: Stage) -> None:
    await stage.post(alert())
    await fail(stage, OPS)
    stage.hear(admins=(EVA,), fallback=BOB)
    await stage.destinations.mend(OPS, now=stage.now)
    assert {each.kind for each in await stage.show()} == {Kind.CARD}


async def test_what_is_only_told_at_its_end_is_told(stage: Stage) -> None:
    away = NoticeFacts(kind=NoticeKind.TELEGRAM_WAS_AWAY, since=NOON, until=NOON + HOUR, count=3)
    stage.hear(subscribed=(OPS, OPS))
    await stage.destinations.put_notice(away, now=stage.now)
    [told] = await stage.show()
    assert notice(told).count == 3
    assert not told.is_loud


async def test_alerts_of_a_topic_that_is_gone_go_to_the_forum_around_it(stage: Stage) -> None:
    stage.hear(subscribed=(TOPIC,))
    await stage.post(alert())
    cards = of_kind(Kind.CARD, await fail(stage, TOPIC, GONE))
    assert [(each.destination, names(each)) for each in cards] == [(FORUM, [("web-1", True)])]
    assert card(cards[0]).instead_of == "-300/9"
    await stage.post(alert(host="b"), group="b")
    assert [each.destination for each in await stage.show()] == [FORUM]


async def test_alerts_of_a_forum_that_refuses_do_not_go_to_the_forum(stage: Stage) -> None:
    stage.hear(subscribed=(TOPIC,))
    await stage.post(alert())
    assert await fail(stage, TOPIC, BLOCKED) == []


async def test_the_fallback_comes_before_the_forum(stage: Stage) -> None:
    stage.hear(subscribed=(TOPIC,), fallback=BOB)
    await stage.post(alert())
    cards = of_kind(Kind.CARD, await fail(stage, TOPIC, GONE))
    assert [each.destination for each in cards] == [BOB]


async def test_with_the_fallback_broken_too_everything_is_kept(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,), fallback=BOB)
    await break_off(stage, BOB)
    await stage.post(alert())
    assert await fail(stage, ADA) == []
    await stage.post(alert(host="b"), group="b")
    assert await stage.claim() == []
    await stage.destinations.mend(ADA, now=stage.now)
    shown = of_kind(Kind.CARD, await stage.show())
    assert sorted((each.destination, names(each)[0][0]) for each in shown) == [
        (ADA, "b"),
        (ADA, "web-1"),
    ]


async def test_the_fallback_that_hears_for_itself_does_not_hear_twice(stage: Stage) -> None:
    stage.hear(subscribed=(ADA, BOB), fallback=BOB)
    await break_off(stage, ADA)
    await stage.show()
    await stage.post(alert())
    [shown] = await stage.show()
    assert (shown.destination, card(shown).instead_of) == (BOB, "")


async def test_a_card_that_still_fires_in_the_fallback_stays_loud_beside_one_that_is_over(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA, BOB), fallback=BOB)
    await stage.post(alert(host="a"), to=ADA)
    await stage.post(alert(host="a", ends=NOON + SECOND), to=ADA)
    await stage.post(alert(host="b"), to=BOB)
    await break_off(stage, ADA)
    [shown] = of_kind(Kind.CARD, await stage.show())
    assert (shown.destination, shown.is_loud) == (BOB, True)
    assert names(shown) == [("b", True), ("a", False)]


async def test_the_destinations_in_use_are_those_that_hear_and_those_that_have_cards(
    stage: Stage,
) -> None:
    stage.hear(subscribed=(ADA,), fallback=BOB)
    await stage.post(alert(), to=TOPIC)
    await break_off(stage, EVA)
    assert await stage.destinations.in_use() == [ADA, BOB, TOPIC, EVA]


async def test_a_group_that_became_a_supergroup_is_followed_everywhere(stage: Stage) -> None:
    stage.hear(subscribed=(OPS,))
    fresh = Destination(-1_000_100)
    await stage.post(alert(host="a"), group="a")
    await stage.show()
    await stage.post(alert(host="a", value="2"), group="a")
    await stage.post(alert(host="b"), group="b")
    [first] = await stage.claim()
    await stage.settle(first, Failed(Reason.MIGRATED, moved_to=fresh.chat_id))
    shown = await stage.drain(MINUTE)
    assert {each.destination for each in shown} == {fresh}
    assert all(each.telegram_id is None for each in shown)
    assert sorted(names(each)[0][0] for each in of_kind(Kind.CARD, shown)) == ["a", "b"]
    [told] = of_kind(Kind.NOTICE, shown)
    facts = notice(told)
    assert (facts.kind, facts.subject, facts.detail) == (
        NoticeKind.CHAT_MOVED,
        "-100",
        "-1000100",
    )
    await stage.post(alert(host="c"), group="c")
    await stage.post(alert(host="d"), group="d", to=OPS)
    await stage.post(alert(host="a", ends=NOON + SECOND), group="a")
    again = await stage.drain(MINUTE)
    assert {each.destination for each in again} == {fresh}
    assert len(again) == 3
    assert await stage.destinations.moved(OPS) == fresh
    assert await stage.destinations.in_use() == [fresh]


async def test_the_standing_cards_of_both_ids_become_one(stage: Stage) -> None:
    fresh = Destination(-1_000_100)
    stage.hear(subscribed=(OPS, fresh))
    await stage.post(alert(host="a"))
    await stage.show()
    await stage.post(alert(host="b"), to=fresh)
    await stage.post(alert(host="c"), to=OPS)
    await stage.show()
    await stage.destinations.move(OPS.chat_id, fresh.chat_id, now=stage.now)
    [shown] = of_kind(Kind.CARD, await stage.drain(MINUTE))
    assert shown.telegram_id is not None
    assert sorted(names(shown)) == [("a", True), ("b", True), ("c", True)]
    assert (await stage.records.balance()).total == 0
    await stage.post(alert(host="a"))
    assert await stage.show() == []


async def test_a_card_that_another_replaces_while_it_is_under_way_is_settled_without_harm(
    stage: Stage,
) -> None:
    fresh = Destination(-1_000_100)
    stage.hear(subscribed=(fresh,))
    await stage.post(alert(host="a"))
    await stage.show()
    await stage.post(alert(host="b"), to=OPS)
    [under_way] = await stage.claim()
    await stage.destinations.move(OPS.chat_id, fresh.chat_id, now=stage.now)
    await stage.settle(under_way, is_whole=False)
    shown = await stage.drain(MINUTE)
    assert {each.kind for each in shown} == {Kind.CARD, Kind.NOTICE}


async def test_a_board_of_a_group_that_moves_lets_its_cards_go(stage: Stage) -> None:
    fresh = Destination(-1_000_100)
    for number in range(20):
        await stage.post(alert(host=f"h{number}"), group=f"h{number}")
    [shown] = await stage.show()
    assert shown.kind is Kind.BOARD
    await stage.destinations.move(OPS.chat_id, fresh.chat_id, now=stage.now)
    await stage.drain(20 * MINUTE)
    seen = {
        host for each in stage.log[1:] if each.kind is not Kind.NOTICE for host, _ in names(each)
    }
    assert len(seen) == 20
    assert (await stage.records.balance()).total == 0


async def test_admins_are_told_of_a_move_in_the_place_of_the_group(stage: Stage) -> None:
    stage.hear(admins=(EVA, ROOT))
    await stage.destinations.move(OPS.chat_id, -7, now=stage.now)
    assert {each.destination for each in await stage.show()} == {EVA, ROOT}


async def test_moves_are_followed_over_several_steps_and_never_in_a_circle(stage: Stage) -> None:
    for old, fresh in ((-1, -2), (-2, -3)):
        await stage.destinations.move(old, fresh, now=stage.now)
    assert await stage.destinations.moved(Destination(-1, 4)) == Destination(-3, 4)
    await stage.destinations.move(-3, -1, now=stage.now)
    assert await stage.destinations.moved(Destination(-2)) == Destination(-1)
    assert await stage.destinations.moved(Destination(-1)) == Destination(-1)


async def test_a_notice_that_both_ids_of_a_group_were_told_ends_in_both(stage: Stage) -> None:
    old, fresh = Destination(-1), Destination(-2)
    silence = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=NOON)
    stage.hear(subscribed=(old, fresh))
    await stage.destinations.put_notice(silence, now=stage.now)
    await stage.show()
    await stage.destinations.move(old.chat_id, fresh.chat_id, now=stage.now)
    await stage.drain(MINUTE)
    over = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=NOON, until=NOON + HOUR)
    await stage.destinations.put_notice(over, now=stage.now)
    shown = await stage.drain(MINUTE)
    assert len(shown) == 2
    assert all(notice(each).until for each in shown)
