from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.settings import Settings
from deploy.stack.plan import Plan, Wishes
from tests.stack.listening import Listener


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def wish(tmp_path: Path) -> Callable[..., Wishes]:
    def create(*, is_sandbox: bool = True, **given: str) -> Wishes:
        return Wishes(
            root=tmp_path, settings=Settings.load(given), given=given, is_sandbox=is_sandbox
        )

    return create


@pytest.fixture
def plan(wish: Callable[..., Wishes]) -> Callable[..., Plan]:
    def create(*, is_sandbox: bool = True, **given: str) -> Plan:
        wishes = wish(is_sandbox=is_sandbox, **given)
        chosen = wishes.list_set_ports()
        ports = {p.program: chosen.get(p.setting, p.default) for p in wishes.list_ports()}
        binaries = {name: Path("/programs") / name for name in wishes.list_binaries()}
        environ = {"PATH": "/bin", "HOME": "/home/ada", "AWS_SECRET": "not yours"}
        return Plan(wishes=wishes, ports=ports, binaries=binaries, environ=environ)

    return create
