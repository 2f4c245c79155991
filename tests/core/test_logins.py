from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.kinds import AlertKind, kind_of
from bridge.core.logins import (
    LoginFacts,
    LoginKind,
    Logouts,
    Telling,
    choose_telling,
    fold_failures,
    is_worth_showing,
    parse_login,
)
from bridge.core.outbox import is_pressing
from bridge.errors import Mistake

NOW = datetime(2026, 11, 26, 22, 31, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TOLD: dict[str, Any] = {
    "id": "e1",
    "kind": "failure",
    "user": "root",
    "address": "192.0.2.9",
    "method": "password",
    "count": 999,
    "first": NOW.timestamp(),
    "last": (NOW + MINUTE).timestamp(),
    "users": 37,
    "addresses": 5,
}


def facts(kind: LoginKind = LoginKind.FAILURE, **more: Any) -> LoginFacts:
    told: dict[str, Any] = {
        "host": "web-1",
        "kind": kind,
        "user": "root",
        "address": "192.0.2.9",
        "method": "password",
        "first": NOW,
        "last": NOW,
    }
    return LoginFacts(**(told | more))


def test_what_an_agent_tells_is_read() -> None:
    assert parse_login("web-1", TOLD) == (
        "e1",
        facts(count=999, last=NOW + MINUTE, users=37, addresses=5),
    )


def test_an_agent_that_counts_no_names_is_read_too() -> None:
    told = {name: value for name, value in TOLD.items() if name not in {"users", "addresses"}}
    _, read = parse_login("web-1", told)
    assert (read.users, read.addresses) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in TOLD),
        {"id": ""},
        {"id": 7},
        {"kind": "hacked"},
        {"user": ["root"]},
        {"user": "x" * (limits.LOGIN_CHARACTERS + 1)},
        {"count": 0},
        {"count": -1},
        {"count": True},
        {"count": 10**9},
        {"count": 1.5},
        {"first": "now"},
        {"first": float("nan")},
        {"first": 1e30},
        {"last": False},
        {"users": 0},
    ],
)
def test_what_is_no_event_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Mistake):
        parse_login("web-1", TOLD | change)


@pytest.mark.parametrize("name", sorted(set(TOLD) - {"users", "addresses", "count"}))
def test_an_event_that_lacks_something_is_refused(name: str) -> None:
    with pytest.raises(Mistake):
        parse_login("web-1", {key: value for key, value in TOLD.items() if key != name})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@given(st.dictionaries(st.sampled_from(sorted(TOLD)), anything))
def test_whatever_is_told_is_an_event_or_refused(change: dict[str, object]) -> None:
    try:
        _, read = parse_login("web-1", TOLD | change)
    except Mistake:
        return
    assert read.count > 0


@pytest.mark.parametrize(
    ("kind", "method", "logouts", "telling"),
    [
        (LoginKind.LOGIN, "password", Logouts.NONE, Telling.LOUD),
        (LoginKind.LOGOUT, "password", Logouts.MESSAGE, Telling.LOUD),
        (LoginKind.LOGOUT, "password", Logouts.SILENT, Telling.SILENT),
        (LoginKind.LOGOUT, "password", Logouts.NONE, Telling.NOT),
        (LoginKind.FAILURE, "password", Logouts.SILENT, Telling.SILENT),
        (LoginKind.FAILURE, "", Logouts.SILENT, Telling.SILENT),
        (LoginKind.FAILURE, "preauth", Logouts.SILENT, Telling.NOT),
        (LoginKind.SUDO, "sudo root", Logouts.SILENT, Telling.SILENT),
    ],
)
def test_a_login_rings_and_nothing_else_does_unless_it_is_chosen(
    kind: LoginKind, method: str, logouts: Logouts, telling: Telling
) -> None:
    assert choose_telling(facts(kind, method=method), logouts) is telling


@pytest.mark.parametrize("kind", LoginKind)
def test_no_login_sounds_in_quiet_hours(kind: LoginKind) -> None:
    assert not is_pressing(facts(kind))


@pytest.mark.parametrize("kind", LoginKind)
def test_chats_switch_logins_off_as_a_kind(kind: LoginKind) -> None:
    labels = facts(kind).labels
    assert kind_of(labels) is AlertKind.LOGIN
    assert labels["host"] == "web-1"


def test_failures_are_added_up_under_the_name_tried_most() -> None:
    one = facts(user="admin", address="192.0.2.1", count=1)
    many = facts(count=999, first=NOW, last=NOW + MINUTE, users=37, addresses=5)
    both = fold_failures(one, many)
    assert both == replace(many, count=1000)
    assert fold_failures(many, replace(one, last=NOW + 2 * MINUTE)) == replace(
        many, count=1000, last=NOW + 2 * MINUTE
    )


def test_two_names_are_at_least_two() -> None:
    both = fold_failures(facts(user="a"), facts(user="b", address="192.0.2.1"))
    assert both is not None
    assert (both.users, both.addresses, both.count) == (2, 2, 2)
    same = fold_failures(facts(), facts())
    assert same is not None
    assert (same.users, same.addresses, same.count) == (1, 1, 2)


@pytest.mark.parametrize(
    "later",
    [
        facts(LoginKind.LOGIN),
        facts(host="web-2"),
        facts(last=NOW + limits.FAILURES_TOGETHER + MINUTE),
        facts(last=NOW - limits.FAILURES_TOGETHER - MINUTE),
    ],
)
def test_what_does_not_belong_together_is_told_apart(later: LoginFacts) -> None:
    assert fold_failures(facts(), later) is None


def test_a_message_about_failures_is_edited_rarely_and_in_the_end() -> None:
    shown = facts(count=10)
    assert not is_worth_showing(shown, facts(count=19))
    assert is_worth_showing(shown, facts(count=20))
    assert is_worth_showing(shown, facts(count=11, last=NOW + limits.FAILURES_EDITED))


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 120)), min_size=1, max_size=60))
def test_no_failure_is_lost_in_folding(told: list[tuple[int, int]]) -> None:
    messages: list[LoginFacts] = []
    now = NOW
    for count, minutes in told:
        now += minutes * MINUTE
        event = facts(count=count, first=now, last=now)
        folded = fold_failures(messages[-1], event) if messages else None
        if folded is None:
            messages.append(event)
        else:
            messages[-1] = folded
    assert sum(each.count for each in messages) == sum(count for count, _ in told)
    assert all(each.last - each.first <= limits.FAILURES_TOGETHER for each in messages)
