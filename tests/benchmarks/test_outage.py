from __future__ import annotations

import json

from benchmarks.bodies import Batches, write_webhook
from benchmarks.outage import NAMES, plan_outage, read_keys
from bridge.core.alerts import Status, parse_webhook
from tests.fakes.clock import NOON


def test_an_outage_is_the_same_for_everybody_who_measures() -> None:
    first = plan_outage(alerts=200, groups=30, seconds=60, seed=7)
    assert first == plan_outage(alerts=200, groups=30, seconds=60, seed=7)
    assert first != plan_outage(alerts=200, groups=30, seconds=60, seed=8)


def test_an_outage_has_every_group_no_alert_twice_and_a_critical_one_in_its_first_second() -> None:
    outage = plan_outage(alerts=2000, groups=300, seconds=60, seed=7)
    assert len({each.key for each in outage}) == len(outage) == 2000
    assert len({host for host, _ in (each.key for each in outage)}) == 300
    assert any(each.severity == "critical" and each.begins <= 1 for each in outage)
    assert 80 <= sum(each.severity == "critical" for each in outage) <= 120
    assert 500 <= sum(each.ends is not None for each in outage) <= 700
    assert max(each.begins for each in outage) <= 60


def test_a_webhook_of_the_outage_reads_as_the_alerts_that_were_planned() -> None:
    trouble = next(
        each for each in plan_outage(alerts=50, groups=5, seconds=9, seed=1) if each.ends
    )
    for over, status in ((False, Status.FIRING), (True, Status.RESOLVED)):
        member = trouble.member(NOON.timestamp(), over=over)
        [alert] = parse_webhook(write_webhook(trouble.key[0], [member]), NOON).alerts
        assert alert.status is status
        assert (alert.labels["host"], alert.labels["alertname"]) == trouble.key
        assert (alert.ended_at is not None) is over


def test_a_batch_is_so_many_different_alerts_and_another_number_is_another_group() -> None:
    batches, now = Batches(40), NOON.timestamp()
    first, second = (
        parse_webhook(json.loads(batches.firing(number, now)), NOON) for number in (1, 2)
    )
    over = parse_webhook(json.loads(batches.resolved(1, now, now + 60)), NOON)
    names = {alert.identity for alert in first.alerts}
    assert len(names) == 40
    assert names == {alert.identity for alert in over.alerts}
    assert not names & {alert.identity for alert in second.alerts}
    assert first.group == over.group != second.group
    assert {alert.status for alert in over.alerts} == {Status.RESOLVED}
    assert {alert.started_at for alert in first.alerts} == {NOON}


def test_an_alert_is_visible_where_host_and_name_stand_in_one_line() -> None:
    text = (
        f"12 firing\n🔴 {NAMES[1]} · web-001 · since 14:00\n🟠 web-002 {NAMES[2]}\n{NAMES[3]} x 9"
    )
    assert read_keys(text) == {("web-001", NAMES[1]), ("web-002", NAMES[2])}


def test_an_alert_is_visible_in_a_message_about_its_host_alone() -> None:
    text = f"🔴 FIRING web-001\n{NAMES[1]} · since 14:00\n{NAMES[2]}, {NAMES[3]}"
    assert read_keys(text) == {("web-001", name) for name in NAMES[1:4]}


def test_a_ring_about_two_hosts_shows_two_alerts_and_not_four() -> None:
    text = f"🔴 NEW: web-001 · {NAMES[1]}, web-002 · {NAMES[2]}"
    assert read_keys(text) == {("web-001", NAMES[1]), ("web-002", NAMES[2])}


def test_counts_by_name_in_a_caption_make_no_alert_visible() -> None:
    caption = f"{NAMES[1]} x 40\n{NAMES[2]} x 9\nnewest: web-001 · {NAMES[3]}"
    assert read_keys(caption, is_caption=True) == {("web-001", NAMES[3])}


def test_a_longer_name_is_not_taken_for_a_shorter_one() -> None:
    assert read_keys("web-001 ProbeFailedAgain") == set()
