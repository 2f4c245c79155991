from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.core.alerts import Status, parse_webhook
from bridge.core.cards import Muting
from bridge.core.listed import (
    UnlikeAlertmanagerError,
    parse_alerts,
    parse_groups,
    parse_standing,
)
from tests.fakes.clock import NOON

CLEAR: dict[str, Any] = {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}


def alert(**status: object) -> dict[str, Any]:
    return {
        "labels": {"alertname": "A", "host": "web-1"},
        "annotations": {"summary": "it is down"},
        "startsAt": "2026-11-20T11:00:00.123456789Z",
        "endsAt": "2026-11-20T11:04:00Z",  # its deadline, not its end
        "generatorURL": "http://p/graph",
        "fingerprint": "9110b3396cab5fe1",
        "receivers": [{"name": "chat"}, {"name": "pager"}],
        "status": {**CLEAR, **status},
    }


@pytest.mark.parametrize(
    ("status", "muting", "is_settled"),
    [
        ({}, None, True),
        ({"state": "unprocessed"}, None, False),
        ({"state": "suppressed", "silencedBy": ["x"]}, Muting.SILENCED, True),
        ({"state": "suppressed", "inhibitedBy": ["x"]}, Muting.INHIBITED, True),
        (
            {"state": "suppressed", "inhibitedBy": ["x"], "silencedBy": ["x"]},
            Muting.SILENCED,
            True,
        ),
    ],
)
def test_an_alert_is_listed_with_what_mutes_it(
    status: dict[str, object], muting: Muting | None, *, is_settled: bool
) -> None:
    (listed,) = parse_alerts([alert(**status)], NOON)
    assert (listed.muting, listed.is_settled) == (muting, is_settled)
    assert listed.receivers == {"chat", "pager"}
    assert listed.tells_times


def test_what_is_listed_fires_and_is_the_same_alert_as_in_a_webhook() -> None:
    (listed,) = parse_alerts([alert()], NOON)
    (sent,) = parse_webhook({"alerts": [{**alert(), "status": "firing"}]}, NOON).alerts
    assert listed.alert == sent
    assert listed.alert.status is Status.FIRING


def test_an_old_alertmanager_does_not_tell_of_times() -> None:
    old = alert()
    del old["status"]["mutedBy"]
    assert not parse_alerts([old], NOON)[0].tells_times


def test_what_the_time_of_day_mutes_is_not_in_its_group() -> None:
    group = {
        "labels": {"host": "web-1"},
        "receiver": {"name": "chat"},
        "alerts": [
            alert(),
            alert(state="suppressed", mutedBy=["night"]),
            alert(state="suppressed", silencedBy=["x"]),
            alert(state="unprocessed"),
        ],
    }
    (read,) = parse_groups([group], NOON)
    assert len(read.alerts) == 1


@pytest.mark.parametrize(
    ("routes", "wait"),
    [
        ("", timedelta(seconds=30, minutes=5)),
        ("  group_wait: 10s\n  group_interval: 30s\n", timedelta(seconds=40)),
        ("  group_wait: 0s\n  group_interval: 30s\n", timedelta(seconds=30)),
        (
            "  routes:\n  - group_wait: 1s\n    group_interval: 1h30m\n  group_interval: 1m\n",
            timedelta(seconds=30, minutes=90),
        ),
        (
            "  routes:\n  - group_interval: 10m\n  group_wait: 1m\n  group_interval: 1m\n",
            timedelta(minutes=11),
        ),
    ],
)
def test_the_longest_wait_of_all_routes_is_told(routes: str, wait: timedelta) -> None:
    configuration = f"route:\n  receiver: a\n{routes}receivers:\n- name: a\n"
    body = {"uptime": "2026-11-20T11:00:00.937Z", "config": {"original": configuration}}
    standing = parse_standing(body)
    assert standing.group_wait == wait
    assert standing.started_at == datetime(2026, 11, 20, 11, 0, 0, 937000, UTC)
    assert not standing.has_times


def test_a_configuration_with_times_is_known() -> None:
    told = "route:\n  routes:\n  - mute_time_intervals:\n    - night\n"
    body = {"uptime": "2026-11-20T11:00:00Z", "config": {"original": told}}
    assert parse_standing(body).has_times


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"config": {"original": ""}},
        {"config": {"original": ""}, "uptime": "lately"},
        {"config": {"original": ""}, "uptime": "2026-11-20T11:00:00"},
        {"config": {}, "uptime": "2026-11-20T11:00:00Z"},
    ],
)
def test_a_status_that_cannot_be_read_is_none(body: object) -> None:
    with pytest.raises(UnlikeAlertmanagerError):
        parse_standing(body)
