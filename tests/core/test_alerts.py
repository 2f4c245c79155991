from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.alerts import Severity, Status, parse_webhook
from bridge.errors import Mistake
from tests.fakes.clock import NOON
from tests.fakes.webhooks import ZERO, alert, webhook

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def only(body: dict[str, Any]) -> Any:
    [member] = parse_webhook(body, NOON).alerts
    return member


def test_a_webhook_of_alertmanager_is_read_whole() -> None:
    notification = parse_webhook(webhook(alert(), receiver=r"web\.hook", truncatedAlerts=3), NOON)
    assert notification.receiver == "web.hook"
    assert notification.truncated == 3
    assert notification.alertmanager == "http://alertmanager.example:9093"
    [member] = notification.alerts
    assert member.status is Status.FIRING
    assert member.started_at == NOON
    assert member.ended_at is None
    assert member.labels["host"] == "web-1"


def test_another_version_is_a_mistake_and_a_missing_one_is_not() -> None:
    with pytest.raises(Mistake, match='reads version "4"'):
        parse_webhook({"version": "5", "alerts": []}, NOON)
    assert parse_webhook({"alerts": [alert()]}, NOON).alerts


def test_a_time_with_nanoseconds_is_read() -> None:
    member = only(webhook(alert() | {"startsAt": "2026-11-20T11:59:00.123456789+01:00"}))
    assert member.started_at == datetime(2026, 11, 20, 10, 59, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("time", ["yesterday", ZERO, 5, None, "9999-12-31T23:59:59-23:00"])
def test_a_beginning_that_cannot_be_read_is_the_moment_of_arrival(time: object) -> None:
    assert only(webhook(alert() | {"startsAt": time})).started_at == NOON


def test_missing_labels_and_annotations_are_empty_and_not_refused() -> None:
    member = only({"alerts": [{"status": "firing"}]})
    assert (member.labels, member.annotations) == ({}, {})
    assert Severity.of(member.labels) is Severity.OTHER


def test_values_that_are_no_text_become_text() -> None:
    member = only({"alerts": [{"labels": {"code": 5, "nothing": None}, "annotations": [1]}]})
    assert member.labels == {"code": "5", "nothing": ""}
    assert member.annotations == {"value": "[1]"}


def test_a_member_without_a_status_fires_unless_its_end_has_passed() -> None:
    past = alert(ends=NOON - timedelta(seconds=1), starts=NOON - timedelta(minutes=1))
    del past["status"]
    assert only(webhook(past)).status is Status.RESOLVED
    future = alert() | {"status": "?", "endsAt": (NOON + timedelta(minutes=4)).isoformat()}
    assert only(webhook(future)).status is Status.FIRING


def test_an_end_before_the_beginning_is_now() -> None:
    odd = alert(ends=NOON - timedelta(hours=1), starts=NOON - timedelta(minutes=1))
    assert only(webhook(odd)).ended_at == NOON


@pytest.mark.parametrize("member", ["text", 5, None, [alert()], {"labels": ["a"]}])
def test_a_member_that_is_no_alert_is_kept_raw_beside_the_others(member: object) -> None:
    notification = parse_webhook(webhook(alert(), member), NOON)
    assert len(notification.alerts) == 1
    [unreadable] = notification.unreadable
    assert json.loads(unreadable.raw) == member


@pytest.mark.parametrize("body", [[], "x", 5, None, True])
def test_a_body_that_is_no_object_is_kept_raw(body: object) -> None:
    [unreadable] = parse_webhook(body, NOON).unreadable
    assert json.loads(unreadable.raw) == body


def test_a_member_nested_too_deep_to_be_written_out_does_not_take_the_others_along() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    notification = parse_webhook(webhook(alert(), deep, alert("B") | {"labels": {"x": deep}}), NOON)
    assert len(notification.alerts) == 2
    [unreadable] = notification.unreadable
    assert "nested" in unreadable.raw


def test_no_alerts_is_nothing_to_say() -> None:
    for alerts in (list[object](), None):
        notification = parse_webhook({"version": "4", "alerts": alerts}, NOON)
        assert not notification.alerts
        assert not notification.unreadable


def test_the_identity_is_that_of_the_labels_alone() -> None:
    first, again = only(webhook(alert(value="1"))), only(webhook(alert(value="2")))
    other = only(webhook(alert(host="web-2")))
    assert first.identity == again.identity != other.identity


def test_two_alerts_without_labels_are_told_apart_by_their_annotations() -> None:
    one, two = parse_webhook(
        {"alerts": [{"annotations": {"summary": "a"}}, {"annotations": {"summary": "b"}}]}, NOON
    ).alerts
    assert one.identity != two.identity


@given(JSON)
def test_any_json_is_read_without_an_exception_and_nothing_vanishes(members: object) -> None:
    notification = parse_webhook({"alerts": members}, NOON)
    expected = 0 if members is None else len(members) if isinstance(members, list) else 1
    assert len(notification.alerts) + len(notification.unreadable) == expected
    assert len(notification.group) == 64
    assert all(len(each.identity) == 64 for each in notification.alerts)


def test_a_group_is_the_same_whichever_member_of_a_cluster_speaks() -> None:
    one, two = (
        parse_webhook(webhook(alert(), externalURL=f"http://am-{number}:9093"), NOON)
        for number in (1, 2)
    )
    assert one.group == two.group
    assert (one.alertmanager, two.alertmanager) == ("http://am-1:9093", "http://am-2:9093")


def test_a_group_of_another_source_receiver_or_key_is_another() -> None:
    first = parse_webhook(webhook(alert()), NOON).group
    others = {
        parse_webhook(webhook(alert()), NOON, "north").group,
        parse_webhook(webhook(alert(), receiver="other"), NOON).group,
        parse_webhook(webhook(alert(), group="b"), NOON).group,
    }
    assert len(others | {first}) == 4
