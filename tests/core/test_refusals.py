from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.refusals import Fold, Refusals
from tests.fakes.clock import NOON

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_the_first_refusal_is_written_down_at_once_and_then_one_an_hour_with_a_count() -> None:
    refusals = Refusals()
    assert refusals.note(7, NOON) == Fold(who=7, count=1, since=NOON)
    written = [refusals.note(7, NOON + minute * MINUTE) for minute in range(1, 130)]
    assert [each for each in written if each] == [
        Fold(who=7, count=60, since=NOON),
        Fold(who=7, count=60, since=NOON + HOUR),
    ]


def test_one_stranger_hides_no_other() -> None:
    refusals = Refusals()
    refusals.note(7, NOON)
    assert refusals.note(8, NOON) == Fold(who=8, count=1, since=NOON)


def test_what_a_stranger_left_behind_is_written_down_once_the_hour_is_over() -> None:
    refusals = Refusals()
    for _ in range(5):
        refusals.note(7, NOON)
    refusals.note(8, NOON)
    assert refusals.collect(NOON + 59 * MINUTE) == ()
    assert refusals.collect(NOON + HOUR) == (Fold(who=7, count=4, since=NOON),)
    assert refusals.collect(NOON + 2 * HOUR) == ()


def test_a_stranger_who_comes_back_after_a_quiet_hour_is_news() -> None:
    refusals = Refusals()
    refusals.note(7, NOON)
    assert refusals.note(7, NOON + HOUR) == Fold(who=7, count=1, since=NOON + HOUR)


def test_a_clock_that_is_put_back_silences_nobody() -> None:
    refusals = Refusals()
    refusals.note(7, NOON)
    assert refusals.note(7, NOON - 2 * HOUR) is not None


def test_a_crowd_of_strangers_costs_bounded_memory_and_few_entries() -> None:
    refusals = Refusals()
    crowd = 20 * limits.REFUSALS_STRANGERS
    written = [refusals.note(number, NOON) for number in range(1, crowd + 1)]
    assert len(refusals._tallies) <= limits.REFUSALS_STRANGERS + 1
    assert sum(each is not None for each in written) == limits.REFUSALS_STRANGERS + 1
    [rest] = refusals.collect(NOON + HOUR)
    assert rest == Fold(who=None, count=crowd - limits.REFUSALS_STRANGERS - 1, since=NOON)
    # Then there is room for others.
    assert refusals.note(1, NOON + HOUR) == Fold(who=1, count=1, since=NOON + HOUR)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 90)), max_size=80))
def test_every_refusal_is_counted_in_some_entry(steps: list[tuple[int, int]]) -> None:
    refusals, now, counted = Refusals(), NOON, 0
    for who, minutes in steps:
        now += minutes * MINUTE
        fold = refusals.note(who, now)
        counted += fold.count if fold else 0
        counted += sum(each.count for each in refusals.collect(now))
    counted += sum(each.count for each in refusals.collect(now + HOUR))
    assert counted == len(steps)
