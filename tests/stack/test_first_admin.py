from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.stack import first_admin
from deploy.stack.first_admin import invite, render_invitation
from deploy.stack.folder import Member
from deploy.stack.plan import Plan
from deploy.stack.preparation import record_of
from deploy.stack.run import render_greeting
from tests.programs import ROOT

TOKEN = "123456789:" + "A" * 35
LINK = "https://t.me/opswire_bot?start=" + "x" * 22


def speaking(script: str) -> Member:
    """A bridge whose console does what a script says."""
    return Member(name="bridge", command=[sys.executable, "-c", script], environ={})


def real(plan: Callable[..., Plan], folder: Path) -> Member:
    """The bridge of a plan, as the stack starts it."""
    given = {"BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE": "http://127.0.0.1:9"}
    member = plan(is_sandbox=False, **given).bridge()
    return Member(
        name="bridge",
        command=member.command,
        environ={**member.environ, "STATE_DIR": str(folder / "kept")},
    )


def test_a_link_is_to_be_opened_and_a_line_to_be_written() -> None:
    said = render_invitation(LINK, is_sandbox=False)
    assert "Open this link, and you are its admin" in said[0]
    assert said[2].strip() == LINK
    said = render_invitation("/start xyz", is_sandbox=False)
    assert "Write this to the bot, and" in said[0]
    said = render_invitation("/start xyz", is_sandbox=True)
    assert "Write this to the bot on the chat page, and" in said[0]


def test_where_there_is_an_admin_nothing_is_said(tmp_path: Path) -> None:
    assert invite(speaking("pass"), tmp_path, is_sandbox=False) == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import sys; sys.exit('line\\ndatabase: away')", "database: away"),
        ("import sys; sys.exit(3)", "no reason is given"),
        ("import time; time.sleep(60)", "TimeoutExpired"),
    ],
)
def test_a_console_that_fails_is_told_with_the_way_to_try_again(
    tmp_path: Path, script: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_admin, "PATIENCE_SECONDS", 2)
    said = invite(speaking(script), tmp_path, is_sandbox=False)
    assert reason in said[0]
    assert "people link --first" in said[1]


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    member = Member(name="bridge", command=[str(tmp_path / "absent")], environ={})
    assert "FileNotFoundError" in invite(member, tmp_path, is_sandbox=False)[0]


def test_the_greeting_has_the_invitation_before_its_last_words(plan: Callable[..., Plan]) -> None:
    made = plan(is_sandbox=False, BOT_TOKEN=TOKEN)
    lines = render_greeting(made, record_of(made), render_invitation(LINK, is_sandbox=False))
    text = "\n".join(lines)
    assert text.index("The bot is at work") < text.index(LINK) < text.index("Ctrl-C")
    assert LINK not in "\n".join(render_greeting(made, record_of(made), []))


def test_every_start_without_an_admin_gets_a_fresh_way_in_and_the_last_start_none(
    plan: Callable[..., Plan], tmp_path: Path
) -> None:
    bridge = real(plan, tmp_path)
    ways = [invite(bridge, ROOT, is_sandbox=False)[2].strip() for _ in range(2)]
    assert ways[0] != ways[1]
    assert all(re.fullmatch(r"/start [A-Za-z0-9_-]{22}", way) for way in ways)
    command = [*bridge.command, "people", "add", "1001", "admin"]
    subprocess.run(command, cwd=ROOT, env=bridge.environ, check=True, capture_output=True)
    assert invite(bridge, ROOT, is_sandbox=False) == []


def test_who_has_admins_in_the_settings_waits_for_no_link(plan: Callable[..., Plan]) -> None:
    """The local Telegram's first person is one."""
    for made in (plan(), plan(is_sandbox=False, BOT_TOKEN=TOKEN, ALLOWED_USERS="7")):
        bridge = made.bridge()
        unable = Member(name="bridge", command=["/absent"], environ=bridge.environ)
        assert invite(unable, ROOT, is_sandbox=False) == []
