from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.outbox import Kind, Priority, Waiting
from bridge.core.pacing import Budget, Call, Load, choose, is_flooded
from bridge.limits import Pace
from sandbox.state.pacing import Pacing
from tests.fakes.clock import NOON

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
TICK = timedelta(seconds=0.25)
"""A pass; floating point holds it exactly, so that the other side's arithmetic does too."""
GROUP, OTHER, PERSON = -100, -200, 1001
WAITING = Waiting(
    id=1,
    kind=Kind.CARD,
    priority=Priority.NEW,
    destination=Destination(GROUP),
    is_first=True,
    due_at=NOON,
    waiting_since=NOON,
    leased_until=None,
    chat_paused_until=None,
)


def budget(*calls: Call, now: datetime = NOON) -> Budget:
    return Budget(calls, now)


@dataclass
class Road:
    """The way to Telegram: every call takes some time, and is met somewhere within it."""

    delays: Sequence[tuple[int, int]]
    """(ticks until the answer, ticks until Telegram meets it), in turn."""
    now: datetime = NOON
    queue: list[Waiting] = field(default_factory=list)
    under_way: list[tuple[datetime, int, int, bool]] = field(default_factory=list)
    """Answer, number, chat, whether it is a board's."""
    answered: list[Call] = field(default_factory=list)
    met: list[tuple[datetime, int, bool]] = field(default_factory=list)
    """When Telegram met a call, for which chat, whether it is a board's."""
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def step(self) -> None:
        """Let one pass happen."""
        while self.under_way and self.under_way[0][0] <= self.now:
            answer, _, chat, is_board = heapq.heappop(self.under_way)
            self.answered.append(Call(chat, answer, is_board))
        self.answered = [each for each in self.answered if each.at > self.now - MINUTE]
        if not self.queue:
            self.now += TICK
            return
        # What is under way counts as of now: Telegram may meet it this instant.
        calls = [Call(chat, self.now, is_board) for _, _, chat, is_board in self.under_way]
        busy = {chat for _, _, chat, _ in self.under_way}
        chosen = choose(
            self.queue, Budget([*self.answered, *calls], self.now), now=self.now, under_way=busy
        )
        for message in [each for each in self.queue if each.id in chosen]:
            self.queue.remove(message)
            number = next(self.numbers)
            whole, part = self.delays[number % len(self.delays)]
            chat, is_board = message.destination.chat_id, message.kind is Kind.BOARD
            heapq.heappush(self.under_way, (self.now + whole * TICK, number, chat, is_board))
            self.met.append((self.now + min(part, whole) * TICK, chat, is_board))
        self.now += TICK

    def most(self, span: timedelta, chat: int | None = None, *, cards_only: bool = False) -> int:
        """Count the most calls that Telegram met in any such span."""
        times = sorted(
            at
            for at, to, is_board in self.met
            if chat in {None, to} and not (cards_only and is_board)
        )
        most, first = 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - span:
                first += 1
            most = max(most, last - first + 1)
        return most


DELAYS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=20)
ARRIVALS = st.lists(
    st.tuples(
        st.integers(0, 250),  # the pass
        st.sampled_from((GROUP, OTHER, PERSON)),
        st.booleans(),
        st.integers(1, 15),  # how many
    ),
    min_size=1,
    max_size=12,
)


def drive(
    delays: Sequence[tuple[int, int]], arrivals: Sequence[tuple[int, int, bool, int]]
) -> Road:
    road, ids = Road(delays), itertools.count()
    due: defaultdict[int, list[tuple[int, bool, int]]] = defaultdict(list)
    for tick, chat, is_board, number in arrivals:
        due[tick].append((chat, is_board, number))
    for tick in range(400):
        for chat, is_board, number in due[tick]:
            road.queue += [
                replace(
                    WAITING,
                    id=next(ids),
                    kind=Kind.BOARD if is_board else Kind.CARD,
                    priority=Priority.BOARD if is_board else Priority.NEW,
                    destination=Destination(chat),
                )
                for _ in range(number)
            ]
        road.step()
    return road


