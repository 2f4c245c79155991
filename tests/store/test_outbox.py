from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from bridge.core.alerts import parse_webhook
from bridge.core.audience import NOBODY, Destination
from bridge.core.cards import CardFacts, UnreadableFacts
from bridge.core.outbox import Claimed, Failed, Outcome, Reason, Sent, judge
from bridge.store.outbox import Outbox
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook

MINUTE = timedelta(minutes=1)
OPS, DEV = Destination(-100), Destination(-200, 7)


async def put(outbox: Outbox, *alerts: object, to: Sequence[Destination] = (OPS,)) -> None:
    await outbox.put(parse_webhook(webhook(*alerts), NOON), to, now=NOON)


async def claim(outbox: Outbox, now: datetime = NOON) -> list[Claimed]:
    ids = [message.id for message in await outbox.waiting(now=now)]
    return await outbox.claim(ids, now=now, until=now + MINUTE)


async def settle(outbox: Outbox, message: Claimed, outcome: Outcome, now: datetime = NOON) -> None:
    await outbox.settle(message, judge(message, outcome, now=now, jitter=1), now=now)


async def show_all(outbox: Outbox, now: datetime = NOON) -> list[Claimed]:
    claimed = await claim(outbox, now)
    for message in claimed:
        await settle(outbox, message, Sent(message.telegram_id or 1000 + message.id), now)
    return claimed


def names(message: Claimed) -> list[tuple[str, bool]]:
    assert isinstance(message.facts, CardFacts)
    return [(member.host, member.is_firing) for member in message.facts.members]


async def test_a_group_is_one_card_a_chat(outbox: Outbox) -> None:
    await put(outbox, alert(host="a"), alert(host="b"), to=(OPS, DEV))
    cards = await claim(outbox)
    assert [card.destination for card in cards] == [OPS, DEV]
    assert all(sorted(names(card)) == [("a", True), ("b", True)] for card in cards)


async def test_the_same_webhook_twice_is_shown_once(outbox: Outbox) -> None:
    await put(outbox, alert())
    await put(outbox, alert())
    assert len(await show_all(outbox)) == 1
    await put(outbox, alert())
    assert await claim(outbox) == []


async def test_a_resolve_edits_the_card_that_was_shown(outbox: Outbox) -> None:
    await put(outbox, alert())
    [shown] = await show_all(outbox)
    await put(outbox, alert(ends=NOON + 5 * MINUTE))
    [edit] = await claim(outbox)
    assert edit.telegram_id == 1000 + shown.id
    assert names(edit) == [("web-1", False)]


async def test_any_number_of_changes_while_a_card_waits_costs_one_showing(outbox: Outbox) -> None:
    for value in "12345":
        await put(outbox, alert(value=value))
    [card] = await show_all(outbox)
    assert isinstance(card.facts, CardFacts)
    assert card.facts.members[0].value == "5"
    assert await claim(outbox) == []


async def test_a_change_while_a_card_is_under_way_is_shown_afterwards(outbox: Outbox) -> None:
    await put(outbox, alert())
    [card] = await claim(outbox)
    await put(outbox, alert(ends=NOON + MINUTE))
    assert await claim(outbox) == []
    await settle(outbox, card, Sent(9))
    [again] = await claim(outbox)
    assert again.telegram_id == 9
    assert names(again) == [("web-1", False)]


async def test_a_firing_after_everything_was_over_opens_a_new_card(outbox: Outbox) -> None:
    await put(outbox, alert())
    await put(outbox, alert(ends=NOON + MINUTE))
    await show_all(outbox)
    await put(outbox, alert(starts=NOON + 2 * MINUTE))
    [card] = await claim(outbox)
    assert card.telegram_id is None
    assert names(card) == [("web-1", True)]


async def test_a_firing_beside_one_that_still_fires_joins_its_card(outbox: Outbox) -> None:
    await put(outbox, alert(host="a"))
    await show_all(outbox)
    await put(outbox, alert(host="a", ends=NOON + MINUTE), alert(host="b"))
    [card] = await claim(outbox)
    assert card.telegram_id is not None
    assert names(card) == [("b", True), ("a", False)]


