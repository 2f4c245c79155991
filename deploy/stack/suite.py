"""Run the whole test suite, cheap steps first, and stop at the first that fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.stack.binaries import GENERATIONS, PROGRAMS, ProgramMissing, gather_generation
from deploy.stack.browser import prepare_browser
from deploy.stack.folder import StackFault
from deploy.stack.voice import BAD, GOOD, QUIET, Voice

PYTEST = (sys.executable, "-m", "pytest", "-q")
# Every test belongs to exactly one step; tests/stack/test_suite.py counts them.
NOT_MARKED = "not live and not browser and not chaos"
# pytest's own code for "nothing was collected".
NO_TESTS = 5
REPORTS = Path(".runtime/tests")
# What pytest's closing line calls what its report counts.
OUTCOMES = {"failures": "failed", "passed": "passed", "skipped": "skipped", "errors": "errors"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One part of the suite."""

    name: str
    command: tuple[str, ...]
    may_be_empty: bool = False
    """Whether a step without any test passes: parts of the house are built one after the other."""

    @property
    def is_pytest(self) -> bool:
        """Whether pytest runs it, and can count."""
        return self.command[: len(PYTEST)] == PYTEST


STEPS = (
    Step(name="format", command=(sys.executable, "-m", "ruff", "format", "--check", ".")),
    Step(name="lint", command=(sys.executable, "-m", "ruff", "check", ".")),
    Step(name="types", command=(sys.executable, "-m", "mypy")),
    Step(name="house", command=(*PYTEST, "tests/house", "-m", NOT_MARKED)),
    Step(
        name="units",
        command=(
            *PYTEST,
            *("-n", "2", "-m", NOT_MARKED),
            *("--ignore=tests/house", "--ignore=tests/rules"),
        ),
    ),
    Step(
        name="browser",
        command=(*PYTEST, "-m", "browser and not live and not chaos"),
        may_be_empty=True,
    ),
    Step(name="rules", command=(*PYTEST, "tests/rules", "-m", NOT_MARKED), may_be_empty=True),
    Step(
        name="live",
        # Most of the time they wait for real programs; those of a file share what they run.
        command=(*PYTEST, "-n", "2", "--dist", "loadfile", "-m", "live and not chaos"),
        may_be_empty=True,
    ),
    Step(name="chaos", command=(*PYTEST, "-m", "chaos"), may_be_empty=True),
    Step(name="secrets", command=(sys.executable, "-m", "deploy.stack.secret_scan")),
)


def run_suite(root: Path, voice: Voice, passed: Sequence[str]) -> int:
    """Run every step, or pytest alone when words are passed to it."""
    prepare_programs(root, voice)
    environ = {
        **os.environ,
        "PYTHONPATH": str(root),
        # The browser is the machine's; none is ever downloaded.
        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
    }
    if passed:
        return subprocess.run([*PYTEST, *passed], cwd=root, env=environ, check=False).returncode
    began = time.monotonic()
    counts: Counter[str] = Counter()
    for step in STEPS:
        if step.name == "browser" and (reason := prepare_browser(voice)):
            voice.mark(QUIET, f"browser   skipped: {reason}")
            continue
        code = run_step(step, root, environ, voice)
        counts += count_outcomes(root / REPORTS / f"{step.name}.xml")
        if code:
            # A step that counts nothing failed as a whole.
            counts["failures"] += not (counts["failures"] or counts["errors"])
            voice.say(render_closing(counts, time.monotonic() - began))
            return code
    voice.say(render_closing(counts, time.monotonic() - began))
    return 0


def run_step(step: Step, root: Path, environ: dict[str, str], voice: Voice) -> int:
    """Run one step and say how long it took."""
    voice.say(f"== {step.name}")
    report = root / REPORTS / f"{step.name}.xml"
    report.unlink(missing_ok=True)
    command = (*step.command, f"--junitxml={report}") if step.is_pytest else step.command
    began = time.monotonic()
    code = subprocess.run(command, cwd=root, env=environ, check=False).returncode
    spent = f"{time.monotonic() - began:.1f} s"
    if code == NO_TESTS and step.may_be_empty:
        code = 0
    if code:
        voice.mark(BAD, f"{step.name} failed after {spent}; what follows was not run")
    else:
        voice.mark(GOOD, f"{step.name:<10}{spent}")
    return code


def count_outcomes(report: Path) -> Counter[str]:
    """Count what pytest reported; nothing when there is no report."""
    try:
        suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314  our own pytest's file
    except (OSError, ET.ParseError):
        return Counter()
    counts: Counter[str] = Counter()
    for suite in suites:
        found = {name: int(suite.get(name, 0)) for name in ("failures", "errors", "skipped")}
        counts.update(found, passed=int(suite.get("tests", 0)) - sum(found.values()))
    return counts


def render_closing(counts: Counter[str], seconds: float) -> str:
    """Write the last line as pytest does."""
    parts = [f"{counts[key]} {word}" for key, word in OUTCOMES.items() if counts[key]]
    return f" {', '.join(parts) or 'no tests ran'} in {seconds:.2f}s ".center(80, "=")


def prepare_programs(root: Path, voice: Voice) -> None:
    """Fetch the programs of both generations; without the newer one its tests skip."""
    for generation in GENERATIONS:
        try:
            gather_generation(tuple(PROGRAMS), generation=generation, root=root, say=voice.say)
        except ProgramMissing as missing:
            if generation == "stable":
                raise StackFault(str(missing)) from None
            voice.mark(QUIET, f"tests with the newer programs are skipped: {missing}")
