from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from bridge.core.inventory import parse_inventory
from bridge.core.monitoring import SHIPPED as SHIPPED_FILES
from bridge.core.monitoring import parse_settings, render_files
from bridge.settings import Settings
from bridge.settings.accepted import parse_watchdog

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "alertmanager" / "alertmanager.yml"


def test_the_shipped_configuration_is_valid(amtool: Path) -> None:
    done = subprocess.run(
        [amtool, "check-config", SHIPPED], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=AgentDown", "severity=critical", "host=web-1"], "chat"),
        (["alertname=Anything"], "chat"),
        (["alertname=Watchdog", "severity=none"], "watchdog"),
        (["alertname=Watchdog", "severity=none", "host=web-1", "site=north"], "watchdog"),
    ],
)
def test_every_alert_goes_to_the_chat_but_the_watchdog_which_goes_to_the_bridge_alone(
    amtool: Path, labels: list[str], receiver: str
) -> None:
    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={SHIPPED}", *labels],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == receiver


def test_one_host_is_one_group_with_the_agreed_times() -> None:
    route = yaml.safe_load(SHIPPED.read_text())["route"]
    assert route["group_by"] == ["host"]
    assert [route[key] for key in ("group_wait", "group_interval", "repeat_interval")] == [
        "10s",
        "30s",
        "1h",
    ]


def test_the_bridge_gets_everything_with_a_token_from_a_file() -> None:
    receivers = {each["name"]: each for each in yaml.safe_load(SHIPPED.read_text())["receivers"]}
    webhook = receivers["chat"]["webhook_configs"][0]
    assert webhook["send_resolved"] is True
    assert webhook["http_config"]["authorization"]["credentials_file"] == "secrets/webhook_token"
    # An average alert of thirty kilobytes still fits what the bridge takes.
    assert webhook["max_alerts"] * 30 * 1024 < 32 * 1024 * 1024


def test_the_watchdog_reaches_the_bridge_every_minute_whatever_the_settings() -> None:
    """Alertmanager repeats at the first multiple of group_interval beyond repeat_interval."""
    shipped = {path: (ROOT / path).read_text() for path in SHIPPED_FILES}
    for settings in ({}, {"REPEAT_INTERVAL": "12h", "SERVER_URL": "https://bridge.example/ops"}):
        made = render_files(
            shipped,
            parse_inventory("Server 127.0.0.1:9100"),
            parse_settings(settings),
        )["alertmanager/alertmanager.local.yml"]
        written = yaml.safe_load(made)
        [route] = written["route"]["routes"]
        times = [route[key] for key in ("group_wait", "group_interval", "repeat_interval")]
        assert times == ["0s", "30s", "50s"]
        receivers = {each["name"]: each for each in written["receivers"]}
        [webhook] = receivers["watchdog"]["webhook_configs"]
        chat = receivers["chat"]["webhook_configs"][0]
        assert {**webhook, "send_resolved": True} == chat, "the same address and token"
        assert webhook["send_resolved"] is False
        assert webhook["url"] == f"{parse_settings(settings).server.url}/alerts"


def test_twice_the_repetition_of_the_watchdog_fits_the_shortest_patience() -> None:
    minute = timedelta(minutes=1)
    assert parse_watchdog("2m") >= 2 * minute
    assert Settings.load({}).watchdog_patience >= 4 * minute
