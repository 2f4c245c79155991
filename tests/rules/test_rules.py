from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.core.monitoring import stretch_rules
from deploy.stack.binaries import locate

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "prometheus" / "rules"
TESTS = sorted(Path(__file__).parent.glob("*.test.yml"))


def run_promtool(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [promtool, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def copy_with(folder: Path, test: str, file: str, right: str, wrong: str) -> Path:
    """Copy the rules and one test of theirs, with one thing changed in the rules."""
    shutil.copytree(RULES, folder / "prometheus" / "rules")
    changed = folder / "prometheus" / "rules" / file
    text = changed.read_text()
    assert right in text
    changed.write_text(text.replace(right, wrong))
    copied = folder / "tests" / "rules" / test
    copied.parent.mkdir(parents=True)
    shutil.copy(Path(__file__).parent / test, copied)
    return copied


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name.removesuffix(".test.yml"))
def test_each_alert_speaks_and_is_quiet_when_it_should(promtool: Path, test: Path) -> None:
    done = run_promtool(promtool, "test", "rules", test)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_without_fault(promtool: Path) -> None:
    done = run_promtool(promtool, "check", "rules", *sorted(RULES.glob("*.yml")))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("test", "file", "right", "wrong"),
    [
        (
            "dying_host.test.yml",
            "alerts.yml",
            "host:memory_used_percent:held",
            "host:memory_used_percent",
        ),
        ("dying_host.test.yml", "hosts.yml", ' and on (host) up{job="node"} == 0', ""),
        ("dying_host.test.yml", "alerts.yml", "keep_firing_for: 2m", "keep_firing_for: 1s"),
        ("reachability.test.yml", "alerts.yml", "for: 1m", "for: 2m"),
        ("reachability.test.yml", "alerts.yml", "node|agent|icmp", "node|agent"),
        ("resources.test.yml", "hosts.yml", "expr: 80 *", "expr: 79 *"),
        ("resources.test.yml", "hosts.yml", "expr: 85 *", "expr: 84 *"),
        ("resources.test.yml", "hosts.yml", "expr: 90 *", "expr: 89 *"),
        ("resources.test.yml", "hosts.yml", "expr: 0.8 *", "expr: 0.7 *"),
        ("resources.test.yml", "hosts.yml", "/ host:cpu_cores:count", "/ 1"),
        ("resources.test.yml", "hosts.yml", "idle|iowait", "idle"),
        ("resources.test.yml", "hosts.yml", "            0.01)", "            0.00000000000001)"),
        ("resources.test.yml", "alerts.yml", "> 95", "> 94"),
        ("resources.test.yml", "alerts.yml", "> 500", "> 300"),
        ("normalised.test.yml", "hosts.yml", "+ node_filesystem_avail_bytes", ""),
        ("presence.test.yml", "availability.yml", "== last_over_time(host:up:state[1h])", ""),
        ("presence.test.yml", "availability.yml", "(host:up:since[1h])", "(host:up:since[5m])"),
        (
            "availability.test.yml",
            "availability.yml",
            "(host:up:avg1h[30d])",
            "(host:up:avg1h[7d])",
        ),
        ("availability.test.yml", "availability.yml", "sum by (host) (sum_", "max by (host) (sum_"),
        ("logins.test.yml", "alerts.yml", "> 100", "> 99"),
        ("logins.test.yml", "alerts.yml", '{kind="failure"}', ""),
        ("logins.test.yml", "alerts.yml", '"exported_host", "(.+)"', '"host", "(.+)"'),
    ],
)
def test_a_rule_that_is_wrong_fails_its_test(
    tmp_path: Path, test: str, file: str, right: str, wrong: str
) -> None:
    promtool = locate("promtool", generation="stable", root=ROOT)
    changed = copy_with(tmp_path, test, file, right, wrong)
    assert run_promtool(promtool, "test", "rules", changed).returncode != 0


def test_a_dying_host_is_not_reported_as_well_when_scrapes_are_rare(
    promtool: Path, tmp_path: Path
) -> None:
    """The stretched rules pass the same test with the same number of scrapes, a minute apart."""
    copied = copy_with(tmp_path, "dying_host.test.yml", "alerts.yml", "for: 1m", "for: 1m")
    for file in (tmp_path / "prometheus" / "rules").iterdir():
        file.write_text(stretch_rules(file.read_text(), timedelta(minutes=1)))
    test = yaml.safe_load(copied.read_text())
    test["evaluation_interval"] = "1m"
    case = test["tests"][0]
    test["tests"] = [case]
    del case["alert_rule_test"]
    case["interval"] = "1m"
    # The host dies at 21m and is back at 61m. AgentDown waits two scrapes, from 21m to 23m.
    minutes = ["20m", "22m", "22m", "23m", "26m", "60m", "63m", "80m"]
    for sample, minute in zip(case["promql_expr_test"], minutes, strict=True):
        sample["eval_time"] = minute
    copied.write_text(yaml.safe_dump(test))
    done = run_promtool(promtool, "test", "rules", copied)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_the_eight_alerts_and_the_watchdog() -> None:
    assert sorted(str(rule["alert"]) for rule in alerts()) == [
        "AgentDown",
        "AgentHighCPU",
        "AgentHighDisk",
        "AgentHighMemory",
        "HighLoad",
        "HighMemoryUsage",
        "LoginGuessing",
        "ServiceDown",
        "Watchdog",
    ]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_says_how_bad_it_is_and_has_its_page(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
    assert rule["labels"]["scope"] in {"host", "service", "pipeline"}
    assert {"summary", "description"} <= rule["annotations"].keys()
    page = ROOT / rule["annotations"]["runbook"]
    assert page.stem == rule["alert"]
    for heading in ("What it means", "Look first", "Mend", "Silence"):
        assert f"## {heading}\n" in page.read_text()


@pytest.mark.parametrize(
    "rule", [rule for rule in alerts() if "resource" in rule["labels"]], ids=lambda r: r["alert"]
)
def test_every_resource_alert_outlives_the_wait_for_agent_down(rule: dict[str, Any]) -> None:
    assert rule["keep_firing_for"] in {"2m", "5m"}
    assert rule["labels"]["feed"] == "node"


def test_every_page_belongs_to_an_alert() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README"}
    assert pages == {rule["alert"] for rule in alerts()}
