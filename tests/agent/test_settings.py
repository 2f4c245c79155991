"""The agent's settings: what is accepted, and what is refused in which words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.settings import SETTINGS, Settings, SettingsError, parse_address, render_address
from bridge.settings import SETTINGS as BRIDGES


def faults(**environ: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ)
    return {fault.variable: str(fault) for fault in caught.value.faults}


def test_nothing_set_gives_the_defaults_of_the_contract() -> None:
    settings = Settings.load({})
    assert settings.agent_id is None
    assert (settings.agent_host, settings.agent_port) == ("127.0.0.1", 8001)
    assert settings.server_url is None
    assert settings.agent_state_dir == Path("/var/lib/opswire-agent")
    assert settings.agent_ceiling_file == Path("/etc/opswire/ceiling")
    assert settings.agent_job_user == "nobody"
    assert settings.notices == ()


def test_an_empty_value_is_not_set() -> None:
    assert Settings.load({setting.name: "  " for setting in SETTINGS}) == Settings.load({})


def test_all_wrong_values_are_named_at_once_each_with_what_would_be_right() -> None:
    wrong = faults(
        AGENT_ID="a b",
        AGENT_HOST="not a host",
        AGENT_PORT="http",
        SERVER_URL="ftp://x",
        AGENT_JOB_USER="root",
        LOG_LEVEL="LOUD",
    )
    assert sorted(wrong) == sorted(
        ["AGENT_ID", "AGENT_HOST", "AGENT_PORT", "SERVER_URL", "AGENT_JOB_USER", "LOG_LEVEL"]
    )
    assert all("(accepted: " in sentence for sentence in wrong.values())


@pytest.mark.parametrize("text", ["0", "65536", "-1", "80a", "٨٠", "8001.0"])
def test_a_port_is_a_port(text: str) -> None:
    assert list(faults(AGENT_PORT=text)) == ["AGENT_PORT"]


@pytest.mark.parametrize("text", ["7", "-x", "x" * 51, "a/b", "naïve", "a\n"])
def test_a_host_is_called_what_the_inventory_could_call_it(text: str) -> None:
    if text.strip() != text:
        assert Settings.load({"AGENT_ID": text}).agent_id == text.strip()
    else:
        assert list(faults(AGENT_ID=text)) == ["AGENT_ID"]


def test_no_job_ever_runs_as_root_whatever_root_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd  # noqa: PLC0415

    other = pwd.struct_passwd(("toor", "x", 0, 0, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: other)
    assert "no job ever runs as root" in faults(AGENT_JOB_USER="toor")["AGENT_JOB_USER"]


def test_a_user_that_is_not_there_is_a_fault_where_somebody_would_become_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert list(faults(AGENT_JOB_USER="nobody-like-that")) == ["AGENT_JOB_USER"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    settings = Settings.load({"AGENT_JOB_USER": "nobody-like-that"})
    assert settings.agent_job_user == "nobody-like-that"


def test_the_door_may_have_moved_and_plain_http_is_not_it() -> None:
    assert Settings.load({"SERVER_URL": "https://[2001:db8::1]:8003"}).server_url == (
        "[2001:db8::1]:8003"
    )
    settings = Settings.load({"SERVER_URL": "http://localhost:8002"})
    assert settings.server_url is None
    assert "SERVER_URL" in settings.notices[0]


@pytest.mark.parametrize("url", ["https://host", "https://u:p@host:1", "https://h:99999", "host:1"])
def test_a_door_is_an_address_with_its_port(url: str) -> None:
    assert list(faults(SERVER_URL=url)) == ["SERVER_URL"]


@given(st.sampled_from(["127.0.0.1", "::1", "web-1.example", "2001:db8::1"]), st.integers(1, 65535))
def test_an_address_is_read_as_it_was_written(host: str, port: int) -> None:
    assert parse_address(render_address(host, port)) == (host, port)


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "::1:80", "[::1]", "a b:1", "h:0"])
def test_what_is_no_address_is_a_fault(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_address(text)


def test_the_bridges_table_which_documents_them_says_the_same() -> None:
    documented = {setting.name: setting for setting in BRIDGES}
    for setting in SETTINGS:
        assert setting.name in documented
        if setting.name.startswith("AGENT_"):
            assert documented[setting.name].default == setting.default
            assert "agent" in documented[setting.name].readers
