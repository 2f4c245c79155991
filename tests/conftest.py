"""What every test may rely on, however the suite was started."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from deploy.stack.binaries import GENERATIONS
from tests.programs import program

# How long an example takes depends on what else the machine does. The suite tries the same examples
# each time, so that a change is judged by itself and not by chance; whoever hunts for others adds
# --hypothesis-profile=search.
settings.register_profile("search", deadline=None)
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


def pytest_configure() -> None:
    """Heed Ctrl-C, and let programs under test heed it.

    A shell starts background jobs with SIGINT ignored, and whoever inherits that cannot be told
    otherwise.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _former_logs() -> Iterator[None]:
    """Take back what a test has set up for the logs: the next one reads its own."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    yield
    if structlog.is_configured():
        root.handlers[:], sys.excepthook = handlers, hook
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def promtool(generation: str) -> Path:
    return program("promtool", generation)


@pytest.fixture
def amtool(generation: str) -> Path:
    return program("amtool", generation)
