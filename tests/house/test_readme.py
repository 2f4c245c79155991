"""What README says is what the project has; tests/docs holds the rest of the manual."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rules() -> list[str]:
    """Name every alert of the shipped rules."""
    return [
        rule["alert"]
        for path in sorted((ROOT / "prometheus" / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def test_every_alert_is_named() -> None:
    assert [name for name in rules() if f"`{name}`" not in README] == []


def test_readme_stays_short() -> None:
    assert len(README.splitlines()) < 300


@pytest.mark.parametrize(
    "room", re.findall(r"^\| `((?:bridge|sandbox|agent|deploy)[\w/.]*)`", README, re.MULTILINE)
)
def test_every_room_of_the_plan_exists(room: str) -> None:
    assert (ROOT / room).exists()


def test_no_address_of_a_registry_and_no_path_of_a_machine_is_written_down() -> None:
    forbidden = re.compile(r"index-url|(?:pypi|npmjs|debian)\.(?:org|com)/|/root/|/home/[a-z]+/\w")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    own = {"tests/house/test_readme.py", "deploy/requirements/README.md"}
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or name in own or not path.is_file() or path.suffix in {".png", ".ico"}:
            continue
        found = forbidden.findall(path.read_text(encoding="utf-8", errors="replace"))
        assert found == [], name