async def test_an_alert_missing_from_a_later_webhook_still_fires(outbox: Outbox) -> None:
    await put(outbox, alert(host="a"), alert(host="b"))
    await put(outbox, alert(host="b", ends=NOON + MINUTE))
    [card] = await claim(outbox)
    assert names(card) == [("a", True), ("b", False)]


async def test_a_chat_that_joins_later_gets_the_card_with_the_next_webhook(outbox: Outbox) -> None:
    await put(outbox, alert())
    await show_all(outbox)
    await put(outbox, alert(), to=(OPS, DEV))
    [card] = await claim(outbox)
    assert card.destination == DEV


async def test_an_end_reaches_every_card_whoever_the_webhook_addresses(outbox: Outbox) -> None:
    await put(outbox, alert(), to=(OPS,))
    await put(outbox, alert(), to=(DEV,))
    await show_all(outbox)
    await put(outbox, alert(ends=NOON + MINUTE), to=(DEV,))
    edits = await claim(outbox)
    assert sorted(str(edit.destination) for edit in edits) == ["-100", "-200/7"]
    assert all(names(edit) == [("web-1", False)] for edit in edits)


async def test_a_failed_attempt_is_due_again_later_and_counts(outbox: Outbox) -> None:
    await put(outbox, alert())
    [card] = await claim(outbox)
    await settle(outbox, card, Failed(Reason.OUTAGE))
    assert await claim(outbox) == []
    [again] = await claim(outbox, NOON + MINUTE)
    assert again.attempts == 1


async def test_a_rate_limit_pauses_the_chat_for_every_message(outbox: Outbox) -> None:
    await put(outbox, alert(), "unreadable")
    first, *_ = await claim(outbox)
    await settle(outbox, first, Failed(Reason.RATE_LIMIT, wait=5 * MINUTE))
    waiting = await outbox.waiting(now=NOON + 2 * MINUTE)
    assert waiting
    assert all(each.chat_paused_until == NOON + 5 * MINUTE for each in waiting)


async def test_a_lease_that_has_run_out_is_free_again(outbox: Outbox) -> None:
    await put(outbox, alert())
    assert await claim(outbox)
    assert await claim(outbox) == []
    assert await claim(outbox, NOON + MINUTE)


@pytest.mark.parametrize(("url", "freed"), [("sqlite", 1), ("postgresql", 0)], indirect=["url"])
async def test_a_start_frees_what_is_leased_unless_others_share_the_database(
    outbox: Outbox, freed: int
) -> None:
    await put(outbox, alert())
    assert await claim(outbox)
    await outbox.release()
    assert len(await claim(outbox)) == freed


async def test_what_was_put_off_meanwhile_is_not_claimed_before_its_time(outbox: Outbox) -> None:
    await put(outbox, alert())
    seen = [message.id for message in await outbox.waiting(now=NOON)]
    [card] = await claim(outbox)
    await settle(outbox, card, Failed(Reason.RATE_LIMIT, wait=MINUTE))
    assert await outbox.claim(seen, now=NOON, until=NOON + MINUTE) == []


async def test_what_nobody_hears_waits_and_goes_to_the_first_chats_that_listen(
    outbox: Outbox,
) -> None:
    nobody = (Destination(NOBODY),)
    await put(outbox, alert(host="a"), {"labels": 5}, to=nobody)
    await put(outbox, alert(host="a", ends=NOON + MINUTE), alert(host="b"), to=nobody)
    assert await claim(outbox) == []
    assert (await outbox.depth()).unheard == 2
    assert await outbox.adopt([], now=NOON) == 0
    assert await outbox.adopt([OPS, DEV], now=NOON) == 4
    card, raw, *_ = sorted(await claim(outbox), key=lambda each: each.destination.chat_id * -1)
    assert names(card) == [("b", True), ("a", False)]
    assert isinstance(raw.facts, UnreadableFacts)
    assert (await outbox.depth()).unheard == 0
    assert await outbox.adopt([OPS], now=NOON) == 0


