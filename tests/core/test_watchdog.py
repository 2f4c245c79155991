from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.alerts import Alert, Status
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.readiness import Readiness
from bridge.core.watchdog import (
    FORGOTTEN,
    Watchdog,
    find_pipelines,
    is_watchdog,
    may_vouch,
    name_pipeline,
)
from tests.fakes.clock import NOON

PATIENCE = timedelta(minutes=5)
PASS = limits.WATCHDOG_PASS
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
WELL: dict[str, str | None] = {"store": None, "telegram": None, "audience": None}


def look_until(watchdog: Watchdog, start: datetime, end: datetime) -> list[NoticeFacts]:
    """Look as often as the bridge does; whatever is said is told."""
    told, now = [], start
    while now <= end:
        for notice in watchdog.look(now):
            watchdog.note_told(notice)
            told.append(notice)
        now += PASS
    return told


def alert(labels: dict[str, str], status: Status = Status.FIRING) -> Alert:
    return Alert(status=status, labels=labels, annotations={}, started_at=NOON, ended_at=None)


def restarted(watchdog: Watchdog) -> Watchdog:
    again = Watchdog(PATIENCE)
    again.merge(json.loads(json.dumps(watchdog.write())))
    return again


def test_the_watchdog_is_known_by_its_name_alone() -> None:
    assert is_watchdog({"alertname": "Watchdog", "severity": "critical"})
    assert not is_watchdog({"alertname": "WatchdogMissing"})
    assert not is_watchdog({"severity": "none"})


def test_each_prometheus_is_told_apart_by_the_labels_it_adds() -> None:
    shipped = {"alertname": "Watchdog", "severity": "none", "scope": "pipeline"}
    alerts = (
        alert(shipped),
        alert({**shipped, "site": "north", "prometheus": "a"}),
        alert({**shipped, "site": "south"}, Status.RESOLVED),
        alert({"alertname": "HighLoad", "site": "east"}),
    )
    assert find_pipelines(alerts) == {"", "prometheus=a, site=north"}
    assert find_pipelines(alerts, source="eu") == {
        "source=eu",
        "source=eu, prometheus=a, site=north",
    }


def test_a_long_name_is_cut_and_still_tells_pipelines_apart() -> None:
    first, second = (name_pipeline({"pod": "x" * 999_999 + end}) for end in ("a", "b\ud800"))
    assert first != second
    assert {len(first), len(second)} == {limits.PIPELINE_CHARACTERS}
    exact = "x" * (limits.PIPELINE_CHARACTERS - len("pod="))
    assert name_pipeline({"pod": exact}) == f"pod={exact}"


def test_of_more_pipelines_than_there_is_room_for_the_newest_are_watched() -> None:
    watchdog = Watchdog(PATIENCE)
    for number in range(limits.PIPELINES + 7):
        watchdog.saw(NOON + number * SECOND, f"pod={number}")
    assert watchdog.look(NOON + MINUTE) == []
    assert sorted(watchdog.write()) == sorted(f"pod={n}" for n in range(7, limits.PIPELINES + 7))
    assert watchdog.say_left_out() == 7
    assert watchdog.say_left_out() == 0


def test_a_silence_that_was_told_ends_when_its_pipeline_is_forgotten() -> None:
    watchdog, told, now = Watchdog(PATIENCE), [], NOON
    watchdog.saw(NOON, "cluster=old")
    while now < NOON + timedelta(hours=26):
        now += MINUTE
        watchdog.saw(now, "cluster=new")
        told += look_until(watchdog, now, now)
    silent, over = told
    assert (silent.subject, silent.until) == ("cluster=old", None)
    assert (over.subject, over.since, over.detail) == ("cluster=old", NOON, FORGOTTEN)
    assert over.until == NOON + limits.PIPELINE_FORGOTTEN + MINUTE
    assert list(watchdog.write()) == ["cluster=new"]


def test_the_end_of_a_forgotten_silence_is_said_again_until_it_is_told() -> None:
    watchdog = Watchdog(PATIENCE)
    watchdog.saw(NOON, "a")
    look_until(watchdog, NOON, NOON + 2 * PATIENCE)
    later = NOON + limits.PIPELINE_FORGOTTEN + SECOND
    watchdog.saw(later, "b")
    assert [each.detail for each in watchdog.look(later)] == [FORGOTTEN]
    after = restarted(watchdog)
    assert [each.detail for each in after.look(later + PASS)] == [FORGOTTEN]


