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
