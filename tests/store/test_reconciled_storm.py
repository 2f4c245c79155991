"""What the lists end under a board is told by the board, as what webhooks end."""

from __future__ import annotations

from sqlalchemy import select

from bridge import limits
from bridge.core.boards import BoardState
from bridge.core.outbox import Kind
from bridge.core.reconciling import Memory, Repairs
from bridge.store.cards import touch_cards_of
from bridge.store.reconciling import Reconciling
from bridge.store.tables import episodes
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import MINUTE, SECOND, Stage, board, of_kind

GROUPS = 40


async def end_by_the_lists(stage: Stage) -> None:
    """Let everything be over, as a pass over the lists finds it."""
    wanted = select(episodes.c.id).where(episodes.c.ended_at.is_(None))
    ids = await stage.database.read(lambda c: c.execute(wanted).scalars().all())
    repairs = Repairs(
        endings=dict.fromkeys(ids, stage.now), mutings={}, vouched=(), missed=(), memory=Memory()
    )
    reconciling = Reconciling(stage.database, touch_cards_of, stage.hearing)
    stage.wait(limits.ABSENCE)
    assert len(await reconciling.repair(repairs, now=stage.now)) == len(ids)


async def storm(stage: Stage) -> None:
    """Let one alert fire in each of many groups."""
    for number in range(GROUPS):
        await stage.put(webhook(alert(host=f"h{number}", starts=stage.now), group=f"{number}"))
    await stage.fold()
    [shown] = await stage.show()
    assert shown.kind is Kind.BOARD


async def test_what_the_lists_end_after_a_wave_is_not_replayed_card_by_card(stage: Stage) -> None:
    await storm(stage)
    while board(of_kind(Kind.BOARD, stage.log)[-1]).state is BoardState.STORM:
        stage.wait()
        await stage.show()
    before = len(of_kind(Kind.CARD, stage.log))
    await end_by_the_lists(stage)
    shown = await stage.drain(20 * MINUTE)
    assert len(of_kind(Kind.CARD, shown)) <= before, "what was shown is brought up to date"
    [*_, last] = of_kind(Kind.BOARD, shown)
    assert (board(last).state, board(last).firing) == (BoardState.CLOSED, ())
    assert (await stage.records.balance()).total == 0


async def test_a_board_tells_of_what_the_lists_end_before_everything_has_returned(
    stage: Stage,
) -> None:
    await storm(stage)
    wanted = select(episodes.c.id).order_by(episodes.c.id.desc()).limit(1)
    last = await stage.scalar(wanted)
    while board(of_kind(Kind.BOARD, stage.log)[-1]).state is BoardState.STORM:
        stage.wait()
        await stage.show()
    repairs = Repairs(endings={last: stage.now}, mutings={}, vouched=(), missed=(), memory=Memory())
    await Reconciling(stage.database, touch_cards_of, stage.hearing).repair(
        repairs, now=stage.now + SECOND
    )
    shown = of_kind(Kind.BOARD, await stage.drain(2 * limits.BOARD_EVERY))
    assert [(board(each).state, len(board(each).firing)) for each in shown[:1]] == [
        (BoardState.AFTER, GROUPS - 1)
    ]
