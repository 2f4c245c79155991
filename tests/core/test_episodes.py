from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bridge.core.alerts import Alert, Status
from bridge.core.episodes import Episode, Step, fold
from tests.fakes.clock import NOON

MINUTE = timedelta(minutes=1)
FIRING = Alert(
    status=Status.FIRING,
    labels={"alertname": "A"},
    annotations={"value": "1"},
    started_at=NOON,
    ended_at=None,
)
RESOLVED = replace(FIRING, status=Status.RESOLVED, ended_at=NOON + 5 * MINUTE)


def after(*reports: Alert) -> tuple[list[Step], Episode]:
    steps, latest = [], None
    for report in reports:
        step, latest = fold(latest, report)
        steps.append(step)
    assert latest is not None
    return steps, latest


def test_firing_begins_an_episode_and_resolving_ends_it() -> None:
    steps, episode = after(FIRING, RESOLVED)
    assert steps == [Step.BEGIN, Step.CHANGE]
    assert (episode.started_at, episode.ended_at) == (NOON, NOON + 5 * MINUTE)


def test_the_same_report_twice_changes_nothing() -> None:
    assert after(FIRING, FIRING)[0] == [Step.BEGIN, Step.KEEP]
    assert after(FIRING, RESOLVED, RESOLVED)[0] == [Step.BEGIN, Step.CHANGE, Step.KEEP]


def test_another_value_while_it_fires_is_a_change() -> None:
    steps, episode = after(FIRING, replace(FIRING, annotations={"value": "2"}))
    assert steps[-1] is Step.CHANGE
    assert episode.annotations == {"value": "2"}


def test_a_replica_may_know_an_earlier_beginning_and_never_moves_it_later() -> None:
    earlier = replace(FIRING, started_at=NOON - MINUTE)
    assert after(FIRING, earlier)[1].started_at == NOON - MINUTE
    assert after(earlier, FIRING)[1].started_at == NOON - MINUTE


def test_firing_again_after_the_end_is_the_next_episode_even_with_the_same_beginning() -> None:
    assert after(FIRING, RESOLVED, FIRING)[0][-1] is Step.BEGIN


def test_a_report_older_than_the_episode_that_has_ended_is_stale() -> None:
    late = replace(FIRING, started_at=NOON - 10 * MINUTE)
    assert after(FIRING, RESOLVED, late)[0][-1] is Step.KEEP


def test_an_end_before_the_open_episode_began_ends_nothing() -> None:
    older = replace(RESOLVED, started_at=NOON - 9 * MINUTE, ended_at=NOON - 5 * MINUTE)
    steps, episode = after(FIRING, older)
    assert steps[-1] is Step.KEEP
    assert episode.is_open


def test_an_end_whose_beginning_was_missed_is_an_episode_that_is_over() -> None:
    steps, episode = after(RESOLVED)
    assert steps == [Step.BEGIN]
    assert not episode.is_open
    next_one = replace(RESOLVED, started_at=NOON + 7 * MINUTE, ended_at=NOON + 9 * MINUTE)
    assert after(FIRING, RESOLVED, next_one)[0][-1] is Step.BEGIN


def test_an_end_without_a_span_is_told_once_however_often_it_comes() -> None:
    moment = replace(RESOLVED, started_at=NOON, ended_at=NOON)
    assert after(moment, moment)[0] == [Step.BEGIN, Step.KEEP]
    assert after(FIRING, RESOLVED, replace(RESOLVED, started_at=NOON + 5 * MINUTE))[0][-1] is (
        Step.KEEP
    )


def test_a_firing_with_the_old_beginning_begins_where_the_one_before_ended() -> None:
    again = after(FIRING, RESOLVED, FIRING)[1]
    assert again.started_at == again.after == RESOLVED.ended_at


def test_a_late_copy_of_the_first_end_does_not_end_the_firing_after_it() -> None:
    steps, episode = after(FIRING, RESOLVED, FIRING, RESOLVED, FIRING)
    assert steps[2:] == [Step.BEGIN, Step.KEEP, Step.KEEP]
    assert episode.is_open


def test_a_firing_with_the_old_beginning_has_an_end_of_its_own() -> None:
    later = replace(RESOLVED, ended_at=NOON + 9 * MINUTE)
    steps, episode = after(FIRING, RESOLVED, FIRING, later, RESOLVED, later)
    assert steps[3:] == [Step.CHANGE, Step.KEEP, Step.KEEP]
    assert (episode.started_at, episode.ended_at) == (NOON + 5 * MINUTE, NOON + 9 * MINUTE)


def test_an_alert_may_fire_with_the_old_beginning_again_and_again() -> None:
    reports = [FIRING, RESOLVED]
    for number in range(2, 6):
        reports += [FIRING, replace(RESOLVED, ended_at=NOON + 5 * number * MINUTE)]
    steps, episode = after(*reports, FIRING)
    assert steps == [Step.BEGIN, Step.CHANGE] * 5 + [Step.BEGIN]
    assert episode.is_open
    assert episode.started_at == NOON + 25 * MINUTE


def test_a_beginning_beyond_the_old_end_is_believed() -> None:
    later = replace(FIRING, started_at=NOON + 7 * MINUTE)
    steps, episode = after(FIRING, RESOLVED, later, RESOLVED)
    assert steps[2:] == [Step.BEGIN, Step.KEEP]
    assert episode.started_at == NOON + 7 * MINUTE


def test_an_end_told_late_is_not_the_end_of_the_firing_that_followed_it_unseen() -> None:
    later = replace(FIRING, started_at=NOON + 5 * MINUTE)
    end = replace(FIRING, status=Status.RESOLVED, ended_at=NOON + MINUTE)
    for first, second in ((FIRING, later), (later, FIRING)):
        episode = after(first, second)[1]
        assert fold(episode, end) == (Step.KEEP, episode)
        over = replace(later, status=Status.RESOLVED, ended_at=NOON + 6 * MINUTE)
        assert not fold(episode, over)[1].is_open


def test_a_clock_that_ran_ahead_swallows_no_later_firing_and_no_later_end() -> None:
    ahead, heard = timedelta(days=1), NOON + MINUTE
    wrong = replace(FIRING, started_at=NOON + ahead, received_at=heard)
    ended = replace(
        wrong, status=Status.RESOLVED, ended_at=NOON + ahead + MINUTE, received_at=heard
    )
    again = replace(FIRING, started_at=heard + MINUTE, received_at=heard + 2 * MINUTE)
    over = replace(
        again, status=Status.RESOLVED, ended_at=heard + 3 * MINUTE, received_at=heard + 4 * MINUTE
    )
    steps, episode = after(wrong, ended, again)
    assert steps == [Step.BEGIN, Step.CHANGE, Step.BEGIN]
    assert episode.is_open
    assert not fold(episode, over)[1].is_open