def test_what_another_bridge_saw_counts_and_what_it_told_is_known_as_told() -> None:
    ours, theirs = Watchdog(PATIENCE), Watchdog(PATIENCE)
    theirs.saw(NOON)
    ours.merge(theirs.write())
    theirs.saw(NOON + 4 * MINUTE)
    look_until(ours, NOON, NOON + 4 * MINUTE)
    ours.merge(theirs.write())
    now = NOON + 9 * MINUTE
    assert look_until(ours, NOON + 4 * MINUTE, now) == []
    theirs.look(now - MINUTE)
    look_until(theirs, now + PATIENCE, now + 3 * PATIENCE)
    assert theirs.is_silent
    ours.merge(theirs.write())
    assert ours.is_silent
    assert ours.look(now + PASS) == []
    back = now + 4 * PATIENCE
    theirs.saw(back)
    ours.merge(theirs.write())
    assert not ours.is_silent


def test_what_we_told_outlives_another_bridge_that_writes_over_it() -> None:
    ours, theirs = Watchdog(PATIENCE), Watchdog(PATIENCE)
    ours.saw(NOON)
    theirs.merge(ours.write())
    stale = theirs.write()
    look_until(ours, NOON, NOON + 2 * PATIENCE)
    ours.note_written(ours.write(), NOON + 2 * PATIENCE)
    ours.merge(stale)
    assert ours.is_silent
    assert ours.is_unwritten(NOON + 2 * PATIENCE), "it is written again at once"


def test_who_was_never_seen_is_never_missed() -> None:
    watchdog = Watchdog(PATIENCE)
    watchdog.merge(None)
    assert look_until(watchdog, NOON, NOON + 10 * PATIENCE) == []
    assert not watchdog.is_silent


def test_silence_is_told_once_after_the_patience_and_its_end_with_both_moments() -> None:
    watchdog = Watchdog(PATIENCE)
    assert look_until(watchdog, NOON, NOON) == []
    watchdog.saw(NOON)
    assert look_until(watchdog, NOON, NOON + PATIENCE) == []
    [silent] = look_until(watchdog, NOON + PATIENCE, NOON + 3 * PATIENCE)
    assert (silent.kind, silent.since, silent.until) == (NoticeKind.PIPELINE_SILENT, NOON, None)
    assert watchdog.is_silent
    back = NOON + 3 * PATIENCE + SECOND
    watchdog.saw(back)
    watchdog.saw(back + 2 * SECOND)
    assert not watchdog.is_silent
    [over] = look_until(watchdog, back + 3 * SECOND, back + MINUTE)
    assert (over.since, over.until) == (NOON, back)


def test_what_could_not_be_told_is_said_again_as_the_same_matter() -> None:
    watchdog = Watchdog(timedelta(seconds=30))
    watchdog.saw(NOON)
    assert watchdog.look(NOON) == []
    first = watchdog.look(NOON + 40 * SECOND)
    assert first
    assert watchdog.look(NOON + 60 * SECOND) == first


def test_one_silent_prometheus_is_missed_beside_one_that_speaks() -> None:
    watchdog = Watchdog(PATIENCE)
    watchdog.saw(NOON, "site=north")
    told = []
    for minute in range(10):
        now = NOON + minute * MINUTE
        watchdog.saw(now, "site=south")
        told += look_until(watchdog, now, now)
    assert [notice.subject for notice in told] == ["site=north"]


def test_one_that_others_outlive_by_a_day_is_forgotten() -> None:
    watchdog = Watchdog(PATIENCE)
    watchdog.saw(NOON, "site=north")
    look_until(watchdog, NOON, NOON + 2 * PATIENCE)
    assert watchdog.is_silent
    later = NOON + limits.PIPELINE_FORGOTTEN + SECOND
    assert look_until(watchdog, later, later) == []
    assert watchdog.is_silent, "alone it is never forgotten"
    watchdog.saw(later, "site=south")
    look_until(watchdog, later, later)
    assert not watchdog.is_silent
    assert list(watchdog.write()) == ["site=south"]


def test_after_a_restart_the_patience_counts_from_the_start() -> None:
    before = Watchdog(PATIENCE)
    before.saw(NOON)
    after = restarted(before)
    start = NOON + timedelta(hours=3)
    assert look_until(after, start, start + PATIENCE) == []
    [silent] = look_until(after, start + PATIENCE, start + 2 * PATIENCE)
    assert silent.since == NOON


def test_a_silence_that_was_told_is_closed_by_the_bridge_that_comes_after() -> None:
    before = Watchdog(PATIENCE)
    before.saw(NOON)
    assert len(look_until(before, NOON, NOON + 2 * PATIENCE)) == 1
    after = restarted(before)
    assert after.is_silent
    assert look_until(after, NOON + 2 * PATIENCE, NOON + 4 * PATIENCE) == []
    after.saw(NOON + 4 * PATIENCE)
    [over] = look_until(after, NOON + 4 * PATIENCE, NOON + 4 * PATIENCE)
    assert (over.since, over.until) == (NOON, NOON + 4 * PATIENCE)


