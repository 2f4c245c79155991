from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

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
        (["alertname=Watchdog", "severity=none"], "nobody"),
    ],
)
def test_every_alert_goes_to_the_chat_but_the_watchdog(
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
    assert receivers["nobody"].keys() == {"name"}
