from __future__ import annotations

from math import inf

from benchmarks.outage import NAMES
from benchmarks.storms import Way, write_seconds
from benchmarks.telegrams import ChatLog

KEYS = [("web-001", name) for name in NAMES[:4]]


def a_way() -> Way:
    way = Way("bridge", 100.0, set(KEYS), KEYS[0], ChatLog(-2001))
    way.arrived = dict.fromkeys(KEYS, 110.0)
    return way


def test_what_was_never_visible_is_lost_and_counts_as_endless() -> None:
    way = a_way()
    way.read(f"web-001\n{NAMES[0]}\n{NAMES[1]}", False, 112.0)
    assert way.lost == 2
    assert way.waits == [2.0, 2.0, inf, inf]
    assert way.first_critical == 2.0
    assert write_seconds(way.share_of_waits(1.0)) == "never"
    assert way.problems() == ["2 alerts were never visible", "the slowest alert: never"]


def test_the_first_sight_counts_and_an_alert_of_nobodys_plan_does_not() -> None:
    way = a_way()
    for at in (113.0, 119.0):
        way.read(f"web-001\n{NAMES[0]}\n{NAMES[9]}", False, at)
    assert way.seen == {KEYS[0]: 113.0}
    assert way.visible_after(13) == 1
    assert way.visible_after(12) == 0


def test_the_bars_hold_with_everything_in_time_and_one_refusal_at_most() -> None:
    way = a_way()
    way.read("\n".join(["web-001", *NAMES[:4]]), False, 112.9)
    way.log.refused = [111.0]
    assert way.problems() == []
    way.log.refused = [111.0, 112.0]
    assert way.problems() == ["2 calls were answered 429"]


def test_a_late_first_critical_alert_breaks_a_bar() -> None:
    way = a_way()
    way.read("\n".join(["web-001", *NAMES[:4]]), False, 113.5)
    assert way.problems() == ["the first critical alert: 3.50 s"]