def test_what_was_seen_before_the_memory_was_read_counts() -> None:
    before = Watchdog(PATIENCE)
    before.saw(NOON)
    look_until(before, NOON, NOON + 2 * PATIENCE)
    after = Watchdog(PATIENCE)
    after.saw(NOON + 3 * PATIENCE)
    after.merge(before.write())
    [over] = look_until(after, NOON + 3 * PATIENCE, NOON + 3 * PATIENCE)
    assert over.until == NOON + 3 * PATIENCE


@pytest.mark.parametrize("leap", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_clock_that_leaps_makes_no_silence_and_hides_none(leap: timedelta) -> None:
    watchdog = Watchdog(PATIENCE)
    watchdog.saw(NOON)
    assert look_until(watchdog, NOON, NOON + MINUTE) == []
    after = NOON + leap
    assert look_until(watchdog, after, after + PATIENCE) == []
    assert len(look_until(watchdog, after + PATIENCE, after + 2 * PATIENCE)) == 1


@pytest.mark.parametrize(
    "broken", [7, [], "x", {"": 1}, {"": {}}, {"": {"seen_at": "soon"}}, {"a": {"seen_at": None}}]
)
def test_a_memory_of_another_version_is_as_good_as_none(broken: object) -> None:
    watchdog = Watchdog(PATIENCE)
    watchdog.merge(broken)
    assert watchdog.look(NOON) == []


def test_sights_are_written_twice_a_minute_and_what_was_told_at_once() -> None:
    watchdog = Watchdog(PATIENCE)
    assert not watchdog.is_unwritten(NOON)
    watchdog.saw(NOON)
    assert watchdog.is_unwritten(NOON)
    watchdog.note_written(watchdog.write(), NOON)
    watchdog.saw(NOON + SECOND)
    assert not watchdog.is_unwritten(NOON + 29 * SECOND)
    assert watchdog.is_unwritten(NOON + 30 * SECOND)
    watchdog.note_written(watchdog.write(), NOON + 30 * SECOND)
    assert not watchdog.is_unwritten(NOON + PATIENCE)
    watchdog.look(NOON + SECOND)
    watchdog.note_told(
        NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=NOON + SECOND, subject="")
    )
    assert watchdog.is_unwritten(NOON + 31 * SECOND)


STEPS = st.lists(st.sampled_from(["saw", "quiet", "restart", "crash"]), max_size=80)


@given(STEPS)
def test_whatever_happens_silences_begin_and_end_in_turn_and_none_is_missed(
    steps: list[str],
) -> None:
    """A step is a pass; a crash loses what was seen since the last writing."""
    watchdog, now = Watchdog(PATIENCE), NOON
    on_disk: object = None
    watchdog.merge(on_disk)
    seen: datetime | None = None
    quiet_since = NOON
    is_open = False
    for step in steps:
        now += MINUTE
        if step == "saw":
            watchdog.saw(now)
            seen = quiet_since = now
        elif step in {"restart", "crash"}:
            on_disk = watchdog.write() if step == "restart" else on_disk
            watchdog = Watchdog(PATIENCE)
            watchdog.merge(json.loads(json.dumps(on_disk)))
            quiet_since = now
        for notice in watchdog.look(now):
            assert (notice.until is None) != is_open, "told in turn"
            is_open = notice.until is None
            assert not is_open or now - quiet_since > PATIENCE
            watchdog.note_told(notice)
        if watchdog.is_unwritten(now):
            on_disk = watchdog.write()
            watchdog.note_written(watchdog.write(), now)
        if seen and now - quiet_since > PATIENCE:
            assert is_open, "a silence was missed"
        if seen == now:
            assert not is_open


@pytest.mark.parametrize(
    ("problems", "is_silent", "vouches"),
    [
        (WELL, False, True),
        ({**WELL, "prometheus": "away"}, False, True),
        (WELL, True, False),
        ({**WELL, "store": "full"}, False, False),
        ({**WELL, "telegram": "away"}, False, False),
        ({**WELL, "audience": "nobody hears alerts"}, False, False),
        ({"store": None, "telegram": None}, False, False),
        ({"store": None}, False, False),
        ({}, False, False),
    ],
)
def test_the_bridge_vouches_for_itself_only_while_alerts_get_through(
    problems: dict[str, str | None], *, is_silent: bool, vouches: bool
) -> None:
    assert may_vouch(Readiness(problems), is_silent=is_silent) is vouches
