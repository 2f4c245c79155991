"""A writer waits where it said its last line, however late its reader looks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.one_line import OneLinePipe

SAY = "for stage in 1 2 3 4 5; do echo stage $stage; echo $stage >>{}; done"


@pytest.fixture
def pipe() -> Iterator[OneLinePipe]:
    with contextlib.closing(OneLinePipe()) as made:
        yield made


def start(pipe: OneLinePipe, passed: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["bash", "-c", SAY.format(passed)], stdout=pipe.writer)
    pipe.close_writer()
    return process


def test_who_is_looked_at_is_not_past_the_next_line(pipe: OneLinePipe, tmp_path: Path) -> None:
    process = start(pipe, tmp_path / "passed")
    for line in pipe.look():
        if line == "stage 3\n":
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)  # long enough for all five
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    assert "4" not in (tmp_path / "passed").read_text()


def test_what_nobody_looks_for_is_taken_until_the_writer_is_gone(
    pipe: OneLinePipe, tmp_path: Path
) -> None:
    process = start(pipe, tmp_path / "passed")
    assert next(pipe.look()) == "stage 1\n"
    pipe.drain(seconds=60)
    assert process.wait() == 0


def test_all_lines_are_seen_once(pipe: OneLinePipe, tmp_path: Path) -> None:
    process = start(pipe, tmp_path / "passed")
    assert list(pipe.look()) == [f"stage {number}\n" for number in range(1, 6)]
    assert process.wait() == 0


def test_a_writer_that_stays_is_said(pipe: OneLinePipe) -> None:
    kept = os.dup(pipe.writer)
    with pytest.raises(TimeoutError, match="has writers after 0 s"):
        pipe.drain(seconds=0)
    os.close(kept)
