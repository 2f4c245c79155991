from __future__ import annotations

from collections import deque
from datetime import datetime

import pytest
from sqlalchemy import func, select

from bridge import limits
from bridge.core.boards import BoardState
from bridge.core.cards import UnreadableFacts
from bridge.core.outbox import Failed, Kind, Priority, Reason
from bridge.core.rings import Loudness, RingKind
from bridge.store.tables import boards, messages
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import (
    ADA,
    DEV,
    MINUTE,
    OPS,
    SECOND,
    Stage,
    board,
    names,
    of_kind,
    ring,
)


async def flood(
    stage: Stage, groups: int = 40, *, first: int = 0, severity: str = "warning"
) -> None:
    """Let one alert fire in each of so many groups."""
    for number in range(first, first + groups):
        one = alert(host=f"h{number}", severity=severity, starts=stage.now)
        await stage.put(webhook(one, group=f"h{number}"))
    await stage.fold()


async def end(stage: Stage, *numbers: int, severity: str = "warning") -> None:
    """Let these be over."""
    for number in numbers:
        over = alert(host=f"h{number}", severity=severity, ends=stage.now + SECOND)
        await stage.put(webhook(over, group=f"h{number}"))
    await stage.fold()


async def calm(stage: Stage) -> None:
    """Wait until the wave is over."""
    end = stage.now + limits.BOARD_CALM + SECOND
    while stage.now < end:
        stage.wait()
        await stage.show()


async def test_more_news_than_a_chat_can_carry_is_one_board(stage: Stage) -> None:
    await flood(stage)
    [shown] = await stage.show()
    assert (shown.kind, shown.is_loud, shown.telegram_id) == (Kind.BOARD, True, None)
    facts = board(shown)
    assert (facts.state, facts.arrived, len(facts.firing)) == (BoardState.STORM, 40, 40)
    assert facts.members[0].severity.value == "warning"


async def test_what_fits_soon_is_shown_as_cards(stage: Stage) -> None:
    await flood(stage, groups=8)
    shown = await stage.drain(MINUTE)
    assert {each.kind for each in shown} == {Kind.CARD}
    assert stage.now <= NOON + limits.BOARD_PATIENCE


async def test_the_first_critical_of_a_storm_goes_out_at_once_and_needs_no_board(
    stage: Stage,
) -> None:
    await flood(stage, groups=5)
    await flood(stage, groups=1, first=100, severity="critical")
    [first] = await stage.claim()
    assert (first.kind, names(first)) == (Kind.CARD, [("h100", True)])
    await flood(stage, first=10)
    await stage.settle(first)
    [second] = await stage.show()
    assert second.kind is Kind.BOARD
    assert ("h100", True) in names(second)


async def test_while_the_board_speaks_everything_else_in_the_chat_keeps_quiet(
    stage: Stage,
) -> None:
    await stage.post(alert(host="a"), group="standing")
    await stage.show()
    stage.wait(MINUTE)
    await flood(stage)
    await stage.show()
    stage.wait()
    await stage.post(alert(host="b"), group="standing")
    await stage.post(alert(host="a", ends=stage.now), group="standing")
    await flood(stage, first=40)
    await end(stage, 3)
    shown = []
    for _ in range(20):
        stage.wait()
        shown += await stage.show()
    assert {each.kind for each in shown} == {Kind.BOARD}
    last = dict(names(shown[-1]))
    assert last["b"]
    assert not last["a"]
    assert not last["h3"]
    assert last["h79"]
    assert board(shown[-1]).arrived == 81


async def test_a_storm_in_one_chat_is_none_in_another(stage: Stage) -> None:
    await flood(stage)
    await stage.show()
    await stage.post(alert(), to=ADA)
    assert [(each.destination, each.kind) for each in await stage.show()] == [(ADA, Kind.CARD)]


async def test_a_board_is_not_edited_more_often_than_every_few_seconds(stage: Stage) -> None:
    edits: deque[datetime] = deque()
    for number in range(60):
        await flood(stage, groups=20 if number == 0 else 3, first=100 * number)
        for _ in await stage.show():
            edits.append(stage.now)
        stage.wait()
    assert len(edits) >= 10
    spans = [later - earlier for earlier, later in zip(edits, list(edits)[1:], strict=False)]
    assert min(spans) >= limits.BOARD_EVERY


async def test_a_minute_of_cards_leaves_the_board_room_to_start_and_go_on(stage: Stage) -> None:
    await flood(stage, groups=8)
    await stage.drain(10 * SECOND)
    stage.wait(10 * SECOND)
    await flood(stage, groups=40, first=100)
    [shown] = await stage.show()
    assert shown.kind is Kind.BOARD
    boards_shown = 1
    for _ in range(54):
        await flood(stage, groups=1, first=1000 + boards_shown)
        stage.wait()
        boards_shown += len(of_kind(Kind.BOARD, await stage.show()))
    assert boards_shown >= 9


