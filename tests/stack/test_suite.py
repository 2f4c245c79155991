from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from deploy.stack import browser
from deploy.stack.suite import (
    PYTEST,
    STEPS,
    Step,
    count_outcomes,
    render_closing,
    run_step,
)
from tests.stack.listening import Listener

ROOT = Path(__file__).resolve().parents[2]


def exits(code: int, *, may_be_empty: bool = False) -> Step:
    command = (sys.executable, "-S", "-c", f"raise SystemExit({code})")
    return Step(name="a step", command=command, may_be_empty=may_be_empty)


# Lists every test of the project with its marks, in one collection.
COLLECT = """
import json, sys
import pytest

class Lister:
    def pytest_collection_modifyitems(self, items):
        listed = [(item.nodeid, [mark.name for mark in item.iter_markers()]) for item in items]
        print("LISTED", json.dumps(listed))

sys.exit(pytest.main(["-p", "no:cacheprovider", "--collect-only", "-qq"], plugins=[Lister()]))
"""


def is_chosen(step: Step, test: str, marks: set[str]) -> bool:
    """Say whether a step's words choose a test, as pytest reads them."""
    words = step.command[len(PYTEST) :]
    folders = tuple(f"{word}/" for word in words if word.startswith("tests/"))
    ignored = tuple(f"{word[9:]}/" for word in words if word.startswith("--ignore="))
    expression = Expression.compile(words[words.index("-m") + 1])

    def has(name: str, /, **_: str | int | bool | None) -> bool:
        return name in marks

    return (
        (not folders or test.startswith(folders))
        and not (ignored and test.startswith(ignored))
        and expression.evaluate(has)
    )


def test_cheap_steps_come_before_dear_ones() -> None:
    names = [step.name for step in STEPS]
    assert names[:5] == ["format", "lint", "types", "house", "units"]
    assert names[-1] == "secrets"


def test_every_test_is_run_by_exactly_one_step() -> None:
    command = [sys.executable, "-c", COLLECT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    [listed] = [line for line in done.stdout.splitlines() if line.startswith("LISTED ")]
    tests = json.loads(listed.removeprefix("LISTED "))
    assert len(tests) > 100
    steps = [step for step in STEPS if step.is_pytest]
    chosen = {
        test: [step.name for step in steps if is_chosen(step, test, set(marks))]
        for test, marks in tests
    }
    assert {test: names for test, names in chosen.items() if len(names) != 1} == {}
    # Each step whose tests exist gets some: an expression that chooses nothing would hide here.
    counts = Counter(names[0] for names in chosen.values())
    assert all(counts[name] for name in ("house", "units", "browser", "rules", "live"))


def test_a_failing_step_says_so_with_its_time(listener: Listener, tmp_path: Path) -> None:
    assert run_step(exits(1), tmp_path, {}, listener.voice) == 1
    assert "a step failed after" in listener.text


def test_only_a_step_that_may_be_empty_passes_without_tests(
    listener: Listener, tmp_path: Path
) -> None:
    assert run_step(exits(5), tmp_path, {}, listener.voice) == 5
    assert run_step(exits(5, may_be_empty=True), tmp_path, {}, listener.voice) == 0


def test_the_suite_closes_as_pytest_does(listener: Listener, tmp_path: Path) -> None:
    (tmp_path / "test_few.py").write_text(
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): assert False\n"
        "def test_c(): pytest.skip('no')\n"
        "@pytest.fixture\ndef broken(): raise OSError\n"
        "def test_d(broken): pass\n"
    )
    step = Step(name="few", command=(*PYTEST, "-p", "no:cacheprovider", "test_few.py"))
    assert run_step(step, tmp_path, dict(os.environ), listener.voice) == 1
    counts = count_outcomes(tmp_path / ".runtime" / "tests" / "few.xml")
    closing = render_closing(counts, 1.5)
    assert closing.strip("=") == " 1 failed, 1 passed, 1 skipped, 1 errors in 1.50s "
    assert closing.startswith("=====")
    assert len(closing) == 80


def test_a_step_without_a_report_counts_nothing(tmp_path: Path) -> None:
    assert count_outcomes(tmp_path / "none.xml") == Counter()
    (tmp_path / "half.xml").write_text("<testsuites><testsuite")
    assert count_outcomes(tmp_path / "half.xml") == Counter()
    assert "no tests ran" in render_closing(Counter(), 0)


@pytest.fixture
def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Callable[[], list[str]]]:
    """A machine without a browser, whose apt-get does what it is told."""
    place = tmp_path / "bin"
    place.mkdir()
    for tool in ("sh", "touch", "chmod", "echo"):
        (place / tool).symlink_to(shutil.which(tool) or tool)
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setenv("BIN", str(place))
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def put(script: str) -> Callable[[], list[str]]:
        apt = place / "apt-get"
        apt.write_text(f'#!/bin/sh\necho "$*" >>"$BIN/asked"\n{script}\n')
        apt.chmod(0o755)
        return lambda: (place / "asked").read_text().splitlines()

    return put


BRINGS = 'touch "$BIN/chromium"; chmod 755 "$BIN/chromium"'
INSTALL = "install -y -qq --no-install-recommends chromium"


def test_a_browser_is_installed_without_its_recommendations(
    machine: Callable[[str], Callable[[], list[str]]], listener: Listener
) -> None:
    asked = machine(BRINGS)
    assert browser.prepare_browser(listener.voice) == ""
    assert asked() == [INSTALL]


def test_old_package_lists_are_fetched_before_a_second_try(
    machine: Callable[[str], Callable[[], list[str]]], listener: Listener
) -> None:
    asked = machine(
        f'[ "$1" = update ] && touch "$BIN/lists"; [ -e "$BIN/lists" ] && {{ {BRINGS}; }}'
    )
    assert browser.prepare_browser(listener.voice) == ""
    assert asked() == [INSTALL, "update -qq", INSTALL]


def test_a_browser_that_cannot_be_had_is_a_reason(
    machine: Callable[[str], Callable[[], list[str]]],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine("echo 'E: no route to the archive' >&2; exit 100")
    assert "(no route to the archive)" in browser.prepare_browser(listener.voice)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "as root: apt-get install chromium" in browser.prepare_browser(listener.voice)
