"""Every command of the manual is tried, or says what it needs; ours are understood in any case."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.console.words import parse_words
from deploy.stack import cli
from deploy.stack.trial import SEVERITIES
from tests.docs import checks, project
from tests.docs.tried import HERE, NEEDED, NEEDS, TRIED
from tests.programs import ROOT, program

PAGES = project.read_pages()
COMMANDS = sorted(
    {line for page in PAGES.values() for block in page.blocks for line in block.commands}
)
CONSOLE = re.compile(r"(?:-m bridge|start\.sh(?: --\w+)* console) ")
TYPED_HERE = [
    line
    for line in COMMANDS
    if any(by == HERE and re.fullmatch(pattern, line) for pattern, by in TRIED.items())
]


def test_every_command_is_tried_or_says_what_it_needs() -> None:
    assert list(checks.find_untried(PAGES, TRIED, NEEDED)) == []


def test_what_a_block_needs_is_something_that_is_known() -> None:
    assert set(NEEDED.values()) <= NEEDS
    assert list(checks.find_wrong_marks(PAGES, NEEDS)) == []


@pytest.mark.parametrize("by", sorted(set(TRIED.values())))
def test_what_tries_a_command_is_a_test(by: str) -> None:
    name, _, function = by.partition("::")
    assert f"def {function}(" in (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("line", [each for each in COMMANDS if each.startswith("./start.sh")])
def test_start_sh_understands_what_the_manual_says(line: str) -> None:
    wish = cli.parse(shlex.split(line)[1:])
    assert getattr(wish, "severity", SEVERITIES[0]) in SEVERITIES


@pytest.mark.parametrize("line", [each for each in COMMANDS if CONSOLE.search(each)])
def test_the_console_understands_what_the_manual_says(line: str) -> None:
    words = shlex.split(CONSOLE.split(line)[1])
    if words != ["--version"]:
        assert parse_words(words).deed in project.name_deeds()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project as a clone would have it, with what its first start has made."""
    folder = tmp_path_factory.mktemp("manual") / "opswire"
    for name in project.list_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    # Not a link: Python finds its packages beside the program that a link leads to.
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return folder


@pytest.mark.parametrize("line", TYPED_HERE)
def test_a_command_of_the_manual_works_as_it_is_written(line: str, clone: Path) -> None:
    tools = clone / ".tools"
    if line.startswith("promtool"):
        tools.mkdir(exist_ok=True)
        try:
            (tools / "promtool").symlink_to(program("promtool", "stable"))
        except Exception as missing:  # noqa: BLE001 - whatever keeps a machine from having it
            pytest.skip(f"no promtool: {missing}")
    if line.startswith("chmod"):
        shutil.copy(clone / ".env.example", clone / ".env")
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=clone,
        env={"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(clone), "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
