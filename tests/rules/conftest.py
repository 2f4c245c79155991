"""The checkers of both generations."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stack.binaries import locate

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["stable", "current"])
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def promtool(generation: str) -> Path:
    return locate("promtool", generation=generation, root=ROOT)


@pytest.fixture
def amtool(generation: str) -> Path:
    return locate("amtool", generation=generation, root=ROOT)
