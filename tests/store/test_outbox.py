from __future__ import annotations

from datetime import timedelta

import pytest

from bridge import limits
from bridge.core.alerts import Severity
from bridge.core.audience import Destination
from bridge.core.cards import UnreadableFacts
from bridge.core.outbox import Failed, Form, Kind, Reason
from bridge.core.rings import Loudness
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import (
    ADA,
    DEV,
    HOUR,
    MINUTE,
    OPS,
    SECOND,
    Stage,
    card,
    members,
    names,
    of_kind,
)


async def test_a_group_is_one_card_a_chat(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, DEV))
    await stage.post(alert(host="a"), alert(host="b"))
    cards = await stage.claim()
    assert [card.destination for card in cards] == [OPS, DEV]
    assert all(sorted(names(card)) == [("a", True), ("b", True)] for card in cards)


async def test_the_same_webhook_twice_is_shown_once(stage: Stage) -> None:
    await stage.post(alert())
    await stage.post(alert())
    assert len(await stage.show()) == 1
    await stage.post(alert())
    assert await stage.claim() == []


async def test_the_members_of_a_cluster_tell_of_one_alert_whatever_address_they_give(
    stage: Stage,
) -> None:
    await stage.post(alert(), externalURL="http://am-1.example:9093")
    await stage.post(alert(), externalURL="http://am-2.example:9093")
    assert len(await stage.show()) == 1


async def test_alertmanagers_that_are_set_apart_by_name_tell_of_different_alerts(
    stage: Stage,
) -> None:
    await stage.post(alert(), source="north")
    await stage.post(alert(), source="south")
    assert len(await stage.show()) == 2


async def test_a_resolve_edits_the_card_that_was_shown(stage: Stage) -> None:
    await stage.post(alert())
    [shown] = await stage.claim()
    number = await stage.settle(shown)
    await stage.post(alert(ends=NOON + 5 * MINUTE))
    [edit] = await stage.claim()
    assert edit.telegram_id == number
    assert not edit.is_loud
    assert names(edit) == [("web-1", False)]


async def test_any_number_of_changes_while_a_card_waits_costs_one_showing(stage: Stage) -> None:
    for value in "12345":
        await stage.post(alert(value=value))
    [shown] = await stage.show()
    assert members(shown)[0].value == "5"
    assert await stage.claim() == []


async def test_any_number_of_changes_while_an_edit_waits_costs_one_edit(stage: Stage) -> None:
    await stage.post(alert())
    await stage.show()
    for value in "12345":
        await stage.post(alert(value=value))
    [edit] = await stage.show()
    assert edit.telegram_id is not None
    assert members(edit)[0].value == "5"


async def test_a_change_while_a_card_is_under_way_is_shown_afterwards(stage: Stage) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.post(alert(ends=NOON + MINUTE))
    assert await stage.claim() == []
    number = await stage.settle(card)
    [again] = await stage.claim()
    assert again.telegram_id == number
    assert names(again) == [("web-1", False)]


async def test_a_firing_after_everything_was_over_opens_a_new_card(stage: Stage) -> None:
    await stage.post(alert())
    await stage.post(alert(ends=NOON + MINUTE))
    await stage.show()
    await stage.post(alert(starts=NOON + 2 * MINUTE))
    [card] = await stage.claim()
    assert card.telegram_id is None
    assert card.is_loud
    assert names(card) == [("web-1", True)]


async def test_fire_resolve_fire_is_two_episodes_whatever_the_interval(stage: Stage) -> None:
    await stage.post(alert())
    await stage.post(alert(ends=NOON + MINUTE))
    await stage.post(alert())
    first, second = await stage.show()
    assert sorted([names(first), names(second)]) == [[("web-1", False)], [("web-1", True)]]


async def test_a_firing_beside_one_that_still_fires_joins_its_card(stage: Stage) -> None:
    await stage.post(alert(host="a"))
    await stage.show()
    await stage.post(alert(host="a", ends=NOON + MINUTE), alert(host="b"))
    cards = of_kind(Kind.CARD, await stage.show())
    assert [names(card) for card in cards] == [[("b", True), ("a", False)]]
    assert cards[0].telegram_id is not None


async def test_an_alert_missing_from_a_later_webhook_still_fires(stage: Stage) -> None:
    await stage.post(alert(host="a"), alert(host="b"))
    await stage.post(alert(host="b", ends=NOON + MINUTE))
    [card] = await stage.claim()
    assert names(card) == [("a", True), ("b", False)]


async def test_a_chat_that_joins_later_gets_the_card_with_the_next_webhook(stage: Stage) -> None:
    await stage.post(alert())
    await stage.show()
    stage.hear(subscribed=(OPS, DEV))
    await stage.post(alert())
    [card] = await stage.claim()
    assert card.destination == DEV


async def test_an_end_reaches_every_card_whoever_the_webhook_addresses(stage: Stage) -> None:
    await stage.post(alert(), to=OPS)
    await stage.post(alert(), to=DEV)
    await stage.show()
    await stage.post(alert(ends=NOON + MINUTE), to=DEV)
    edits = await stage.claim()
    assert sorted(str(edit.destination) for edit in edits) == ["-100", "-200/7"]
    assert all(names(edit) == [("web-1", False)] for edit in edits)


