from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from sandbox.control.routes import ControlApi
from sandbox.state.faults import FaultKind
from sandbox.state.pacing import Pace

if TYPE_CHECKING:
    from sandbox.server import RunningSandbox

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
CATCH_ALL = "/control/{rest:.*}"


async def test_every_control_route_is_documented_and_no_other(sandbox: RunningSandbox) -> None:
    routes = {
        f"{route.method} {route.path}"
        for route in ControlApi(sandbox.world).routes()
        if route.path != CATCH_ALL
    }

    documented = set(re.findall(r"^\| `((?:GET|POST|DELETE) /control/[^`]*)`", PAGE, re.MULTILINE))

    assert documented == routes


def test_every_kind_of_fault_is_documented() -> None:
    assert set(re.findall(r"^\| `([a-z0-9_]+)` \| ", PAGE, re.MULTILINE)) == set(
        get_args(FaultKind)
    )


@pytest.mark.parametrize("name", [*Pace.model_fields, "SANDBOX_HOST", "SANDBOX_STATE_DIR"])
def test_every_figure_of_the_pace_and_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE
