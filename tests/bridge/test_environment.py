"""The environment: `.env`, old names, slips of the fingers, the machine's language and zone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.core.audience import Destination
from bridge.settings import Settings, SettingsError, find_machine_zone, read_environment
from bridge.settings.accepted import choose_language
from bridge.settings.secret import Secret

TOKEN = "52341678:AAFakeFakeFakeFakeFakeFakeFakeFake-_9"


def dotenv(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / ".env"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return folder


# .env


def test_the_seeds_own_file_works_as_it_stands(tmp_path: Path) -> None:
    text = f"""
    BOT_TOKEN = {TOKEN}
    chat_id = 4242
    ALERT_CHAT_ID = -1002000000001
    # users
    ALLOWED_USERS=52341678,52341679
    SERVER_HOST=0.0.0.0
    SERVER_PORT=8002
    SERVER_URL=http://localhost:8002
    PROMETHEUS_URL=http://localhost:9090
    GRAFANA_URL=http://localhost:3000
    DASHBOARD_UID=abc
    AGENT_ID=Agent1
    AGENT_HOST=0.0.0.0
    AGENT_PORT=8001
    """
    settings = Settings.load(read_environment(dotenv(tmp_path, text), {}))
    assert settings.alert_chat_id == (Destination(-1002000000001),)
    assert settings.allowed_users == {52341678, 52341679}
    assert settings.notices == ("chat_id is not used, because ALERT_CHAT_ID is set",)


@pytest.mark.parametrize(
    "line",
    [
        "WEBHOOK_TOKEN=abcdefghijklmnop",
        "WEBHOOK_TOKEN = abcdefghijklmnop",
        "  export WEBHOOK_TOKEN='abcdefghijklmnop'",
        'WEBHOOK_TOKEN="abcdefghijklmnop" # ours',
        "WEBHOOK_TOKEN=abcdefghijklmnop   # ours",
    ],
)
@pytest.mark.parametrize("start", ["", "\ufeff", "\ufeff# first\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "", "\r\nLANGUAGE=ru\r\n"])
def test_every_way_to_write_a_line_is_read(tmp_path: Path, line: str, start: str, end: str) -> None:
    root = dotenv(tmp_path, start + line + end)
    environment = read_environment(root, {})
    assert environment["WEBHOOK_TOKEN"] == "abcdefghijklmnop"
    assert (environment.faults, environment.notices) == ([], [])


def test_dollar_signs_and_hashes_in_a_password_stay(tmp_path: Path) -> None:
    root = dotenv(tmp_path, "PROMETHEUS_PASSWORD='a${HOME}#b $c'\n")
    assert read_environment(root, {"HOME": "/x"})["PROMETHEUS_PASSWORD"] == "a${HOME}#b $c"


def test_the_process_wins_over_the_file_and_an_empty_value_takes_one_away(tmp_path: Path) -> None:
    root = dotenv(tmp_path, "SERVER_PORT=9001\nDB_URL=sqlite:///a.db\nLANGUAGE=ru\n")
    process = {"SERVER_PORT": "9003", "DATABASE_URL": " ", "LANGUAGE": "", "BOT_TOKEN": ""}
    assert read_environment(root, process) == {"SERVER_PORT": "9003", "LANGUAGE": "ru"}
    assert "DATABASE_URL" not in read_environment(root, {"DB_URL": ""})


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert read_environment(tmp_path, {}) == {}


def test_a_line_that_cannot_be_read_is_a_fault_that_hides_the_line(tmp_path: Path) -> None:
    root = dotenv(tmp_path, "SERVER_PORT=8002\nBOT_TOKEN hunter2\n=hunter2\nJUSTAWORD\n")
    with pytest.raises(SettingsError) as caught:
        Settings.load(read_environment(root, {}))
    assert [fault.fault for fault in caught.value.faults] == [
        f"line {line} cannot be read" for line in (2, 3, 4)
    ]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"A=\xff\n", None])
def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        (tmp_path / ".env").mkdir()
    else:
        dotenv(tmp_path, content)
    with pytest.raises(SettingsError, match=r"^\.env: cannot be read"):
        Settings.load(read_environment(tmp_path, {}))


def test_a_file_with_secrets_that_all_can_read_is_a_notice(tmp_path: Path) -> None:
    root = dotenv(tmp_path, f"TELEGRAM_TOKEN={TOKEN}\n", mode=0o644)
    assert any("chmod 600" in notice for notice in read_environment(root, {}).notices)
    root = dotenv(tmp_path, "SERVER_PORT=9001\n", mode=0o644)
    assert read_environment(root, {}).notices == []


def test_a_variable_given_twice_is_a_notice(tmp_path: Path) -> None:
    environment = read_environment(dotenv(tmp_path, "LANGUAGE=en\nLANGUAGE=ru\n"), {})
    assert environment["LANGUAGE"] == "ru"
    assert environment.notices == ["LANGUAGE stands twice in .env; the last one counts"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("BOT_TOKN", "BOT_TOKEN"),
        ("ALLOWED_USER", "ALLOWED_USERS"),
        ("bot_token", "BOT_TOKEN"),
        ("BOT_TOKEN_FIEL", "BOT_TOKEN_FILE"),
        ("ALERT_CHAT_IDS", "ALERT_CHAT_ID"),
    ],
)
def test_a_slip_of_the_fingers_is_asked_about(tmp_path: Path, written: str, meant: str) -> None:
    environment = read_environment(dotenv(tmp_path, f"{written}=1\n"), {})
    assert environment.notices == [f"{written} in .env is unknown; did you mean {meant}?"]


def test_foreign_variables_are_left_alone(tmp_path: Path) -> None:
    names = ("AGENT_PORT", "AGENT_ID", "AGENT_HOST", "GRAFANA_URL", "COMPOSE_PROJECT_NAME", "TZ")
    text = "".join(f"{name}=1\n" for name in names)
    assert read_environment(dotenv(tmp_path, text), {"BOT_TOKN": "1"}).notices == []


def test_an_environment_shown_as_a_whole_holds_no_value(tmp_path: Path) -> None:
    environment = read_environment(dotenv(tmp_path, f"BOT_TOKEN={TOKEN}\n"), {"LANGUAGE": "ru"})
    assert f"{environment} {environment!r}" == " ".join(["Environment(BOT_TOKEN, LANGUAGE)"] * 2)


# Old names


@pytest.mark.parametrize(
    ("old", "value", "field", "expected"),
    [
        ("chat_id", "-2001", "alert_chat_id", (Destination(-2001),)),
        ("ALLOWED_USER_IDS", "1001", "allowed_users", frozenset({1001})),
        ("ADMIN_USER_IDS", "1001", "allowed_users", frozenset({1001})),
        ("TELEGRAM_USER_ID", "1001", "allowed_users", frozenset({1001})),
        ("TELEGRAM_TOKEN", TOKEN, "bot_token", Secret(TOKEN)),
        ("DB_URL", "sqlite:///a.db", "database_url", Secret("sqlite:///a.db")),
    ],
)
def test_an_old_name_works_and_says_what_it_is_called_now(
    old: str, value: str, field: str, expected: object
) -> None:
    settings = Settings.load({old: value})
    assert getattr(settings, field) == expected
    assert len(settings.notices) == 1
    assert settings.notices[0].startswith(f"{old} is called {field.upper()} here")


def test_an_old_name_that_contradicts_the_new_one_is_a_fault() -> None:
    with pytest.raises(SettingsError, match="ALLOWED_USERS: ADMIN_USER_IDS, its old name"):
        Settings.load({"ALLOWED_USERS": "1001", "ADMIN_USER_IDS": "1002"})
    with pytest.raises(SettingsError, match="BOT_TOKEN: TELEGRAM_TOKEN, its old name"):
        Settings.load({"BOT_TOKEN": TOKEN, "TELEGRAM_TOKEN": TOKEN + "x"})


def test_an_old_name_in_the_file_gives_way_to_the_process(tmp_path: Path) -> None:
    environment = read_environment(dotenv(tmp_path, "ALLOWED_USER_IDS=1\n"), {"ALLOWED_USERS": "2"})
    assert Settings.load(environment).allowed_users == {2}


def test_the_old_name_of_a_secret_works_for_its_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(TOKEN)
    settings = Settings.load({"TELEGRAM_TOKEN_FILE": str(path)})
    assert settings.bot_token == Secret(TOKEN)


# Language and time zone of the machine


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        ("en_US:en", "en"),
        ("de_DE:ru_RU.UTF-8:en", "ru"),
        ("zh_TW.UTF-8", "zh_TW"),
        ("zh-Hant", "zh_TW"),
        ("zh_CN:zh", None),
        ("ru@petr1708", "ru"),
        ("C", None),
        ("", None),
        ("::", None),
    ],
)
def test_a_gettext_list_gives_the_first_language_of_ours(wishes: str, chosen: str | None) -> None:
    assert choose_language(wishes) == chosen


def test_the_systems_language_variable_is_never_a_fault_and_never_beats_the_file(
    tmp_path: Path,
) -> None:
    assert Settings.load(read_environment(tmp_path, {"LANGUAGE": "de_DE:fr"})).language == "en"
    assert Settings.load(read_environment(tmp_path, {"LANGUAGE": "ru_RU:en"})).language == "ru"
    root = dotenv(tmp_path, "LANGUAGE=zh_TW\n")
    assert Settings.load(read_environment(root, {"LANGUAGE": "en_US:en"})).language == "zh_TW"
    assert Settings.load(read_environment(root, {"LANGUAGE": "ru"})).language == "ru"
    dotenv(tmp_path, "LANGUAGE=de_DE:fr\n")
    with pytest.raises(SettingsError, match="LANGUAGE"):
        Settings.load(read_environment(root, {"LANGUAGE": "en_US:en"}))


def test_the_machines_zone_comes_from_tz_the_link_the_name_or_is_utc(tmp_path: Path) -> None:
    assert find_machine_zone({"TZ": ":Europe/Berlin"}, tmp_path).key == "Europe/Berlin"
    assert find_machine_zone({"TZ": "CET-1CEST"}, tmp_path).key == "UTC"
    (tmp_path / "timezone").write_text("Asia/Taipei\n")
    assert find_machine_zone({}, tmp_path).key == "Asia/Taipei"
    target = tmp_path / "zoneinfo" / "America" / "Argentina" / "Salta"
    target.parent.mkdir(parents=True)
    target.touch()
    (tmp_path / "localtime").symlink_to(target)
    assert find_machine_zone({}, tmp_path).key == "America/Argentina/Salta"