async def test_a_chat_that_hears_only_now_is_not_told_of_what_is_long_over(stage: Stage) -> None:
    over = alert(ends=NOON + MINUTE)
    await stage.post(alert())
    await stage.post(over)
    await stage.show()
    stage.hear(subscribed=(OPS, DEV))
    await stage.post(over)
    assert await stage.claim() == []


async def test_a_failed_attempt_is_due_again_later_and_counts(stage: Stage) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.OUTAGE))
    assert await stage.claim() == []
    stage.wait(MINUTE)
    [again] = await stage.claim()
    assert again.attempts == 1


async def test_a_message_that_telegram_refuses_is_tried_in_its_plain_form_at_once(
    stage: Stage,
) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.BAD_MESSAGE))
    [plain] = await stage.claim()
    assert plain.form is Form.PLAIN
    await stage.settle(plain)
    await stage.post(alert(value="2"))
    [edit] = await stage.claim()
    assert edit.form is Form.FORMATTED


async def test_a_card_that_was_deleted_in_the_chat_is_shown_anew_and_silently(
    stage: Stage,
) -> None:
    await stage.post(alert())
    await stage.show()
    await stage.post(alert(value="2"))
    [edit] = await stage.claim()
    await stage.settle(edit, Failed(Reason.MESSAGE_GONE))
    [anew] = await stage.claim()
    assert anew.telegram_id is None
    assert not anew.is_loud


async def test_a_rate_limit_pauses_the_chat_for_every_message(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, ADA))
    await stage.post(alert(), "unreadable")
    first, other = await stage.claim()
    await stage.settle(first, Failed(Reason.RATE_LIMIT, wait=5 * MINUTE))
    await stage.settle(other)
    stage.wait(4 * MINUTE)
    assert {each.destination for each in await stage.show()} == {ADA}
    stage.wait(MINUTE)
    assert [each.destination for each in await stage.show()] == [OPS, OPS]


async def test_one_message_a_chat_is_under_way_at_a_time(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, ADA))
    for group in "abc":
        await stage.post(alert(host=group), group=group)
    assert sorted(each.destination for each in await stage.claim()) == [OPS, ADA]
    assert await stage.claim() == []


async def test_a_chat_that_we_still_send_to_is_left_alone_even_after_the_lease(
    stage: Stage,
) -> None:
    await stage.post(alert())
    await stage.claim()
    stage.wait(2 * limits.CLAIM_LEASE)
    assert await stage.claim(OPS.chat_id) == []
    assert len(await stage.claim()) == 1


async def test_a_lease_that_has_run_out_is_free_again(stage: Stage) -> None:
    await stage.post(alert())
    assert await stage.claim()
    assert await stage.claim() == []
    stage.wait(limits.CLAIM_LEASE)
    assert await stage.claim()


@pytest.mark.parametrize(("url", "freed"), [("sqlite", 1), ("postgresql", 0)], indirect=["url"])
async def test_a_start_frees_what_is_leased_unless_others_share_the_database(
    stage: Stage, freed: int
) -> None:
    await stage.post(alert())
    assert await stage.claim()
    await stage.outbox.release()
    assert len(await stage.claim()) == freed


async def test_an_unreadable_member_is_shown_once_an_hour(stage: Stage) -> None:
    await stage.post("what?")
    await stage.post("what?")
    [raw] = await stage.show()
    assert isinstance(raw.facts, UnreadableFacts)
    assert raw.facts.raw == '"what?"'
    stage.wait(2 * HOUR)
    await stage.post("what?")
    assert len(await stage.claim()) == 1


async def test_text_that_no_database_takes_comes_back_unharmed(stage: Stage) -> None:
    hostile = "nul \x00 surrogate \ud800 quote ' \" é 🔥 \u202e"
    await stage.post(alert(host=hostile), hostile, receiver=hostile, group=hostile, source="\x00")
    shown, raw = await stage.show()
    assert names(shown) == [(hostile, True)]
    assert card(shown).receiver == hostile
    assert isinstance(raw.facts, UnreadableFacts)


async def test_three_thousand_alerts_are_one_card_and_all_are_kept(stage: Stage) -> None:
    many = [alert(host=f"h{number}") for number in range(3000)]
    await stage.post(*many)
    await stage.post(*many)
    [card] = await stage.claim()
    assert len(names(card)) == 3000


async def test_every_chat_gets_a_turn_however_much_waits_for_one(stage: Stage) -> None:
    for number in range(600):
        await stage.put(webhook(alert(host=f"h{number}"), group=f"h{number}"))
    await stage.fold()
    await stage.post(alert(severity="info"), to=DEV)
    assert {each.destination for each in await stage.claim()} == {OPS, DEV}


