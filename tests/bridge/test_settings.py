"""Settings: what is accepted, what is refused in which words, and where texts come from."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.alerts import Severity
from bridge.core.audience import Destination
from bridge.logs import Redactor
from bridge.settings import (
    SETTINGS,
    Setting,
    Settings,
    SettingsError,
)
from bridge.settings.secret import Secret

TOKEN = "52341678:AAFakeFakeFakeFakeFakeFakeFakeFake-_9"
ROOT = Path(__file__).parents[2]


def faults(**environ: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ)
    return {fault.variable: str(fault) for fault in caught.value.faults}


def secret_file(folder: Path, text: str = TOKEN + "\n", mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


# Defaults and values


def test_nothing_set_gives_the_defaults_of_the_contract() -> None:
    settings = Settings.load({})
    assert settings.bot_token is None
    assert settings.alert_chat_id == ()
    assert settings.allowed_users == frozenset()
    assert (settings.server_host, settings.server_port) == ("127.0.0.1", 8002)
    assert settings.server_url == "http://127.0.0.1:8002"
    assert settings.alertmanager_url == ("http://127.0.0.1:9093",)
    assert settings.database_url.reveal() == "sqlite:///state/opswire.db"
    assert settings.retention == timedelta(days=180)
    assert settings.language == "en"
    assert (settings.fallback_chat_id, settings.notify_urls_file) == (None, None)
    assert settings.heartbeat_url is None
    assert settings.chart_fonts == ()
    assert settings.notify_after == settings.watchdog_patience == timedelta(minutes=5)
    assert settings.ring_new == settings.ring_worse == frozenset(Severity)
    assert settings.ring_repeat == {Severity.CRITICAL}
    assert settings.ring_resolved == frozenset()
    assert settings.notices == ()


def test_a_full_set_of_values_is_read() -> None:
    settings = Settings.load(
        {
            "BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": "http://127.0.0.1:8081/",
            "TELEGRAM_PROXY": "socks5://me:word@proxy.example:1080",
            "ALERT_CHAT_ID": "-1001234567890/7, 42,42 -9223372036854775808",
            "FALLBACK_CHAT_ID": "-1001234567890/9",
            "ALLOWED_USERS": "1001, 1002;1001",
            "RING_NEW": "Critical, warning",
            "RING_RESOLVED": "ALL",
            "NOTIFY_AFTER": "90s",
            "WATCHDOG_PATIENCE": "1h",
            "HEARTBEAT_URL": "https://beat.example/ping/1f0c?from=here",
            "ALERTMANAGER_URL": "http://a:9093/, https://b.example/am/",
            "PROMETHEUS_USER": "me",
            "PROMETHEUS_PASSWORD": "p$w #1",
            "STATE_DIR": "/srv/opswire",
            "TIMEZONE": "Asia/Taipei",
            "LANGUAGE": "zh-tw",
            "LOG_LEVEL": "debug",
            "SCRAPE_INTERVAL": "30s",
            "SANDBOX_PORT": "0",
        }
    )
    assert settings.bot_token == Secret(TOKEN)
    assert settings.telegram_api_base == "http://127.0.0.1:8081"
    assert settings.alert_chat_id == (
        Destination(-1001234567890, 7),
        Destination(42),
        Destination(-(2**63)),
    )
    assert settings.fallback_chat_id == Destination(-1001234567890, 9)
    assert settings.allowed_users == {1001, 1002}
    assert settings.ring_new == {Severity.CRITICAL, Severity.WARNING}
    assert settings.ring_resolved == frozenset(Severity)
    assert settings.notify_after == timedelta(seconds=90)
    assert settings.watchdog_patience == timedelta(hours=1)
    assert settings.heartbeat_url == Secret("https://beat.example/ping/1f0c?from=here")
    assert settings.alertmanager_url == ("http://a:9093", "https://b.example/am")
    assert settings.prometheus_password == Secret("p$w #1")
    assert settings.database_url == Secret("sqlite:////srv/opswire/opswire.db")
    assert settings.timezone == ZoneInfo("Asia/Taipei")
    assert (settings.language, settings.log_level) == ("zh_TW", "DEBUG")
    assert settings.scrape_interval == timedelta(seconds=30)
    assert settings.sandbox_port == 0


def test_settings_cannot_be_changed_after_the_start() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings.load({}).server_port = 1  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8002"),
        ("::", "http://[::1]:8002"),
        ("::1", "http://[::1]:8002"),
        ("[::1]", "http://[::1]:8002"),
        ("ops.example", "http://ops.example:8002"),
    ],
)
def test_the_address_of_links_follows_the_address_listened_on(host: str, url: str) -> None:
    assert Settings.load({"SERVER_HOST": host}).server_url == url


@pytest.mark.parametrize(
    ("given_url", "ours"),
    [
        ("postgres://me:pw@db.example/ops", "postgresql+psycopg://me:pw@db.example/ops"),
        ("postgresql+asyncpg://db.example/ops", "postgresql+psycopg://db.example/ops"),
        ("postgresql:///ops?host=/run/pg", "postgresql+psycopg:///ops?host=/run/pg"),
        ("sqlite:///./data/bot.db", "sqlite:///./data/bot.db"),
        ("sqlite+aiosqlite:////srv/bot.db", "sqlite:////srv/bot.db"),
    ],
)
def test_the_spellings_of_a_database_become_ours(given_url: str, ours: str) -> None:
    assert Settings.load({"DATABASE_URL": given_url}).database_url.reveal() == ours


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BOT_TOKEN", "52341678"),
        ("BOT_TOKEN", "bot" + TOKEN),
        ("BOT_TOKEN", "52341678:short"),
        ("TELEGRAM_API_BASE", "127.0.0.1:8081"),
        ("TELEGRAM_PROXY", "ftp://proxy.example:21"),
        ("ALERT_CHAT_ID", "@oncall"),
        ("ALERT_CHAT_ID", "0"),
        ("ALERT_CHAT_ID", "9223372036854775808"),
        ("ALERT_CHAT_ID", "-100/0"),
        ("ALERT_CHAT_ID", "-100/2147483648"),
        ("ALERT_CHAT_ID", "-100/"),
        ("ALERT_CHAT_ID", "٤٢"),
        ("ALERT_CHAT_ID", ","),
        ("FALLBACK_CHAT_ID", "-100,-200"),
        ("FALLBACK_CHAT_ID", "@oncall"),
        ("FALLBACK_CHAT_ID", "0"),
        ("RING_NEW", "loud"),
        ("RING_NEW", "all,critical"),
        ("RING_WORSE", "none warning"),
        ("RING_REPEAT", ","),
        ("NOTIFY_URLS_FILE", "/nowhere/at/all"),
        ("NOTIFY_AFTER", "10s"),
        ("NOTIFY_AFTER", "0"),
        ("WATCHDOG_PATIENCE", "1m"),
        ("WATCHDOG_PATIENCE", "2d"),
        ("HEARTBEAT_URL", "beat.example/ping"),
        ("HEARTBEAT_URL", "ftp://beat.example/ping"),
        ("HEARTBEAT_URL", "https://beat.example/ping#here"),
        ("ALLOWED_USERS", "@ada"),
        ("ALLOWED_USERS", "-1001"),
        ("ALLOWED_USERS", "1001,0"),
        ("SERVER_HOST", "http://127.0.0.1"),
        ("SERVER_HOST", "127.0.0.1:8002"),
        ("SERVER_HOST", "127.0.0"),
        ("SERVER_PORT", "0"),
        ("SERVER_PORT", "65536"),
        ("SERVER_PORT", "8002.0"),
        ("SERVER_PORT", "²"),
        ("SERVER_PORT", "0080020000"),
        ("SERVER_PORT", "-1"),
        ("SERVER_PORT", "9" * 5000),
        ("SERVER_URL", "http://"),
        ("SERVER_URL", "http://host:99999"),
        ("SERVER_URL", "http://ho st"),
        ("SERVER_URL", "http://[::1"),
        ("SERVER_URL", "http://host/?key=1"),
        ("WEBHOOK_TOKEN", "short"),
        ("WEBHOOK_TOKEN", "has a blank in the middle"),
        ("PROMETHEUS_URL", "http://me:word@host:9090"),
        ("ALERTMANAGER_URL", "http://a:9093,b:9093"),
        ("GRAFANA_URL", "grafana.example.com"),
        ("GRAFANA_URL", "https://me:word@grafana.example.com"),
        ("GRAFANA_URL", "https://grafana.example.com/?orgId=1"),
        ("PROMETHEUS_USER", "two\nlines"),
        ("DATABASE_URL", "mysql://me:word@host/ops"),
        ("DATABASE_URL", "sqlite://relative.db"),
        ("DATABASE_URL", "opswire.db"),
        ("TEMPLATES_DIR", "/nowhere/at/all"),
        ("TIMEZONE", "Mars/Olympus"),
        ("TIMEZONE", "../../etc/passwd"),
        ("LANGUAGE", "de"),
        ("CHART_FONTS", "DejaVu Sans, /nowhere/at/all.ttf"),
        ("CHART_FONTS", ","),
        ("CHART_FONTS", "two\nlines"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("RETENTION", "12h"),
        ("RETENTION", "180"),
        ("SCRAPE_INTERVAL", "10m"),
        ("REPEAT_INTERVAL", "1s"),
        ("SANDBOX_PORT", "-0"),
    ],
)
def test_a_wrong_value_is_named_with_its_fault_and_the_accepted_form(
    variable: str, value: str
) -> None:
    found = faults(**{variable: value})
    form = next(setting.kind.form for setting in SETTINGS if setting.name == variable)
    assert list(found) == [variable]
    assert found[variable].startswith(f"{variable}: ")
    assert found[variable].endswith(f"(accepted: {form})")
    assert len(found[variable]) < 300


def test_all_faults_are_told_at_once() -> None:
    assert set(faults(SERVER_PORT="x", LANGUAGE="de", BOT_TOKEN="xxx")) == {
        "SERVER_PORT",
        "LANGUAGE",
        "BOT_TOKEN",
    }


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BOT_TOKEN", "your_telegram_bot_token_here"),
        ("BOT_TOKEN", "твой_токен_от_botfather"),
        ("BOT_TOKEN", "<token>"),
        ("BOT_TOKEN", "xxx"),
        ("BOT_TOKEN", "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"),
        ("WEBHOOK_TOKEN", "changeme-changeme-changeme"),
        ("PROMETHEUS_USER", "your user name"),
        ("ALERT_CHAT_ID", "your_alert_chat_id_here"),
        ("ALLOWED_USERS", "123456789, 987654321"),
    ],
)
def test_a_placeholder_counts_as_wrong(variable: str, value: str) -> None:
    assert "sample" in faults(**{variable: value})[variable]


def test_a_password_needs_a_user_name() -> None:
    assert list(faults(PROMETHEUS_PASSWORD="word")) == ["PROMETHEUS_USER"]


@pytest.mark.parametrize("list_of_them", ["", "critical", "critical,other", "all", "none"])
def test_which_severities_ring_is_a_list_or_a_word(list_of_them: str) -> None:
    ringing = Settings.load({"RING_REPEAT": list_of_them}).ring_repeat
    wanted = {
        "": {Severity.CRITICAL},
        "critical": {Severity.CRITICAL},
        "critical,other": {Severity.CRITICAL, Severity.OTHER},
        "all": set(Severity),
        "none": set(),
    }
    assert ringing == wanted[list_of_them]


@given(st.sampled_from(SETTINGS), st.text(st.characters(exclude_characters="\0"), max_size=80))
def test_no_text_whatever_does_more_than_be_refused(setting: Setting, text: str) -> None:
    refused: set[str] = set()
    try:
        Settings.load({setting.name: text})
    except SettingsError as error:
        refused = {fault.variable for fault in error.faults}
    assert refused <= {setting.name, setting.name.replace("_PASSWORD", "_USER")}


# Secrets


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


def test_settings_load_without_any_heavy_import() -> None:
    code = "import sys, bridge.settings; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"aiogram", "pydantic", "sqlalchemy", "structlog", "asyncio"} & set(loaded)


def test_fonts_are_names_or_files_that_are_there(tmp_path: Path) -> None:
    font = tmp_path / "a font.ttf"
    font.touch()
    settings = Settings.load({"CHART_FONTS": f"Noto Sans CJK TC, {font},"})
    assert settings.chart_fonts == ("Noto Sans CJK TC", str(font))