async def test_a_phone_sounds_once_a_minute_for_what_the_board_alone_shows(stage: Stage) -> None:
    await flood(stage)
    await stage.show()
    rings = []
    for number in range(150):
        stage.wait()
        await flood(stage, groups=1, first=1000 + number)
        rings += [(stage.now, each) for each in of_kind(Kind.RING, await stage.show())]
    assert len(rings) == 2
    (first_at, first), (second_at, second) = rings
    assert second_at - first_at >= limits.BOARD_RING
    assert all(each.is_loud and each.reply_to for each in (first, second))
    assert ring(first).kind is RingKind.STORM
    assert not {*names(first)} & {*names(second)}
    assert ring(second).firing > len(names(second))


async def test_a_board_that_cannot_be_shown_does_not_pile_up_rings(stage: Stage) -> None:
    await flood(stage)
    [shown] = await stage.claim()
    await stage.settle(shown, Failed(Reason.RATE_LIMIT, wait=10 * MINUTE))
    for number in range(600):
        stage.wait()
        if number % 20 == 0:
            await flood(stage, groups=1, first=1000 + number)
            assert await stage.show() == []
    shown_rings = of_kind(Kind.RING, await stage.show())
    assert len(shown_rings) == 1
    assert len(names(shown_rings[0])) == 28


async def test_after_a_calm_what_was_shown_is_brought_up_to_date_before_the_rest_returns(
    stage: Stage,
) -> None:
    await stage.post(alert(host="standing"), group="standing")
    await stage.show()
    stage.wait(MINUTE)
    await flood(stage, groups=20)
    await stage.show()
    await stage.post(alert(host="standing", value="2"), group="standing")
    await end(stage, *range(17))
    await stage.show()
    stage.wait(limits.BOARD_CALM)
    shown = await stage.drain(5 * MINUTE)
    cards = of_kind(Kind.CARD, shown)
    assert [names(each)[0][0] for each in cards] == ["standing", "h17", "h18", "h19"]
    assert not any(each.is_loud for each in shown)
    assert not of_kind(Kind.RING, shown)
    states = [board(each).state for each in of_kind(Kind.BOARD, shown)]
    assert states[-1] is BoardState.CLOSED
    assert len(board(of_kind(Kind.BOARD, shown)[-1]).resolved) == 17


async def test_what_returns_goes_behind_everything_else(stage: Stage) -> None:
    await flood(stage, groups=20)
    await stage.show()
    await calm(stage)
    priorities = (
        select(func.min(messages.c.priority))
        .where(messages.c.kind == Kind.CARD.value)
        .where(messages.c.shown_revision == 0)
    )
    assert await stage.scalar(priorities) == Priority.RETURN
    stage.wait(MINUTE)
    await stage.post(alert(host="fresh"), group="fresh")
    assert names((await stage.show())[0]) == [("fresh", True)]


async def test_the_board_closes_when_everything_has_returned_or_is_over(stage: Stage) -> None:
    await flood(stage, groups=12)
    [opened] = await stage.show()
    await calm(stage)
    stands = select(func.count()).select_from(boards).where(boards.c.closed_at.is_(None))
    assert await stage.scalar(stands) == 1
    await end(stage, *range(11))
    await stage.drain(5 * MINUTE)
    assert await stage.scalar(stands) == 0
    last = of_kind(Kind.BOARD, stage.log)[-1]
    assert board(last).state is BoardState.CLOSED
    assert board(last).over_at is not None
    assert last.telegram_id == stage_id(stage, opened.id)


async def test_what_ends_while_it_waits_to_return_is_told_by_the_board_alone(
    stage: Stage,
) -> None:
    await flood(stage, groups=30)
    await stage.show()
    await calm(stage)
    returned = {names(each)[0][0] for each in of_kind(Kind.CARD, stage.log)}
    waiting = [number for number in range(30) if f"h{number}" not in returned]
    assert waiting
    await end(stage, *waiting)
    before = len(stage.log)
    await stage.drain(5 * MINUTE)
    assert not of_kind(Kind.CARD, stage.log[before:])
    last = board(of_kind(Kind.BOARD, stage.log)[-1])
    assert {f"h{number}" for number in waiting} <= {each.host for each in last.resolved}
    assert (await stage.records.balance()).total == 0


