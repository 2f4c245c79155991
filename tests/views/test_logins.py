from __future__ import annotations

from typing import Any

import pytest

from bridge.core.logins import LoginFacts, LoginKind
from bridge.core.outbox import Form
from bridge.limits import MESSAGE_CHARACTERS
from bridge.views.locale import LANGUAGES
from bridge.views.renderer import MessageRenderer
from tests.views.samples import NOW, SINCE, lines, show


def facts(kind: LoginKind = LoginKind.LOGIN, **more: Any) -> LoginFacts:
    told: dict[str, Any] = {
        "host": "web-1",
        "kind": kind,
        "user": "bob",
        "address": "192.0.2.9",
        "method": "publickey",
        "first": NOW,
        "last": NOW,
    }
    return LoginFacts(**(told | more))


def test_a_login_says_who_where_from_and_how(renderer: MessageRenderer) -> None:
    assert lines(renderer, facts()) == [
        "🔑 LOGIN  web-1 · bob",
        "from 192.0.2.9 · publickey · 14:06:22 UTC",
    ]


def test_a_logout_says_how_long_it_was(renderer: MessageRenderer) -> None:
    head, told = lines(renderer, facts(LoginKind.LOGOUT, first=SINCE))
    assert head == "🚪 LOGOUT  web-1 · bob"
    assert told.startswith("from 192.0.2.9 · publickey · lasted 4 min 12 s · 14:02:10")
    unknown = facts(LoginKind.LOGOUT, address="", method="")
    assert lines(renderer, unknown) == ["🚪 LOGOUT  web-1 · bob", "14:06:22 UTC"]


def test_one_failure_says_who_was_tried(renderer: MessageRenderer) -> None:
    assert lines(renderer, facts(LoginKind.FAILURE, method="password")) == [
        "🚫 1 failed login  web-1",
        "bob · from 192.0.2.9 · password · 14:06:22 UTC",
    ]


def test_many_failures_say_how_many_and_which_came_up_most(renderer: MessageRenderer) -> None:
    many = facts(
        LoginKind.FAILURE, count=1000, user="root", users=37, addresses=5, first=SINCE, method=""
    )
    head, counts, most = lines(renderer, many)
    assert head == "🚫 1,000 failed logins  web-1"
    assert counts == "37 names, 5 addresses"
    assert most.startswith("mostly root · from 192.0.2.9 · 14:02:10")


def test_a_login_without_a_name_says_so(renderer: MessageRenderer) -> None:
    assert "(no name)" in lines(renderer, facts(LoginKind.FAILURE, user=""))[1]


def test_whoever_acts_as_another_is_named_with_the_other(renderer: MessageRenderer) -> None:
    assert lines(renderer, facts(LoginKind.SUDO, method="sudo root", address="")) == [
        "⬆️ ACTS AS ANOTHER  web-1 · bob",
        "as root · sudo · 14:06:22 UTC",
    ]


def test_what_a_stranger_typed_is_no_link_and_no_mention(renderer: MessageRenderer) -> None:
    for user in ("@channel", "https://evil.example", "<b>root</b>", "/op_exec", "a_b*c`d"):
        text = show(renderer, facts(LoginKind.FAILURE, user=user)).text
        assert user in text.text
        start = len(text.text[: text.text.index(user)].encode("utf-16-le")) // 2
        assert any(
            each.kind == "code" and each.offset <= start < each.offset + each.length
            for each in text.entities
        )


@pytest.mark.parametrize(
    ("language", "words"),
    [("ru", "🚫 37 неудачных попыток входа"), ("zh_TW", "🚫 37 次登入失敗")],
)
def test_failures_are_counted_in_every_language(
    renderer: MessageRenderer, language: str, words: str
) -> None:
    shown = lines(renderer, facts(LoginKind.FAILURE, count=37), language)
    assert shown[0].startswith(words)


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", LoginKind)
def test_every_login_has_a_text_in_every_language(
    renderer: MessageRenderer, kind: LoginKind, language: str, form: Form
) -> None:
    for word in ("", "x" * 9000):
        for first in (NOW, SINCE):
            told = facts(
                kind, host=word, user=word, address=word, method=word, first=first, users=2
            )
            content = show(renderer, told, language, form)
            assert 0 < len(content.text) <= MESSAGE_CHARACTERS
            assert all(line == line.strip() != "" for line in content.text.text.splitlines())
