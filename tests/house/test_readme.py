"""What README says is what the project has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from bridge.console.perform import CLOSED_DEEDS, DEEDS
from bridge.metrics import Metrics
from deploy.stack.cli import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    if (ROOT / name).exists()
)


def rules() -> dict[str, str]:
    """Read every alert and its severity from the shipped rules."""
    return {
        rule["alert"]: rule["labels"]["severity"]
        for path in sorted((ROOT / "prometheus" / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def test_every_word_of_start_sh_is_in_the_table_and_no_other() -> None:
    told = {
        word for word in re.findall(r"^\| `\./start\.sh ?([a-z-]*)", README, re.MULTILINE) if word
    }
    assert told == set(COMMANDS) - {"run"}


def test_every_word_of_the_console_is_in_the_table_and_no_other() -> None:
    rows = re.findall(
        r"^\| (`(?:people|chats|audit|enrol|backup|restore|database) .*?`) \| ",
        README,
        re.MULTILINE,
    )
    told = {word for row in rows for word in re.findall(r"`(\w+(?: [a-z][\w-]*)?)", row)}
    assert told == {*DEEDS, *CLOSED_DEEDS}


def test_every_alert_is_told_with_its_severity_and_has_a_runbook() -> None:
    told = dict(
        re.findall(r"^\| \[`(\w+)`\]\(docs/runbooks/\1\.md\) \| (\w+) \|", README, re.MULTILINE)
    )
    assert told == rules()
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} == set(told)


def test_every_metric_is_told() -> None:
    exported = re.findall(r"^# HELP (\w+)", Metrics("0").render().decode(), re.MULTILINE)
    told = re.findall(r"^\| `(opswire_\w+)` \|", README, re.MULTILINE)
    # What a process says of itself has the same names everywhere.
    own = [name for name in exported if name.startswith("opswire_")]
    assert len(exported) > len(own) > 0
    assert sorted(told) == sorted(name for name in own if not name.endswith("_created"))


def test_readme_stays_short() -> None:
    assert len(README.splitlines()) < 350


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), target


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
