from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from bridge import limits
from bridge.core.cards import Ending, Member
from bridge.core.endings import (
    Sample,
    Subject,
    choose_subject,
    days_back,
    is_open_question,
    judge_endings,
    write_questions,
)
from tests.fakes.clock import NOON

WEB = Subject(label="host", name="web-1", job="node")


@pytest.mark.parametrize(
    ("labels", "subject"),
    [
        ({"host": "web-1", "feed": "node", "scope": "host"}, WEB),
        ({"host": "web-1", "feed": "agent"}, Subject(label="host", name="web-1", job="agent")),
        ({"host": "web-1", "job": "node", "instance": "a:1"}, WEB),
        ({"host": "web-1", "feed": "node", "job": "agent"}, WEB),
        ({"host": "web-1"}, Subject(label="host", name="web-1", job="")),
        (
            {"instance": "10.0.0.1:9100", "job": "node"},
            Subject(label="instance", name="10.0.0.1:9100", job="node"),
        ),
        ({"host": "", "instance": "a"}, Subject(label="instance", name="a", job="")),
        # A service speaks for itself, unless it lives on a host's data.
        ({"host": "web-1", "job": "prometheus", "scope": "service"}, None),
        ({"host": "web-1", "feed": "node", "scope": "service"}, WEB),
        ({"scope": "pipeline"}, None),
        ({"alertname": "Watchdog"}, None),
        ({"host": "\ud800"}, None),
        ({"host": "x" * (limits.QUESTION_NAME_CHARACTERS + 1)}, None),
    ],
)
def test_the_feed_else_the_job_of_an_alert_says_whose_up_counts(
    labels: Mapping[str, str], subject: Subject | None
) -> None:
    assert choose_subject(labels) == subject


@pytest.mark.parametrize(
    ("value", "ending"),
    [
        (1, Ending.RECOVERED),
        (0, Ending.UNREACHABLE),
        (2, Ending.UNMONITORED),
        (None, Ending.RECOVERED),
    ],
)
def test_only_a_host_that_answers_or_was_never_asked_has_recovered(
    value: float | None, ending: Ending
) -> None:
    sample = Sample(labels={"host": "web-1", "job": "node"}, value=value or 0)
    assert judge_endings([WEB], [sample] if value is not None else []) == {WEB: ending}


def test_the_word_of_another_job_or_host_does_not_count() -> None:
    others = [
        Sample(labels={"host": "web-1", "job": "agent"}, value=0),
        Sample(labels={"host": "web-2", "job": "node"}, value=0),
        Sample(labels={"host": "web-1"}, value=0),
        Sample(labels={"instance": "web-1", "job": "node"}, value=0),
    ]
    assert judge_endings([WEB], others) == {WEB: Ending.RECOVERED}


def test_one_question_asks_about_many_at_once() -> None:
    any_job = Subject(label="host", name="db.1", job="")
    by_address = Subject(label="instance", name="[::1]:9100", job="node")
    more = Subject(label="host", name="web-2", job="node")
    (question,) = write_questions([WEB, more, any_job, by_address], 1)
    assert question.count(" or ") == 5
    assert 'up{job="node",host=~"web-1|web-2"}' in question
    assert 'up{job!~"icmp|tcp|http",host=~"db\\\\.1"}' in question
    assert 'up{job="node",instance=~"\\\\[::1\\\\]:9100"}[1d]' in question


def test_a_question_never_grows_beyond_what_an_address_may_hold() -> None:
    subjects = {Subject(label="host", name=f"web-{each:04}", job="node") for each in range(3000)}
    questions = list(write_questions(subjects, 1))
    assert 1 < len(questions) < 100
    assert max(map(len, questions)) <= limits.QUESTION_CHARACTERS
    asked = "|".join(questions)
    assert all(f"web-{each:04}" in asked for each in range(3000))


def test_an_alert_that_lasted_long_is_looked_back_for_longer() -> None:
    assert days_back([NOON - timedelta(hours=1)], NOON) == 1
    assert days_back([NOON, NOON - timedelta(days=3, hours=1)], NOON) == 4
    assert days_back([NOON - timedelta(days=300)], NOON) == 15
    assert days_back([NOON + timedelta(days=1)], NOON) == 1


@pytest.mark.parametrize(
    ("ended", "ending", "is_open"),
    [
        (False, None, False),
        (True, None, True),
        (True, Ending.UNREACHABLE, True),
        (True, Ending.UNCONFIRMED, True),
        (True, Ending.UNMONITORED, False),
        (True, Ending.RECOVERED, False),
    ],
)
def test_a_recovery_is_never_asked_about_again(
    *, ended: bool, ending: Ending | None, is_open: bool
) -> None:
    member = Member(
        labels={},
        annotations={},
        started_at=NOON,
        ended_at=NOON if ended else None,
        ending=ending,
    )
    assert is_open_question(member) is is_open