@settings(max_examples=30, deadline=None)
@given(DELAYS, ARRIVALS)
def test_no_span_at_telegram_holds_more_calls_than_it_takes_whatever_the_way_does(
    delays: list[tuple[int, int]], arrivals: list[tuple[int, int, bool, int]]
) -> None:
    road = drive(delays, arrivals)
    for chat in (GROUP, OTHER, PERSON):
        cards = road.most(limits.CHAT_CALLS.span, chat, cards_only=True)
        assert cards <= limits.CHAT_CALLS.calls
    for chat in (GROUP, OTHER):
        assert road.most(limits.GROUP_CALLS.span, chat) <= limits.GROUP_CALLS.calls
        cards = road.most(limits.GROUP_CARD_CALLS.span, chat, cards_only=True)
        assert cards <= limits.GROUP_CARD_CALLS.calls
    assert road.most(limits.OVERALL_CALLS.span) <= limits.OVERALL_CALLS.calls


@settings(max_examples=30, deadline=None)
@given(DELAYS, ARRIVALS)
def test_the_other_side_never_refuses_a_call(
    delays: list[tuple[int, int]], arrivals: list[tuple[int, int, bool, int]]
) -> None:
    """A chat has one board, which is shown once and edited from then on."""
    telegram, standing = Pacing(), set[int]()
    for at, chat, is_board in sorted(drive(delays, arrivals).met):
        assert telegram.admit(chat, at, edit=is_board and chat in standing) is None
        standing |= {chat} if is_board else set()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=9))
def test_forty_chats_together_keep_within_what_telegram_takes_in_a_second(
    delays: list[tuple[int, int]],
) -> None:
    road, telegram = Road(delays), Pacing()
    for number in range(150):
        road.queue.append(replace(WAITING, id=number, destination=Destination(1 + number % 70)))
    for _ in range(150):
        road.step()
    assert road.most(SECOND) <= limits.OVERALL_CALLS.calls
    assert not road.queue
    for at, chat, _ in sorted(road.met):
        assert telegram.admit(chat, at) is None


@given(st.lists(st.integers(0, 59), max_size=9))
def test_a_board_may_always_start_however_the_cards_of_the_minute_came(at: list[int]) -> None:
    calls = [Call(GROUP, NOON - second * SECOND, is_board=False) for second in at]
    assert budget(*calls).admits(GROUP, is_board=True)


def test_cards_leave_the_last_calls_of_a_minute_to_the_board() -> None:
    calls = [Call(GROUP, NOON - 10 * SECOND, is_board=False)] * limits.GROUP_CARD_CALLS.calls
    assert not budget(*calls).admits(GROUP, is_board=False)
    left = limits.GROUP_CALLS.calls - limits.GROUP_CARD_CALLS.calls
    for taken in range(left):
        boards = [Call(GROUP, NOON - 9 * SECOND, is_board=True)] * taken
        assert budget(*calls, *boards).admits(GROUP, is_board=True)
    boards = [Call(GROUP, NOON - 9 * SECOND, is_board=True)] * left
    assert not budget(*calls, *boards).admits(GROUP, is_board=True)


def test_a_private_chat_is_bound_by_the_second_and_not_by_the_minute() -> None:
    calls = [Call(PERSON, NOON - 10 * SECOND, is_board=False)] * 100
    assert budget(*calls).admits(PERSON, is_board=False)
    calls = [Call(PERSON, NOON - SECOND, is_board=False)] * limits.CHAT_CALLS.calls
    assert not budget(*calls).admits(PERSON, is_board=False)


