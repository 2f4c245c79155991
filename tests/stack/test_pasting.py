from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.settings import Settings
from deploy.stack.pasting import render_lines_to_paste
from deploy.stack.plan import Plan, Wishes

PROMETHEUS = {"PROMETHEUS_URL": "http://10.0.0.5:9090"}
ALERTMANAGER = {"ALERTMANAGER_URL": "http://10.0.0.5:9093"}


def parse(plan: Plan, *, begin: str) -> Any:
    """Read what a person would paste: from its first key to the next empty line."""
    lines = render_lines_to_paste(plan).splitlines()
    rest = lines[lines.index(f"    {begin}:") :]
    return yaml.safe_load("\n".join(line for line in rest if line.startswith("    ")))


@pytest.fixture
def odd() -> Callable[..., Plan]:
    """A plan in a folder with letters that YAML gives a meaning."""

    def create(**given: str) -> Plan:
        root = Path("/home/a: b, [c] #d 'e' \"f\" ünï")
        wishes = Wishes(root=root, settings=Settings.load(given), given=given, is_sandbox=True)
        ports = {port.program: port.default for port in wishes.list_ports()}
        return Plan(wishes=wishes, ports=ports, binaries={}, environ={})

    return create


def test_nothing_is_to_be_pasted_when_both_are_ours(odd: Callable[..., Plan]) -> None:
    assert render_lines_to_paste(odd()) == ""


def test_a_persons_own_prometheus_gets_rules_targets_and_our_alertmanager(
    odd: Callable[..., Plan],
) -> None:
    made = odd(**PROMETHEUS)
    place = made.wishes.root / "prometheus"
    found = parse(made, begin="rule_files")
    # The rules as they are for this scrape interval, not as they are shipped.
    assert found["rule_files"] == [f"{place}/rules.local/*.yml"]
    jobs = {job["job_name"]: job for job in found["scrape_configs"]}
    assert jobs["node"]["file_sd_configs"] == [{"files": [f"{place}/targets/node.json"]}]
    token = jobs["bridge"]["authorization"]["credentials_file"]
    assert token == f"{place}/secrets/webhook_token"
    [alerting] = found["alerting"]["alertmanagers"]
    assert alerting["file_sd_configs"] == [{"files": [f"{place}/targets/alertmanagers.json"]}]


def test_who_has_both_connects_them_already(odd: Callable[..., Plan]) -> None:
    assert "alerting" not in render_lines_to_paste(odd(**PROMETHEUS, **ALERTMANAGER))


def test_a_persons_own_alertmanager_sends_to_the_bridge_with_its_token(
    odd: Callable[..., Plan],
) -> None:
    made = odd(**ALERTMANAGER)
    found = parse(made, begin="route")
    [quiet, ours] = found["receivers"]
    assert found["route"]["receiver"] == ours["name"]
    assert found["route"]["routes"][0]["receiver"] == quiet["name"]
    [webhook] = ours["webhook_configs"]
    assert webhook["url"] == "http://127.0.0.1:8002/alerts"
    token = webhook["http_config"]["authorization"]["credentials_file"]
    assert token == f"{made.wishes.root}/alertmanager/secrets/webhook_token"
