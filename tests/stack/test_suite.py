from __future__ import annotations

import sys
from pathlib import Path

from deploy.stack.suite import STEPS, Step, run_step
from tests.stack.listening import Listener


def exits(code: int, *, may_be_empty: bool = False) -> Step:
    command = (sys.executable, "-S", "-c", f"raise SystemExit({code})")
    return Step(name="a step", command=command, may_be_empty=may_be_empty)


def test_cheap_steps_come_before_dear_ones() -> None:
    names = [step.name for step in STEPS]
    assert names[:5] == ["format", "lint", "types", "house", "units"]
    assert names[-1] == "secrets"


def test_a_failing_step_says_so_with_its_time(listener: Listener, tmp_path: Path) -> None:
    assert run_step(exits(1), tmp_path, {}, listener.voice) == 1
    assert "a step failed after" in listener.text


def test_only_a_step_that_may_be_empty_passes_without_tests(
    listener: Listener, tmp_path: Path
) -> None:
    assert run_step(exits(5), tmp_path, {}, listener.voice) == 5
    assert run_step(exits(5, may_be_empty=True), tmp_path, {}, listener.voice) == 0
