from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.stack.folder import Member
from deploy.stack.plan import Plan

TOKEN = "123456789:" + "A" * 35
REAL = {"BOT_TOKEN": TOKEN, "ALERT_CHAT_ID": "-1001", "ALLOWED_USERS": "7"}


def members(plan: Plan) -> dict[str, Member]:
    return {member.name: member for member in plan.list_members()}


def test_without_a_token_the_bridge_speaks_with_the_local_telegram(
    plan: Callable[..., Plan], tmp_path: Path
) -> None:
    environ = members(plan())["bridge"].environ
    assert environ["TELEGRAM_API_BASE"] == "http://127.0.0.1:8081"
    assert environ["BOT_TOKEN_FILE"] == str(tmp_path / "state" / "sandbox" / "telegram/bot_token")
    assert environ["STATE_DIR"] == str(tmp_path / "state" / "sandbox")
    assert (environ["ALERT_CHAT_ID"], environ["ALLOWED_USERS"]) == ("-2001", "1001")


def test_with_a_token_there_is_no_sandbox_and_the_state_is_its_own(
    plan: Callable[..., Plan], tmp_path: Path
) -> None:
    found = members(plan(is_sandbox=False, **REAL))
    assert "sandbox" not in found
    assert found["bridge"].environ["BOT_TOKEN"] == TOKEN
    assert found["bridge"].environ["STATE_DIR"] == str(tmp_path / "state")
    assert "TELEGRAM_API_BASE" not in found["bridge"].environ


def test_a_token_left_in_the_settings_never_reaches_a_bridge_of_the_sandbox(
    plan: Callable[..., Plan],
) -> None:
    given = {**REAL, "DATABASE_URL": "postgresql://u:p@db/real"}
    environ = members(plan(is_sandbox=True, **given))["bridge"].environ
    assert environ["BOT_TOKEN"] == ""
    assert environ["DATABASE_URL"] == ""


def test_no_secret_stands_in_a_command_or_in_anothers_environment(
    plan: Callable[..., Plan],
) -> None:
    secrets = {"PROMETHEUS_PASSWORD": "hush-hush", "WEBHOOK_TOKEN": "bearer-of-sixteen"}
    given = {**REAL, "PROMETHEUS_USER": "u", **secrets}
    for member in plan(is_sandbox=False, **given).list_members():
        for secret in (TOKEN, *secrets.values()):
            assert secret not in " ".join(member.command)
            assert member.name == "bridge" or secret not in str(member.environ)
        assert member.name == "bridge" or "AWS_SECRET" not in member.environ


def test_everything_listens_on_the_loopback(plan: Callable[..., Plan]) -> None:
    for member in plan().list_members():
        assert member.address == "" or member.address.startswith("127.0.0.1:")
    assert "--cluster.listen-address=" in members(plan())["alertmanager"].command


@pytest.mark.parametrize("part", ["prometheus", "alertmanager"])
def test_a_persons_own_program_is_used_and_none_is_started(
    plan: Callable[..., Plan], part: str
) -> None:
    setting = f"{part.upper()}_URL"
    made = plan(**{setting: "http://10.0.0.5:1234"})
    assert part not in members(made)
    assert part not in made.wishes.list_binaries()
    assert members(made)["bridge"].environ[setting] == "http://10.0.0.5:1234"
    assert made.generator_environ[setting] == "http://10.0.0.5:1234"


def test_a_moved_exporter_is_scraped_where_it_listens(plan: Callable[..., Plan]) -> None:
    assert "--move" not in plan().generator
    moved = plan(NODE_EXPORTER_PORT="9101")
    assert moved.generator[-2:] == ["--move", "127.0.0.1:9100=127.0.0.1:9101"]


def test_a_bridge_for_all_is_called_on_the_loopback(plan: Callable[..., Plan]) -> None:
    assert plan(SERVER_HOST="0.0.0.0").urls["SERVER_URL"] == "http://127.0.0.1:8002"
    assert plan(SERVER_URL="https://ops.example").urls["SERVER_URL"] == "https://ops.example"


def test_this_machine_has_its_agent_whatever_bytes_a_comment_has(
    plan: Callable[..., Plan], tmp_path: Path
) -> None:
    lines = "# Büro\nServer 127.0.0.1:9100\n"
    for encoding in ("utf-8", "utf-8-sig", "latin-1"):
        (tmp_path / "agents.txt").write_bytes(lines.encode(encoding))
        assert "agent" in members(plan()), encoding


def test_the_bridge_looks_for_this_machines_agent_where_it_listens(
    plan: Callable[..., Plan], tmp_path: Path
) -> None:
    (tmp_path / "agents.txt").write_text("Server 127.0.0.1:9100\n")
    for host, place in {
        "": "127.0.0.1:8001",
        "192.0.2.1": "192.0.2.1:8001",
        "[2001:db8::1]": "[2001:db8::1]:8001",
        "0.0.0.0": "127.0.0.1:8001",
    }.items():
        agent = members(plan(AGENT_HOST=host))["agent"]
        assert agent.command[-1] == place
        assert agent.environ["AGENT_HOST"] == host


def test_port_zero_asks_for_any_port(plan: Callable[..., Plan]) -> None:
    assert plan(SANDBOX_PORT="0").wishes.list_set_ports() == {}
    assert plan(SANDBOX_PORT="8099").wishes.list_set_ports() == {"SANDBOX_PORT": 8099}


def test_the_sandbox_keeps_its_history_where_it_is_told(
    plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    places = {"elsewhere/x": tmp_path / "elsewhere" / "x", "~/telegram": tmp_path / "home/telegram"}
    for given, place in places.items():
        found = members(plan(SANDBOX_STATE_DIR=given))
        assert found["sandbox"].environ["SANDBOX_STATE_DIR"] == str(place)
        assert found["bridge"].environ["BOT_TOKEN_FILE"] == str(place / "bot_token")
    default = members(plan(STATE_DIR="kept"))["sandbox"].environ["SANDBOX_STATE_DIR"]
    assert default == str(tmp_path / "kept" / "sandbox" / "telegram")


def test_no_letter_of_the_folders_path_is_a_pattern_to_a_program(plan: Callable[..., Plan]) -> None:
    for name in ("prometheus", "alertmanager"):
        assert f"--config.file={name}/{name}.local.yml" in members(plan())[name].command
