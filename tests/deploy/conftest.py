from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.installing import source
from tests.deploy.real_machine import INSTALL, PICTURE, RealMachine
from tests.deploy.scratch import ScratchMachine


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take back what an installation sets for its own process; let it run on the usual Python."""
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    # A part of the project is as good as the whole, and copied in a tenth of the time.
    monkeypatch.setattr(source, "FOLDERS", ("deploy",))
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    place.mkdir()
    return place


@pytest.fixture
def machine(root: Path) -> ScratchMachine:
    return ScratchMachine(root)


# --- a real machine, one for all that is tried on it ------------------------------------------


@pytest.fixture(scope="session")
def bare_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealMachine]:
    """Boot a machine that has all that an installation would fetch, and nothing of Opswire."""
    booted = RealMachine(tmp_path_factory.mktemp("machine"))
    try:
        booted.boot()
        booted.prepare()
        booted.put("/var/log/syslog", "an error\n", "640")
        booted.put("/var/log/auth.log", "somebody logged in\n", "600")
        booted.run("chown root:adm /var/log/syslog; mkdir /srv/small")
        yield booted
    finally:
        booted.end()


@pytest.fixture(scope="session")
def bare_picture(bare_machine: RealMachine) -> str:
    """Take the picture of the machine before anything was installed."""
    return bare_machine.run(PICTURE)


@pytest.fixture(scope="session")
def real_machine(bare_machine: RealMachine, bare_picture: str) -> RealMachine:
    """Install, and let the machine's agent be known to its bridge."""
    assert bare_picture
    bare_machine.run(INSTALL)
    bare_machine.run("opswire enrol Server 127.0.0.1:8001 | tail -n 1 | opswire agent enrol")
    return bare_machine
