"""The real packages: every program of both generations is unpacked and runs."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from deploy.stack.binaries import GENERATIONS, PROGRAMS, ProgramMissing, read_version
from tests.ports import free_port
from tests.programs import program

pytestmark = pytest.mark.live


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_runs_at_a_version_that_we_are_written_for(
    name: str, generation: str
) -> None:
    try:
        path = program(name, generation)
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    assert read_version(path) >= PROGRAMS[name].least


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_unpacked_alertmanager_starts_without_being_installed(
    generation: str, tmp_path: Path
) -> None:
    try:
        path = program("alertmanager", generation)
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    configuration = tmp_path / "alertmanager.yml"
    configuration.write_text("route: {receiver: quiet}\nreceivers: [{name: quiet}]\n")
    port = free_port()
    command = [
        str(path),
        f"--config.file={configuration}",
        f"--storage.path={tmp_path}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not is_up(f"http://127.0.0.1:{port}/-/ready"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
