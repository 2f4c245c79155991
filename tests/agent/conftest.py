"""Who jobs run as, and a place for them.

What kills, forks or is limited runs as an ordinary user: root is not bound by limits.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent import limits
from agent import nursery as nurseries
from agent.jobs import Jobs
from agent.nursery import Nursery
from tests.agent.patience import PATIENT_BOOT
from tests.agent.processes import PATIENCE_SECONDS, Processes
from tests.agent.roots import Serve, open_roots

WAYS = ("namespace", "descendants")
"""How everything below a job is found: by the kernel, or by looking. Root can do both."""


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody take a machine that stalls for a host that is dying."""
    monkeypatch.setattr(limits, "BIRTH_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(limits, "JOB_WATCH_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(nurseries, "_BOOT", PATIENT_BOOT)


@pytest.fixture(scope="session")
def ordinary() -> Iterator[str]:
    """Name a user who is not root: the present one, or one made for these tests."""
    if os.geteuid() != 0:
        yield pwd.getpwuid(os.getuid()).pw_name
        return
    name = f"opswire-{os.getpid()}"
    change_users("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name)
    yield name
    for pid in Processes(pwd.getpwnam(name).pw_uid).list_before():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # left by a test that failed
    change_users("userdel", name)


@pytest.fixture
def processes(ordinary: str) -> Processes:
    """List what runs as that user, beside what did before."""
    return Processes(pwd.getpwnam(ordinary).pw_uid)


@pytest.fixture
def shared() -> Iterator[Path]:
    """Make a folder that everybody reaches and may write into; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o777)
        yield place


@pytest.fixture(params=WAYS if os.geteuid() == 0 else WAYS[1:])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def nursery(ordinary: str) -> AsyncIterator[Nursery]:
    async with Nursery(user=ordinary) as nursery:
        yield nursery


@pytest.fixture
async def jobs(tmp_path: Path, nursery: Nursery) -> AsyncIterator[Jobs]:
    jobs = Jobs(tmp_path, nursery=nursery, clock=time.time)
    yield jobs
    await jobs.close()


def change_users(*command: str) -> None:
    """Make or remove a user; the file of users is locked while somebody else does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode == 0:
            return
        assert time.monotonic() < deadline, run.stderr
        time.sleep(0.2)


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    for name in ("rooted.ROOT_REQUEST_SECONDS", "root_door.ROOT_ANSWER_SECONDS"):
        monkeypatch.setattr(f"agent.{name}", PATIENCE_SECONDS)
    with open_roots(tmp_path) as started:
        yield started
