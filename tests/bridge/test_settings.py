"""Settings: what is accepted, and what is refused in which words."""

from __future__ import annotations

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
from bridge.settings import (
    SETTINGS,
    Setting,
    Settings,
    SettingsError,
)
from bridge.settings.secret import Secret
from tests.bridge.environs import ROOT, TOKEN, faults

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