async def test_depth_counts_what_waits_and_since_when(stage: Stage) -> None:
    assert (await stage.outbox.depth()).oldest is None
    await stage.post(alert())
    depth = await stage.outbox.depth()
    assert (depth.waiting, depth.unheard, depth.oldest) == (1, 0, NOON)
    await stage.show()
    assert (await stage.outbox.depth()).waiting == 0


async def test_a_change_does_not_hurry_a_message_that_was_told_to_wait(stage: Stage) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.RATE_LIMIT, wait=5 * MINUTE))
    await stage.post(alert(value="2"))
    stage.wait(4 * MINUTE)
    assert await stage.claim() == []
    stage.wait(MINUTE)
    assert len(await stage.claim()) == 1


async def test_a_shown_card_that_changes_waits_from_the_change_on(stage: Stage) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.post(alert(value="2"))
    stage.wait(MINUTE)
    await stage.settle(card)
    [again] = await stage.claim()
    assert again.waiting_since == NOON + MINUTE


async def test_the_most_urgent_goes_first_in_a_chat(stage: Stage) -> None:
    for group in ("edited", "ended"):
        await stage.post(alert(host=group), group=group)
    await stage.show()
    stage.wait(MINUTE)
    await stage.post(alert(host="edited", value="2"), group="edited")
    await stage.post(alert(host="ended", ends=stage.now), group="ended")
    await stage.post(alert(host="warning", severity="warning"), group="w")
    await stage.post(alert(host="critical"), group="c")
    order = [names(each)[0][0] for each in await stage.show()]
    assert order == ["critical", "warning", "ended", "edited"]


async def test_what_waits_with_the_same_urgency_goes_in_the_order_it_came(stage: Stage) -> None:
    for group in ("b", "a", "c"):
        await stage.post(alert(host=group), group=group)
        stage.wait()
    assert [names(each)[0][0] for each in await stage.show()] == ["b", "a", "c"]


async def test_a_card_that_is_over_before_it_was_shown_is_silent_and_makes_room(
    stage: Stage,
) -> None:
    await stage.post(alert(host="over"), group="over")
    await stage.post(alert(host="over", ends=NOON + SECOND), group="over")
    await stage.post(alert(host="on", severity="info"), group="on")
    on, over = await stage.show()
    assert (names(on), on.is_loud) == ([("on", True)], True)
    assert (names(over), over.is_loud) == ([("over", False)], False)


async def test_the_first_showing_is_loud_only_for_severities_that_shall_sound(
    stage: Stage,
) -> None:
    stage.hear(loudness=Loudness(new=frozenset({Severity.CRITICAL})))
    await stage.post(alert(severity="warning"), group="w")
    await stage.post(alert(severity="critical"), group="c")
    critical, warning = await stage.show()
    assert (critical.is_loud, warning.is_loud) == (True, False)


async def test_a_card_that_is_not_whole_gets_a_file_that_answers_it_and_follows_it(
    stage: Stage,
) -> None:
    await stage.post(alert())
    [shown] = await stage.claim()
    number = await stage.settle(shown, is_whole=False)
    [listed] = await stage.claim()
    assert listed.kind is Kind.LIST
    assert (listed.reply_to, listed.is_loud, listed.telegram_id) == (number, False, None)
    file = await stage.settle(listed)
    await stage.post(alert(value="2"))
    [edit] = await stage.claim()
    assert edit.kind is Kind.CARD
    await stage.settle(edit, is_whole=True)
    [again] = await stage.claim()
    assert (again.kind, again.telegram_id) == (Kind.LIST, file)
    await stage.settle(again)
    assert await stage.claim() == []


async def test_what_waits_for_telegram_to_come_back_is_tried_at_once_when_it_is_back(
    stage: Stage,
) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.OUTAGE))
    assert await stage.claim() == []
    await stage.outbox.lift_pauses([Reason.OUTAGE.value], now=stage.now)
    assert len(await stage.claim()) == 1


async def test_a_pause_that_telegram_asked_for_is_not_lifted(stage: Stage) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.RATE_LIMIT, wait=timedelta(minutes=5)))
    await stage.outbox.lift_pauses([Reason.OUTAGE.value], now=stage.now)
    assert await stage.claim() == []


async def test_a_wait_of_an_hour_that_telegram_asked_for_is_kept(stage: Stage) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.RATE_LIMIT, wait=HOUR))
    stage.wait(50 * MINUTE)
    assert await stage.claim() == []
    stage.wait(10 * MINUTE)
    assert len(await stage.claim()) == 1


async def test_calls_that_are_still_under_way_count_as_much_as_those_just_answered(
    stage: Stage,
) -> None:
    """Telegram may meet all of them in the same second."""
    most = limits.OVERALL_CALLS.calls
    stage.hear(subscribed=[Destination(number) for number in range(1, 2 * most)])
    await stage.post(alert())
    first = await stage.claim()
    assert len(first) == most
    stage.wait(10 * SECOND)
    assert await stage.claim() == []
    for message in first[:5]:
        await stage.settle(message)
    assert await stage.claim() == []
    stage.wait()
    assert len(await stage.claim()) == 5
