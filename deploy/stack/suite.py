"""Run the whole test suite, cheap steps first, and stop at the first that fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.stack.binaries import GENERATIONS, PROGRAMS, ProgramMissing, locate
from deploy.stack.folder import StackFault
from deploy.stack.voice import BAD, GOOD, QUIET, Voice

PYTEST = (sys.executable, "-m", "pytest", "-q")
NOT_MARKED = "not live and not browser and not chaos"
# pytest's own code for "nothing was collected".
NO_TESTS = 5
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One part of the suite."""

    name: str
    command: tuple[str, ...]
    may_be_empty: bool = False
    """Whether a step without any test passes: parts of the house are built one after the other."""


STEPS = (
    Step(name="format", command=(sys.executable, "-m", "ruff", "format", "--check", ".")),
    Step(name="lint", command=(sys.executable, "-m", "ruff", "check", ".")),
    Step(name="types", command=(sys.executable, "-m", "mypy")),
    Step(name="house", command=(*PYTEST, "tests/house")),
    Step(
        name="units",
        command=(
            *PYTEST,
            *("-n", "2", "-m", NOT_MARKED),
            *("--ignore=tests/house", "--ignore=tests/rules", "--ignore=tests/live"),
        ),
    ),
    Step(name="browser", command=(*PYTEST, "-m", "browser"), may_be_empty=True),
    Step(name="rules", command=(*PYTEST, "tests/rules"), may_be_empty=True),
    Step(name="live", command=(*PYTEST, "-m", "live"), may_be_empty=True),
    Step(name="secrets", command=(sys.executable, "-m", "deploy.stack.secret_scan")),
)


def run_suite(root: Path, voice: Voice, passed: Sequence[str]) -> int:
    """Run every step, or pytest alone when words are passed to it."""
    prepare_programs(root, voice)
    environ = {**os.environ, "PYTHONPATH": str(root)}
    if passed:
        return subprocess.run([*PYTEST, *passed], cwd=root, env=environ, check=False).returncode
    began = time.monotonic()
    for step in STEPS:
        if step.name == "browser" and not prepare_browser(voice):
            voice.mark(QUIET, "browser   skipped: there is no Chromium and none could be installed")
            continue
        code = run_step(step, root, environ, voice)
        if code:
            return code
    voice.mark(GOOD, f"everything passed in {time.monotonic() - began:.0f} s")
    return 0


def run_step(step: Step, root: Path, environ: dict[str, str], voice: Voice) -> int:
    """Run one step and say how long it took."""
    voice.say(f"== {step.name}")
    began = time.monotonic()
    code = subprocess.run(step.command, cwd=root, env=environ, check=False).returncode
    spent = f"{time.monotonic() - began:.1f} s"
    if code == NO_TESTS and step.may_be_empty:
        code = 0
    if code:
        voice.mark(BAD, f"{step.name} failed after {spent}; what follows was not run")
    else:
        voice.mark(GOOD, f"{step.name:<10}{spent}")
    return code


def prepare_programs(root: Path, voice: Voice) -> None:
    """Fetch the programs of both generations; without the newer one its tests skip."""
    for generation in GENERATIONS:
        try:
            for name in PROGRAMS:
                locate(name, generation=generation, root=root)
        except ProgramMissing as missing:
            if generation == "stable":
                raise StackFault(str(missing)) from None
            voice.mark(QUIET, f"tests with the newer programs are skipped: {missing}")


def prepare_browser(voice: Voice) -> bool:
    """See that a browser is there, installing one where that is allowed."""
    if find_browser():
        return True
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    voice.say("installing chromium for the browser tests (once)")
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if subprocess.run(command, check=False, **quiet).returncode != 0:  # type: ignore[call-overload]  # a dict of options
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]  # the same
        subprocess.run(command, check=False, **quiet)  # type: ignore[call-overload]  # the same
    return find_browser() is not None


def find_browser() -> str | None:
    """Give the path of a Chromium."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)
