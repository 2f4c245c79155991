"""What every test may rely on, however the suite was started."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from deploy.stack.binaries import GENERATIONS
from tests.programs import program


def pytest_configure() -> None:
    """Heed Ctrl-C, and let programs under test heed it.

    A shell starts background jobs with SIGINT ignored, and whoever inherits that cannot be told
    otherwise.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def promtool(generation: str) -> Path:
    return program("promtool", generation)


@pytest.fixture
def amtool(generation: str) -> Path:
    return program("amtool", generation)
