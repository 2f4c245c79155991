from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.settings import SETTINGS
from deploy.installing import env_files
from tests.deploy.scratch import ROOT

EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
MONITORING = (ROOT / "deploy/systemd/monitoring.env").read_text(encoding="utf-8")
KNOWN = env_files.read_names(EXAMPLE)
LAID = {
    "bridge.env": env_files.render_bridge(EXAMPLE),
    "agent.env": env_files.render_agent(EXAMPLE),
    "monitoring.env": MONITORING,
}


def turn_on(text: str) -> str:
    """Take the mark of a comment from every setting."""
    return re.sub(r"(?m)^#([A-Z][A-Z0-9_]*=)", r"\1", text)


@pytest.mark.parametrize("name", LAID)
def test_a_file_that_is_laid_names_only_settings_that_there_are(name: str) -> None:
    known = {setting.name for setting in SETTINGS}
    assert set(env_files.parse(turn_on(LAID[name]))) <= known
    assert env_files.find_faults(name, LAID[name], known) == []


def test_every_setting_of_the_bridge_stands_in_one_of_the_files() -> None:
    named = set(env_files.parse(turn_on(LAID["bridge.env"] + MONITORING)))
    for setting in SETTINGS:
        if "bridge" not in setting.readers or setting.name in {"STATE_DIR", "AGENTS_FILE"}:
            continue
        if setting.secret:
            assert f"/etc/opswire/secrets/{setting.field}\n" in LAID["bridge.env"]
            assert setting.name not in named
        else:
            assert setting.name in named, setting.name


def test_the_ports_and_their_addresses_agree() -> None:
    values = env_files.parse(MONITORING)
    defaults = {setting.name: setting.default for setting in SETTINGS}
    assert values == {name: defaults[name] for name in values}
    assert values["PROMETHEUS_URL"].endswith(f":{values['PROMETHEUS_PORT']}")


def test_the_agents_file_has_all_that_its_unit_does_not_set() -> None:
    named = set(env_files.parse(turn_on(LAID["agent.env"])))
    agents = {s.name for s in SETTINGS if s.readers == ("agent",)}
    assert named == agents - env_files.FIXED


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("LOG_LEVEL", "is no NAME=value"),
        ("export LOG_LEVEL=INFO", "is no NAME=value"),
        ('LOG_LEVEL="INFO', "begins a quote in LOG_LEVEL that does not end"),
        ("LOG_LEVEL='", "begins a quote in LOG_LEVEL that does not end"),
        ("LOG_LEVEL=INFO\\", "ends LOG_LEVEL with a backslash"),
        ("LOG_LEVL=INFO", "sets LOG_LEVL, which is no setting; did you mean LOG_LEVEL?"),
        ("PROMETHEUS_PORT=", "gives PROMETHEUS_PORT no value"),
        ("PROMETHEUS_PORT=''", "gives PROMETHEUS_PORT no value"),
        ("<<<<<<< HEAD", "is no NAME=value"),
        ("AGENT_HOST=2001:db8::1", "needs brackets around the address of AGENT_HOST"),
    ],
)
def test_a_line_that_systemd_would_pass_over_is_named(line: str, fault: str) -> None:
    found = env_files.find_faults("x.env", f"# first\n{line}\n", KNOWN)
    assert len(found) == 1
    assert found[0].startswith(f"x.env: line 2 {fault}")


@pytest.mark.parametrize(
    "line",
    [
        "LOG_LEVEL=INFO",
        "  LOG_LEVEL = 'INFO'",
        "BOT_TOKEN_FILE=/somewhere",
        "TEMPLATES_DIR=",
        "AGENT_HOST='[2001:db8::1]'",
        "; a comment of systemd",
        "TZ=Europe/Berlin",
    ],
)
def test_what_systemd_understands_has_no_fault(line: str) -> None:
    assert env_files.find_faults("x.env", f"{line}\n", KNOWN) == []


@given(st.text())
def test_no_value_is_ever_shown(value: str) -> None:
    secret = "S3CR3T-TOKEN"
    for line in (f"BOT_TOKEN={value}{secret}", f"{value} {secret}", f'BOT_TOKEN="{secret}'):
        for fault in env_files.find_faults("x.env", line, KNOWN):
            assert secret not in fault or f"sets {secret}" in fault
