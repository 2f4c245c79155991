"""The machine's clock is put back or forward: what is under way goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge import limits
from bridge.core.outbox import Failed, Kind, Reason
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import ADA, HOUR, MINUTE, OPS, SECOND, Stage, names, of_kind

BACK = -HOUR


async def test_a_lease_of_the_future_is_none(stage: Stage) -> None:
    await stage.post(alert())
    assert await stage.claim()
    stage.wait(BACK)
    assert len(await stage.claim()) == 1


async def test_a_message_that_is_due_in_an_hour_by_an_earlier_clock_is_due_now(
    stage: Stage,
) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.UNFORESEEN))
    stage.wait(BACK)
    assert len(await stage.claim()) == 1


@pytest.mark.parametrize("back", [BACK, -5 * MINUTE, -30 * SECOND])
async def test_calls_of_the_future_count_for_their_span_and_no_longer(
    stage: Stage, back: timedelta
) -> None:
    stage.hear(subscribed=(ADA,))
    for number in range(8):
        await stage.post(alert(host=f"h{number}"), group=f"{number}")
    assert len(await stage.show()) == limits.CHAT_CALLS.calls
    stage.wait(back)
    assert await stage.show() == []
    stage.wait(limits.CHAT_CALLS.span)
    assert len(await stage.show()) == limits.CHAT_CALLS.calls


async def test_a_pause_after_an_outage_does_not_last_until_the_clock_is_there_again(
    stage: Stage,
) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.OUTAGE))
    stage.wait(BACK)
    assert len(await stage.claim()) == 1


@pytest.mark.parametrize("back", [BACK, -10 * MINUTE, -5 * HOUR])
async def test_a_wait_that_telegram_asked_for_lasts_as_long_by_the_earlier_clock(
    stage: Stage, back: timedelta
) -> None:
    await stage.post(alert())
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.RATE_LIMIT, wait=30 * SECOND))
    stage.wait(10 * SECOND)
    assert await stage.claim() == []
    stage.wait(back)
    assert await stage.claim() == [], "it was asked for, whatever the clock says"
    stage.wait(30 * SECOND)
    assert len(await stage.claim()) == 1


async def test_a_message_that_waits_for_its_next_attempt_comes_in_time_by_the_earlier_clock(
    stage: Stage,
) -> None:
    await stage.post(alert())
    for _ in range(2):
        [card] = await stage.claim()
        await stage.settle(card, Failed(Reason.OUTAGE))
        stage.wait(5 * SECOND)
    [card] = await stage.claim()
    await stage.settle(card, Failed(Reason.OUTAGE))
    stage.wait(-15 * MINUTE)
    assert await stage.claim() == []
    stage.wait(limits.BACKOFF_LONGEST)
    assert len(await stage.claim()) == 1


async def test_a_group_that_has_used_its_minute_has_a_board_for_what_comes(stage: Stage) -> None:
    for number in range(9):
        await stage.post(alert(host=f"h{number}"), group=f"{number}")
        await stage.drain(10 * SECOND)
    stage.wait(BACK)
    await stage.post(alert(host="late"), group="late")
    shown = await stage.drain(limits.BOARD_PATIENCE)
    assert [each.kind for each in shown] == [Kind.BOARD]
    assert ("late", True) in names(shown[0])


async def test_a_storm_goes_on_and_ends_by_the_earlier_clock(stage: Stage) -> None:
    for number in range(20):
        await stage.put(webhook(alert(host=f"h{number}"), group=f"{number}"))
    await stage.fold()
    [board] = await stage.show()
    assert board.kind is Kind.BOARD
    stage.wait(BACK)
    await stage.put(webhook(alert(host="late"), group="late"))
    await stage.fold()
    stage.wait(limits.BOARD_EVERY)
    shown = await stage.drain(MINUTE)
    assert ("late", True) in names(of_kind(Kind.BOARD, shown)[0])
    assert of_kind(Kind.CARD, shown)


async def test_the_phone_sounds_for_a_storm_that_goes_on_by_the_earlier_clock(
    stage: Stage,
) -> None:
    for number in range(20):
        await stage.put(webhook(alert(host=f"h{number}"), group=f"{number}"))
    await stage.fold()
    await stage.show()
    stage.wait(BACK)
    rings = 0
    for number in range(70):
        await stage.post(alert(host=f"late {number}"), group=f"late {number}")
        rings += len(of_kind(Kind.RING, await stage.show()))
        stage.wait()
    assert 1 <= rings <= 2


async def test_nor_does_a_storm_end_unheard_that_brought_news_by_the_earlier_clock(
    stage: Stage,
) -> None:
    for number in range(20):
        await stage.put(webhook(alert(host=f"h{number}"), group=f"{number}"))
    await stage.fold()
    await stage.show()
    stage.wait(-40 * SECOND)
    await stage.post(alert(host="late"), group="late")
    rung = of_kind(Kind.RING, await stage.drain(5 * MINUTE))
    assert [names(each) for each in rung] == [[("late", True)]]


async def test_a_clock_that_goes_forward_loses_and_repeats_nothing(stage: Stage) -> None:
    stage.hear(subscribed=(OPS, ADA))
    await stage.post(alert())
    first = await stage.claim()
    stage.wait(30 * 24 * HOUR)
    await stage.settle(first[0])
    [again] = await stage.claim()
    assert again.id == first[1].id
    await stage.settle(again)
    assert await stage.show() == []