async def test_adopting_into_a_chat_with_a_standing_card_joins_it(outbox: Outbox) -> None:
    await put(outbox, alert(host="a"))
    await show_all(outbox)
    await put(outbox, alert(host="b"), to=(Destination(NOBODY),))
    await outbox.adopt([OPS], now=NOON)
    [card] = await claim(outbox)
    assert card.telegram_id is not None
    assert sorted(names(card)) == [("a", True), ("b", True)]


async def test_an_unreadable_member_is_shown_once_an_hour(outbox: Outbox) -> None:
    await put(outbox, "what?")
    await put(outbox, "what?")
    [raw] = await show_all(outbox)
    assert isinstance(raw.facts, UnreadableFacts)
    assert raw.facts.raw == '"what?"'
    later = NOON + timedelta(hours=2)
    await outbox.put(parse_webhook(webhook("what?"), later), (OPS,), now=later)
    assert len(await claim(outbox, later)) == 1


async def test_text_that_no_database_takes_comes_back_unharmed(outbox: Outbox) -> None:
    hostile = "nul \x00 surrogate \ud800 quote ' \" é 🔥 \u202e"
    await outbox.put(
        parse_webhook(webhook(alert(host=hostile), hostile, receiver=hostile), NOON),
        (OPS,),
        now=NOON,
    )
    card, raw = await claim(outbox)
    assert names(card) == [(hostile, True)]
    assert isinstance(card.facts, CardFacts)
    assert card.facts.receiver == hostile
    assert isinstance(raw.facts, UnreadableFacts)


async def test_three_thousand_alerts_are_one_card_and_all_are_kept(outbox: Outbox) -> None:
    many = [alert(host=f"h{number}") for number in range(3000)]
    await put(outbox, *many)
    await put(outbox, *many)
    [card] = await claim(outbox)
    assert len(names(card)) == 3000


async def test_every_chat_gets_a_turn_however_much_waits_for_one(outbox: Outbox) -> None:
    for number in range(600):
        body = webhook(alert(host=f"h{number}"), group=f"h{number}")
        await outbox.put(parse_webhook(body, NOON), (OPS,), now=NOON)
    await put(outbox, alert(), to=(DEV,))
    assert DEV in {message.destination for message in await outbox.waiting(now=NOON)}


async def test_depth_counts_what_waits_and_since_when(outbox: Outbox) -> None:
    assert (await outbox.depth()).oldest is None
    await put(outbox, alert())
    depth = await outbox.depth()
    assert (depth.waiting, depth.unheard, depth.oldest) == (1, 0, NOON)
    await show_all(outbox)
    assert (await outbox.depth()).waiting == 0


async def test_a_change_does_not_hurry_a_message_that_was_told_to_wait(outbox: Outbox) -> None:
    await put(outbox, alert())
    [card] = await claim(outbox)
    await settle(outbox, card, Failed(Reason.RATE_LIMIT, wait=5 * MINUTE))
    await put(outbox, alert(value="2"))
    assert await claim(outbox, NOON + 4 * MINUTE) == []
    assert len(await claim(outbox, NOON + 5 * MINUTE)) == 1


async def test_a_shown_card_that_changes_waits_from_the_change_on(outbox: Outbox) -> None:
    await put(outbox, alert())
    [card] = await claim(outbox)
    await put(outbox, alert(value="2"))
    await settle(outbox, card, Sent(7), NOON + MINUTE)
    [again] = await claim(outbox, NOON + MINUTE)
    assert again.waiting_since == NOON + MINUTE


async def test_a_chat_that_hears_only_now_is_not_told_of_what_is_long_over(outbox: Outbox) -> None:
    over = alert(ends=NOON + MINUTE)
    await put(outbox, alert())
    await put(outbox, over)
    await show_all(outbox)
    await put(outbox, over, to=(OPS, DEV))
    assert await outbox.waiting(now=NOON) == []
