"""What is generated, judged by Prometheus's and Alertmanager's own checkers."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from bridge.core.inventory import Inventory, InventoryError, parse_inventory
from bridge.core.monitoring import AGENT_FILES, parse_settings, render_targets, stretch_rules

ROOT = Path(__file__).resolve().parents[2]
INVENTORIES = 1000


def check_config(promtool: Path, config: Path) -> str:
    """Check a configuration and all it names; return the complaint, if any."""
    done = subprocess.run(
        [promtool, "check", "config", config],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_the_shipped_configuration_is_valid_as_it_stands(promtool: Path, tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "prometheus", tmp_path / "prometheus", ignore=shutil.ignore_patterns("data")
    )
    secret = tmp_path / "prometheus" / "secrets" / "webhook_token"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("made at the first start")
    agents = tmp_path / "state" / "agents"
    agents.mkdir(parents=True)
    for name in AGENT_FILES:
        (agents / name).write_text("made at the first start")
    assert check_config(promtool, tmp_path / "prometheus" / "prometheus.yml") == ""


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "SCRAPE_INTERVAL": "1m30s",
            "REPEAT_INTERVAL": "1d",
            "SERVER_URL": "https://bridge.example/opswire",
            "PROMETHEUS_URL": "http://[::1]:9090/prometheus",
            "ALERTMANAGER_URL": "http://[::1]:9093,https://am.example/a",
            "BLACKBOX_URL": "http://[::1]:9115",
        },
        {"SCRAPE_INTERVAL": "1s"},
        {"STATE_DIR": "/srv/ops wire's/{{x}}: #state"},
    ],
)
def test_whatever_the_settings_both_generations_accept_the_result(
    promtool: Path, amtool: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    agents = tmp_path / "agents.txt"
    agents.write_text("a 10.0.0.1:9100 10.0.0.1:8001 group=x\nb [2001:db8::1]:9100\n")
    options: list[str | Path] = ["--out", tmp_path, "--agents", agents]
    options += ["--promtool", promtool, "--amtool", amtool]
    done = subprocess.run(
        [sys.executable, ROOT / "gen_config.py", *options],
        env={"PATH": "", **settings},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "not here" not in done.stdout
    written = yaml.safe_load((tmp_path / "prometheus" / "prometheus.local.yml").read_text())
    state = (ROOT / settings.get("STATE_DIR", "state")).resolve()
    [agent] = [each for each in written["scrape_configs"] if each["job_name"] == "agent"]
    assert agent["scheme"] == "https"
    assert agent["tls_config"] == {
        "ca_file": f"{state}/agents/authority.pem",
        "cert_file": f"{state}/agents/prometheus.pem",
        "key_file": f"{state}/agents/prometheus.key",
    }
    assert agent["authorization"] == {"credentials_file": f"{state}/agents/metrics_token"}


def near_inventory(chance: random.Random) -> str:
    """Make an inventory that is nearly right: good words, now and then one of mischief."""
    names = [f"web-{n}" for n in range(8)] + ["A'b", "30", "{{x}}", '"', "prometheus", "ä", "\\"]
    hosts = ["10.0.0.{}", "[2001:db8::{}]", "h{}.example", "h_{}", "a'b", "${{x}}", "[::{}"]
    words = ["group=db", "os=windows", 'q="x"', "b=\\", "t={{x}}", "u=é", "n=$1", "y=yes", "__a=b"]
    lines = []
    for number in range(chance.randint(1, 3)):
        address = chance.choices(hosts, weights=[9, 9, 9, 9, 1, 1, 1])[0].format(number)
        line = [chance.choices(names, weights=[4] * 8 + [1] * 7)[0], f"{address}:9100"]
        if chance.random() < 1 / 3:
            line.append(f"{address}:8001")
        line += chance.sample(words, chance.randint(0, 2))
        lines.append(" ".join(line))
    return "\n".join(lines)


def accepted_inventories() -> list[Inventory]:
    chance = random.Random(20)  # noqa: S311 - the same mischief at every run
    accepted = []
    for _ in range(INVENTORIES):
        try:
            accepted.append(parse_inventory(near_inventory(chance)))
        except InventoryError:
            continue
    return accepted


def test_no_accepted_inventory_makes_a_file_that_prometheus_refuses(
    promtool: Path, tmp_path: Path
) -> None:
    """All lists of a thousand inventories are read by one run of promtool."""
    settings = parse_settings({})
    accepted = accepted_inventories()
    assert INVENTORIES / 4 < len(accepted) < INVENTORIES, "the fuzz has lost its aim"
    jobs = set()
    for number, inventory in enumerate(accepted):
        for path, text in render_targets(inventory, settings, moves=()).items():
            job = Path(path).stem
            jobs.add(job)
            (tmp_path / f"{job}-{number}.json").write_text(text)
    config = tmp_path / "prometheus.json"
    scrapes = [
        {"job_name": j, "file_sd_configs": [{"files": [f"{j}-*.json"]}]} for j in sorted(jobs)
    ]
    config.write_text(json.dumps({"scrape_configs": scrapes}))
    assert check_config(promtool, config) == ""


def test_that_check_would_notice_a_bad_list(promtool: Path, tmp_path: Path) -> None:
    (tmp_path / "node-1.json").write_text('[{"targets": ["x:1"], "labels": {"a-b\\n": 1}}]')
    config = tmp_path / "prometheus.json"
    scrapes = [{"job_name": "node", "file_sd_configs": [{"files": ["node-*.json"]}]}]
    config.write_text(json.dumps({"scrape_configs": scrapes}))
    assert check_config(promtool, config) != ""


@pytest.mark.parametrize(
    ("written", "interval", "stretched"),
    [
        ("rate(x[2m])", 15, "rate(x[2m])"),
        ("rate(x[1m])", 15, "rate(x[1m])"),
        ("rate(x[2m])", 5, "rate(x[2m])"),
        ("rate(x[2m])", 30, "rate(x[4m])"),
        ("rate(x[2m])", 60, "rate(x[8m])"),
        ("rate(x[1m])", 60, "rate(x[4m])"),
        ("rate(x[5m])", 60, "rate(x[8m])"),
        ("rate(x[6h])", 60, "rate(x[6h])"),
        ("max(x)[30d:5m]", 60, "max(x)[30d:5m]"),
        ("    for: 1m", 60, "    for: 2m"),
        ("    for: 0s", 60, "    for: 0s"),
        ("    for: 2m", 30, "    for: 2m"),
        ("    keep_firing_for: 2m", 60, "    keep_firing_for: 8m"),
        ("    summary: waits for: 1m", 60, "    summary: waits for: 1m"),
    ],
)
def test_a_window_holds_as_many_scrapes_when_they_are_rarer(
    written: str, interval: int, stretched: str
) -> None:
    assert stretch_rules(written, timedelta(seconds=interval)) == stretched
