from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.stack.folder import StackFault
from deploy.stack.plan import Plan
from deploy.stack.preparation import lay_secrets, read_wishes
from deploy.stack.questions import Terminal

TOKEN = "123456789:" + "A" * 35


class Person:
    """Answers questions in order."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []

    def ask(self, question: str) -> str:
        self.questions.append(question)
        return self.answers.pop(0)

    @property
    def terminal(self) -> Terminal:
        return Terminal(ask_secretly=self.ask)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name not in {"PATH", "HOME"}:
            monkeypatch.delenv(name)


def test_an_empty_answer_starts_the_sandbox(tmp_path: Path) -> None:
    person = Person("")
    assert read_wishes(tmp_path, is_sandbox=False, terminal=person.terminal).is_sandbox
    assert len(person.questions) == 1
    assert not (tmp_path / ".env").exists()


def test_no_terminal_starts_the_sandbox_without_asking(tmp_path: Path) -> None:
    assert read_wishes(tmp_path, is_sandbox=False, terminal=None).is_sandbox


def test_a_typed_token_is_all_that_is_asked_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TIMEZONE=Asia/Taipei\nBOT_TOKEN=\n")
    person = Person("nonsense", TOKEN)
    wishes = read_wishes(tmp_path, is_sandbox=False, terminal=person.terminal)
    assert not wishes.is_sandbox
    assert wishes.settings.bot_token is not None
    assert len(person.questions) == 2
    path = tmp_path / ".env"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().splitlines() == ["TIMEZONE=Asia/Taipei", f"BOT_TOKEN={TOKEN}"]


@pytest.mark.parametrize("has_terminal", [False, True])
def test_a_token_is_enough_and_nothing_more_is_asked(tmp_path: Path, *, has_terminal: bool) -> None:
    (tmp_path / ".env").write_text(f"BOT_TOKEN={TOKEN}\n")
    person = Person()
    terminal = person.terminal if has_terminal else None
    wishes = read_wishes(tmp_path, is_sandbox=False, terminal=terminal)
    assert not wishes.is_sandbox
    assert person.questions == []


def test_wrong_settings_are_said_all_at_once_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BOT_TOKEN=your_telegram_bot_token_here\nSERVER_PORT=77777\n")
    person = Person()
    with pytest.raises(StackFault, match=r"BOT_TOKEN(.|\n)*SERVER_PORT") as caught:
        read_wishes(tmp_path, is_sandbox=False, terminal=person.terminal)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "text",
    [b"BOT_TOKEN 123456789:AA\n", b"SERVER_PORT=77777\n", "# Büro\n".encode("latin-1")],
    ids=["half a line", "another setting", "another encoding"],
)
def test_nobody_is_asked_for_a_token_while_the_settings_have_to_be_mended(
    tmp_path: Path, text: bytes
) -> None:
    (tmp_path / ".env").write_bytes(text)
    person = Person(TOKEN)
    with pytest.raises(StackFault, match="these settings are wrong"):
        read_wishes(tmp_path, is_sandbox=False, terminal=person.terminal)
    assert person.questions == []
    assert (tmp_path / ".env").read_bytes() == text


def test_the_sandbox_can_be_asked_for_although_a_token_is_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"BOT_TOKEN={TOKEN}\n")
    assert read_wishes(tmp_path, is_sandbox=True, terminal=None).is_sandbox


def test_shared_secrets_are_made_once_and_closed_to_others(plan: Callable[..., Plan]) -> None:
    made = plan()
    lay_secrets(made)
    state = made.wishes.bridge_state_dir
    bearer = (state / "webhook_token").read_text().strip()
    assert len(bearer) >= 32
    assert [place.read_text() for place in made.token_places] == [bearer, bearer]
    bot = (made.wishes.sandbox_dir / "bot_token").read_text().strip()
    assert re.fullmatch(r"7000000001:[A-Za-z0-9_-]{35}", bot)
    for path in [
        *made.token_places,
        state / "webhook_token",
        made.wishes.sandbox_dir / "bot_token",
        made.wishes.sandbox_dir / "page_token",
    ]:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    lay_secrets(made)
    assert (state / "webhook_token").read_text().strip() == bearer


def test_a_token_of_the_settings_is_what_the_configurations_get(plan: Callable[..., Plan]) -> None:
    made = plan(WEBHOOK_TOKEN="bearer-of-sixteen-letters")
    lay_secrets(made)
    assert {place.read_text() for place in made.token_places} == {"bearer-of-sixteen-letters"}