@pytest.mark.parametrize(("ago", "room"), [(59.9, False), (60, True)])
def test_a_call_is_forgotten_exactly_a_span_after_its_answer(
    ago: float,
    room: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    calls = [Call(GROUP, NOON - timedelta(seconds=ago), is_board=False)] * 9
    assert budget(*calls).admits(GROUP, is_board=False) is room


def test_what_is_taken_counts_at_once() -> None:
    one = budget()
    for _ in range(limits.CHAT_CALLS.calls):
        assert one.admits(GROUP, is_board=False)
        one.take(GROUP, is_board=False)
    assert not one.admits(GROUP, is_board=False)


@given(st.lists(st.integers(0, 70), max_size=30), st.integers(0, 30))
def test_the_room_until_then_is_what_can_really_be_called(at: list[int], wait: int) -> None:
    pace = Pace(5, timedelta(seconds=10))
    calls = [NOON - second * SECOND for second in at]
    made, soon = list(calls), NOON + wait * SECOND
    then, count = NOON, 0
    while then <= soon:
        while pace.has_room(made, then):
            made.append(then)
            count += 1
        then += SECOND
    assert pace.room_by(calls, NOON, soon) >= min(count, 1)
    if all(NOON - call < pace.span for call in calls) and len(calls) <= pace.calls:
        assert abs(pace.room_by(calls, NOON, soon) - count) <= pace.calls


def pick(
    *messages: Waiting, calls: Sequence[Call] = (), under_way: Sequence[int] = ()
) -> list[int]:
    return choose(messages, Budget(calls, NOON), now=NOON, under_way=under_way)


def test_the_most_urgent_of_a_chat_goes_first_and_alone() -> None:
    order = [replace(WAITING, id=int(each), priority=each) for each in Priority]
    for first, _ in enumerate(order):
        assert pick(*reversed(order[first:])) == [int(order[first].priority)]


def test_chats_do_not_wait_for_each_other() -> None:
    other = replace(WAITING, id=2, destination=Destination(OTHER), priority=Priority.RETURN)
    full = [Call(GROUP, NOON, is_board=False)] * 4
    assert pick(WAITING, other) == [1, 2]
    assert pick(WAITING, other, calls=full) == [2]
    assert pick(WAITING, other, under_way=[GROUP]) == [2]


def test_topics_of_one_forum_share_its_pace() -> None:
    topic = replace(WAITING, id=2, destination=Destination(GROUP, 9))
    assert pick(WAITING, topic) == [1]


@pytest.mark.parametrize(
    "message",
    [
        replace(WAITING, due_at=NOON + SECOND),
        replace(WAITING, chat_paused_until=NOON + SECOND),
        replace(WAITING, leased_until=NOON + SECOND),
    ],
)
def test_what_may_not_go_yet_waits(message: Waiting) -> None:
    assert pick(message) == []


def test_what_waits_for_its_own_reason_lets_the_next_of_the_chat_go() -> None:
    assert pick(replace(WAITING, due_at=NOON + MINUTE), replace(WAITING, id=2)) == [2]


def load(news: int = 0, changes: int = 0, oldest_edit: datetime | None = None) -> Load:
    return Load(destination=Destination(GROUP), news=news, changes=changes, oldest_edit=oldest_edit)


def test_a_chat_is_flooded_when_more_news_waits_than_goes_within_the_patience() -> None:
    room = budget().room_soon(GROUP)
    assert room == 2 * limits.CHAT_CALLS.calls
    assert not is_flooded(load(room), budget(), NOON, has_board=False)
    assert is_flooded(load(room + 1), budget(), NOON, has_board=False)
    assert is_flooded(load(room + 1), budget(), NOON, has_board=True)


def test_a_chat_whose_minute_is_used_up_is_flooded_by_one_alert() -> None:
    full = budget(*[Call(GROUP, NOON - 20 * SECOND, is_board=False)] * 9)
    assert is_flooded(load(1), full, NOON, has_board=False)
    assert not is_flooded(load(0), full, NOON, has_board=False)
    soon = budget(*[Call(GROUP, NOON - 56 * SECOND, is_board=False)] * 9)
    assert not is_flooded(load(1), soon, NOON, has_board=False)


def test_changes_that_wait_long_for_room_flood_a_chat_unless_a_board_tells_them() -> None:
    long_ago = NOON - limits.BOARD_EDITS_WAIT - SECOND
    assert is_flooded(load(changes=9, oldest_edit=long_ago), budget(), NOON, has_board=False)
    assert not is_flooded(load(changes=9, oldest_edit=long_ago), budget(), NOON, has_board=True)
    assert not is_flooded(load(changes=9, oldest_edit=NOON), budget(), NOON, has_board=False)


def test_a_change_that_waited_for_telegram_and_fits_floods_nothing() -> None:
    long_ago = NOON - timedelta(hours=5)
    assert not is_flooded(load(changes=8, oldest_edit=long_ago), budget(), NOON, has_board=False)
