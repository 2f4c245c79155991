from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.installing import source
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
