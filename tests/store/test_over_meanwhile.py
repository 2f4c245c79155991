"""What is over by the time it can be shown makes no sound, in a storm neither."""

from __future__ import annotations

from bridge import limits
from bridge.core.boards import BoardState
from bridge.core.outbox import Failed, Kind, Reason
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import ADA, MINUTE, SECOND, Stage, board, of_kind

GROUPS = 40


async def tell(stage: Stage, host: str, *, is_over: bool = False) -> None:
    """Let an alert of each group begin or end."""
    for number in range(GROUPS):
        ends = stage.now + SECOND if is_over else None
        one = alert(host=f"{host}{number}", starts=stage.now, ends=ends)
        await stage.put(webhook(one, group=f"{number}"))
    await stage.fold()


async def fail(stage: Stage) -> None:
    """Let Telegram be away for a few attempts."""
    for _ in range(5):
        for message in await stage.claim():
            await stage.settle(message, Failed(Reason.OUTAGE))
        stage.wait(limits.BACKOFF_LONGEST)


async def test_a_storm_that_was_over_before_telegram_came_back_is_told_without_a_sound(
    stage: Stage,
) -> None:
    await tell(stage, "h")
    await fail(stage)
    await tell(stage, "h", is_over=True)
    await fail(stage)
    [shown] = await stage.drain(20 * MINUTE)
    assert (board(shown).state, len(board(shown).resolved)) == (BoardState.CLOSED, GROUPS)
    assert not shown.is_loud


async def test_a_storm_in_which_something_still_fires_is_told_with_one(stage: Stage) -> None:
    await tell(stage, "h")
    await fail(stage)
    await stage.post(alert(host="h0", ends=stage.now), group="0")
    first, *_ = await stage.drain(20 * MINUTE)
    assert (first.kind, first.is_loud) == (Kind.BOARD, True)


async def test_a_board_does_not_sound_for_new_alerts_that_are_over_by_now(stage: Stage) -> None:
    stage.hear(subscribed=(ADA,))
    for number in range(GROUPS):
        await stage.post(alert(host=f"h{number}"), group=f"{number}")
        await stage.drain(MINUTE)
        stage.wait(2 * SECOND)
    await stage.destinations.break_off(ADA, "chat_refuses", "", now=stage.now)
    await tell(stage, "late")
    await tell(stage, "late", is_over=True)
    await stage.destinations.mend(ADA, now=stage.now)
    shown = await stage.drain(20 * MINUTE)
    assert of_kind(Kind.BOARD, shown)
    assert not any(each.is_loud for each in shown)
