"""Nothing is done that was not asked for by exactly this person, here, a moment ago."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge import limits
from bridge.core.access import Actor, Role
from bridge.core.audience import Destination
from bridge.core.questions import Deed, Questions, Wish
from bridge.errors import Expired, NotAllowed

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA = Actor(user_id=1, role=Role.ADMIN, chat=Destination(-5), is_private=False)
WISH = Wish(deed=Deed.SHELL, needs=Role.ADMIN, hosts=("web-1",), command="rm  -r x")


def asked() -> Questions:
    questions = Questions()
    questions.put("token", WISH, ADA, NOON)
    return questions


def test_a_question_is_answered_once_with_exactly_what_was_shown() -> None:
    questions = asked()
    assert questions.take("token", ADA, NOON) is WISH
    with pytest.raises(Expired):
        questions.take("token", ADA, NOON)


@pytest.mark.parametrize(
    "who",
    [
        replace(ADA, user_id=2),
        replace(ADA, chat=Destination(-6)),
        replace(ADA, chat=Destination(-5, 2)),
        replace(ADA, role=Role.OPERATOR),
        replace(ADA, role=None),
    ],
)
def test_somebody_else_elsewhere_or_with_less_confirms_nothing(who: Actor) -> None:
    questions = asked()
    with pytest.raises(NotAllowed):
        questions.take("token", who, NOON)
    assert questions.take("token", ADA, NOON) is WISH, "a wrong press takes nothing away"


def test_a_question_does_not_stay_open() -> None:
    late = NOON + limits.QUESTION_OPEN + timedelta(seconds=1)
    with pytest.raises(Expired):
        asked().take("token", ADA, late)


def test_what_was_never_asked_is_confirmed_by_nobody() -> None:
    with pytest.raises(Expired):
        Questions().take("token", ADA, NOON)


def test_open_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUESTIONS_OPEN", 2)
    questions = Questions()
    for token in ("a", "b", "c"):
        questions.put(token, WISH, ADA, NOON)
    with pytest.raises(Expired):
        questions.take("a", ADA, NOON)
    assert questions.take("c", ADA, NOON) is WISH