async def test_another_wave_is_told_by_the_board_that_still_stands(stage: Stage) -> None:
    await flood(stage, groups=30)
    await stage.show()
    await calm(stage)
    await flood(stage, groups=30, first=100)
    stage.wait(limits.BOARD_EVERY)
    shown = await stage.show()
    assert shown[0].kind is Kind.BOARD
    assert board(shown[0]).state is BoardState.STORM
    assert board(shown[0]).arrived == 60
    assert {each.telegram_id for each in of_kind(Kind.BOARD, stage.log[1:])} == {
        stage_id(stage, stage.log[0].id)
    }
    await stage.drain(30 * MINUTE)
    last = board(of_kind(Kind.BOARD, stage.log)[-1])
    assert last.state is BoardState.CLOSED
    assert (await stage.records.balance()).total == 0


async def test_a_wave_after_the_board_has_closed_gets_a_board_of_its_own(stage: Stage) -> None:
    await flood(stage, groups=12)
    await stage.show()
    await end(stage, *range(12))
    await stage.drain(5 * MINUTE)
    stage.wait(10 * SECOND)
    await flood(stage, groups=12, first=100)
    [again] = await stage.show()
    assert (again.kind, again.telegram_id) == (Kind.BOARD, None)
    assert len(names(again)) == 12


async def test_changes_that_wait_long_for_room_go_to_a_silent_board(stage: Stage) -> None:
    stage.hear(subscribed=(OPS,))
    for number in range(30):
        await stage.post(alert(host=f"h{number}"), group=f"h{number}")
        await stage.drain(MINUTE)
        stage.wait(7 * SECOND)
    for _ in range(16):
        for number in range(30):
            value = f"{stage.now:%H%M%S}"
            await stage.put(webhook(alert(host=f"h{number}", value=value), group=f"h{number}"))
        await stage.fold()
        await stage.show()
        stage.wait(5 * SECOND)
    opened = of_kind(Kind.BOARD, stage.log)
    assert opened
    assert not opened[0].is_loud
    assert len(board(opened[0]).firing) == 30


async def test_a_change_that_waited_for_telegram_to_come_back_opens_no_board(
    stage: Stage,
) -> None:
    await stage.post(alert())
    await stage.show()
    await stage.post(alert(value="2"))
    [edit] = await stage.claim()
    await stage.settle(edit, Failed(Reason.OUTAGE))
    stage.wait(60 * MINUTE)
    await stage.post(alert(ends=stage.now))
    assert [each.kind for each in await stage.show()] == [Kind.CARD]


async def test_messages_that_are_no_alerts_open_no_board(stage: Stage) -> None:
    for number in range(30):
        await stage.post(f"odd {number}")
    shown = await stage.drain(10 * MINUTE)
    assert {each.kind for each in shown} == {Kind.UNREADABLE}
    assert len(shown) == 30
    assert isinstance(shown[0].facts, UnreadableFacts)


async def test_a_storm_in_a_topic_leaves_the_forum_around_it_alone(stage: Stage) -> None:
    stage.hear(subscribed=(DEV,))
    await flood(stage)
    [shown] = await stage.show()
    assert (shown.kind, shown.destination) == (Kind.BOARD, DEV)


async def test_a_silent_wave_opens_a_silent_board(stage: Stage) -> None:
    stage.hear(loudness=Loudness(new=frozenset()))
    await flood(stage)
    [shown] = await stage.show()
    assert not shown.is_loud
    for number in range(70):
        stage.wait()
        await flood(stage, groups=1, first=1000 + number)
        assert not of_kind(Kind.RING, await stage.show())


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_two_thousand_alerts_in_a_minute_are_each_visible_within_seconds(
    stage: Stage,
) -> None:
    """The storm of the bars: 300 groups, one group chat."""
    arrived: dict[str, datetime] = {}
    seen: dict[str, datetime] = {}
    number = 0
    for tick in range(90):
        if tick < 60:
            for _ in range(34):
                group = number % 300
                severity = "critical" if number % 10 == 0 else "warning"
                one = alert(host=f"h{number}", severity=severity, starts=stage.now)
                await stage.put(webhook(one, group=f"g{group}"))
                arrived[f"h{number}"] = stage.now
                number += 1
            await stage.fold()
        for message in await stage.show():
            for host, _ in names(message):
                seen.setdefault(host, stage.now)
        stage.wait()
    assert len(arrived) >= 2000
    assert set(seen) == set(arrived)
    assert max(seen[host] - arrived[host] for host in arrived) <= 10 * SECOND
    assert len(stage.log) <= 25


def stage_id(stage: Stage, message_id: int) -> int:
    """Find the Telegram message that a message was last shown as."""
    return [each.telegram_id for each in stage.log if each.id == message_id and each.telegram_id][
        -1
    ] or 0
