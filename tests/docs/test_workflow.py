"""What runs for every change elsewhere is what the project says it is, and cannot be swapped."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.programs import ROOT

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def find_unpinned(steps: list[dict[str, Any]]) -> list[str]:
    """Name the actions that somebody else could change after we have looked at them."""
    used = [str(step["uses"]) for step in steps if "uses" in step]
    return [each for each in used if not re.search(r"@[0-9a-f]{40}$", each)]


def test_every_action_is_pinned_by_its_commit() -> None:
    assert find_unpinned(STEPS) == []
    assert find_unpinned([{"uses": "actions/checkout@v5"}, {"run": "true"}]) != []


@pytest.mark.parametrize(
    "command", [r"\.ci/run", r"docker build", r"pip-audit --require-hashes", r"secret_scan"]
)
def test_it_runs(command: str) -> None:
    assert any(re.search(command, str(step.get("run", ""))) for step in STEPS)


def test_it_may_only_read() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in WORKFLOW["jobs"].values())


def test_every_job_ends_by_itself() -> None:
    assert all("timeout-minutes" in job for job in WORKFLOW["jobs"].values())


def test_each_list_of_dependencies_is_looked_through() -> None:
    [audit] = [str(step["run"]) for step in STEPS if "pip-audit --" in str(step.get("run", ""))]
    lists = {path.stem for path in (ROOT / "deploy" / "requirements").glob("*.txt")} - {"uv"}
    assert all(re.search(rf"\b{each}\b", audit) for each in lists)
