"""Secrets of the settings: where they come from, and that nobody sees them by chance."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from bridge.logs import Redactor
from bridge.settings import (
    Settings,
    SettingsError,
)
from bridge.settings.secret import Secret
from tests.bridge.environs import TOKEN, faults, secret_file


def test_a_secret_shows_itself_to_nobody_who_does_not_ask() -> None:
    secret = Secret(TOKEN)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>80}", f"{[secret]}"]
    assert not any(TOKEN in text or TOKEN[9:] in text for text in shown)
    assert secret.reveal() == TOKEN
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not written down"):
            write(secret)


def test_settings_shown_as_a_whole_hold_no_secret() -> None:
    settings = Settings.load(
        {
            "BOT_TOKEN": TOKEN,
            "DATABASE_URL": "postgresql://me:hunter2@db/ops",
            "TELEGRAM_PROXY": "http://me:hunter2@proxy:3128",
        }
    )
    assert TOKEN not in repr(settings)
    assert "hunter2" not in repr(settings)
    assert {secret.reveal() for secret in settings.secrets()} >= {TOKEN}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BOT_TOKEN", "hunter2"),
        ("WEBHOOK_TOKEN", "hunter2"),
        ("PROMETHEUS_PASSWORD", "hunter2\n\x07"),
        ("TELEGRAM_PROXY", "socks9://me:hunter2@proxy:1"),
        ("TELEGRAM_PROXY", "http://me:hunter2@proxy:99999"),
        ("TELEGRAM_PROXY", "http://me:hunter2@[proxy"),
        ("DATABASE_URL", "mysql://me:hunter2@db/ops"),
        ("PROMETHEUS_URL", "http://me:hunter2@host:9090"),
        ("SERVER_URL", "https://host/?token=hunter2"),
        ("SERVER_URL", "gopher://me:hunter2@host"),
        ("ALERT_CHAT_ID", TOKEN.replace("Fake", "hunter2")),
        ("HEARTBEAT_URL", "gopher://beat.example/hunter2"),
        ("HEARTBEAT_URL", "https://hunter2:99999/ping"),
        ("HEARTBEAT_URL", "https://beat.example/hunter2#x"),
    ],
)
def test_a_fault_never_shows_a_secret_nor_does_its_cause(variable: str, value: str) -> None:
    for text in (value, value + "\t\x08|"):
        with pytest.raises(SettingsError) as caught:
            Settings.load({variable: text})
        assert "hunter2" not in str(caught.value)
        assert "hunter2" not in repr(caught.value)
        assert caught.value.__context__ is None


def test_a_secret_comes_from_its_file_and_the_file_wins(tmp_path: Path) -> None:
    path = secret_file(tmp_path, "﻿" + TOKEN + "\r\n")
    settings = Settings.load({"BOT_TOKEN": TOKEN[:-1] + "0", "BOT_TOKEN_FILE": path})
    assert settings.bot_token == Secret(TOKEN)
    assert settings.notices == ("BOT_TOKEN is not used, because BOT_TOKEN_FILE is set",)


def test_a_secret_file_that_all_can_read_is_a_notice(tmp_path: Path) -> None:
    path = secret_file(tmp_path, mode=0o644)
    (notice,) = Settings.load({"BOT_TOKEN_FILE": path}).notices
    assert notice.startswith("everybody here can read")
    assert TOKEN not in notice


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"x" * 5000, "longer than"),
    ],
)
def test_a_useless_secret_file_is_a_fault_in_words(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    assert fault in faults(BOT_TOKEN_FILE=str(path))["BOT_TOKEN"]


def test_a_secret_file_that_is_missing_or_a_folder_is_a_fault_in_words(tmp_path: Path) -> None:
    assert "no such file" in faults(BOT_TOKEN_FILE=str(tmp_path / "gone"))["BOT_TOKEN"]
    assert "cannot be read" in faults(BOT_TOKEN_FILE=str(tmp_path))["BOT_TOKEN"]


# The second way out and the heartbeat

URLS = """# who gets up at night
mailtos://ada:hunter2-hunter2@mail.example?to=oncall@example.org

ntfys://ntfy.example/hunter2-topic
slack://hunter2AAAA/hunter2BBBB/hunter2CCCC/#on-call
json://127.0.0.1:8090/hunter2-path?+X-Key=hunter2%2Bkey
"""


def urls_file(folder: Path, text: str = URLS, mode: int = 0o600) -> str:
    path = folder / "urls"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_file_of_addresses_is_read_with_the_numbers_of_its_lines(tmp_path: Path) -> None:
    found = Settings.load({"NOTIFY_URLS_FILE": urls_file(tmp_path, "\ufeff" + URLS)})
    assert found.notify_urls_file is not None
    assert [number for number, _ in found.notify_urls_file.lines] == [2, 4, 5, 6]
    assert found.notify_urls_file.lines[1][1].reveal() == "ntfys://ntfy.example/hunter2-topic"
    assert found.notices == ()
    assert "hunter2" not in repr(found)


def test_a_file_of_addresses_that_all_can_read_is_a_notice(tmp_path: Path) -> None:
    (notice,) = Settings.load({"NOTIFY_URLS_FILE": urls_file(tmp_path, mode=0o644)}).notices
    assert notice.startswith("everybody here can read")
    assert "NOTIFY_URLS_FILE" in notice
    assert "hunter2" not in notice


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        ("# nobody yet\n\n", "nothing but comments"),
        ("ntfy://a\nhunter2 is no address\n", "line 2"),
        ("hunter2\nntfy://a\nhunter2://\nntfy://a # hunter2", "lines 1, 3, 4"),
        ("x" * 70_000, "longer than"),
    ],
)
def test_a_useless_file_of_addresses_is_a_fault_that_names_the_line_and_never_the_address(
    tmp_path: Path, text: str, fault: str
) -> None:
    found = faults(NOTIFY_URLS_FILE=urls_file(tmp_path, text))["NOTIFY_URLS_FILE"]
    assert fault in found
    assert "hunter2" not in found


def test_the_logs_are_told_to_hide_every_piece_of_an_address_that_may_be_a_key(
    tmp_path: Path,
) -> None:
    settings = Settings.load(
        {
            "NOTIFY_URLS_FILE": urls_file(tmp_path),
            "HEARTBEAT_URL": "https://me:hunter2-word@beat.example/ping/hunter2-uuid?k=hunter2-k",
        }
    )
    hide = Redactor(settings.secrets()).redact
    seen = (
        "POST /services/hunter2AAAA/hunter2BBBB/hunter2CCCC",
        "https://ntfy.example/hunter2-topic?x=1",
        "login as ada with hunter2-hunter2",
        "X-Key: hunter2+key",
        "GET /ping/hunter2-uuid",
        "beat?k=hunter2-k",
        settings.heartbeat_url.reveal() if settings.heartbeat_url else "",
        *URLS.splitlines(),
    )
    assert [line for line in seen if "hunter2" in hide(line)] == []
    assert hide("cannot reach beat.example") == "cannot reach beat.example"
    assert hide("http://127.0.0.1:8090 answers 500") == "http://127.0.0.1:8090 answers 500"
