"""What is looked at and laid before the first container starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import closing
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bridge.settings import SETTINGS
from deploy.stack import container_preparation as preparation
from deploy.stack.container_files import Owner
from deploy.stack.container_plan import render_environ
from deploy.stack.engine import Engine
from deploy.stack.folder import StackFault
from deploy.stack.plan import Wishes
from deploy.stack.ports import Reservations
from deploy.stack.voice import Voice
from tests.stack.listening import Listener

TOKEN = "123456789:" + "A" * 35


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
        monkeypatch.delenv(f"{setting.name}_FILE", raising=False)


def test_a_token_that_telegram_does_not_know_ends_the_start_here_too(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(wishes: Wishes, _voice: Voice) -> None:
        assert not wishes.is_sandbox
        raise StackFault("Telegram does not know it", code=2)

    monkeypatch.setattr(preparation, "require_known_bot", refuse)
    (tmp_path / ".env").write_text(f"BOT_TOKEN={TOKEN}\n")
    (tmp_path / ".env").chmod(0o600)
    with pytest.raises(StackFault, match="does not know it"):
        preparation.take_wishes(tmp_path, listener.voice, is_sandbox=False)
    assert preparation.take_wishes(tmp_path, listener.voice, is_sandbox=True).is_sandbox


@pytest.mark.parametrize(("host", "is_taken"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_the_exporters_port_is_taken_by_whoever_listens_everywhere(
    wish: Callable[..., Wishes], listener: Listener, host: str, *, is_taken: bool
) -> None:
    with (
        closing(socket.create_server((host, 0))) as server,
        closing(Reservations()) as reservations,
    ):
        port = server.getsockname()[1]
        wishes = wish(NODE_EXPORTER_PORT=str(port))

        def take() -> dict[str, int]:
            return preparation.take_ports(wishes, listener.voice, reservations, set(), None)

        if is_taken:
            with pytest.raises(StackFault, match=f"NODE_EXPORTER_PORT={port}: the port is taken"):
                take()
        else:
            ports = take()
            assert ports["node_exporter"] == port
            told = render_environ(wishes, ports, IPv4Network("172.29.183.0/24"))
            assert told["NODE_EXPORTER_PORT"] == str(port)


def test_a_password_is_made_whole_shown_once_and_never_anew(
    wish: Callable[..., Wishes], listener: Listener, tmp_path: Path
) -> None:
    owner = Owner(user=os.getuid(), group=os.getgid())
    wishes = wish(COMPOSE_PROFILES="grafana")
    for _ in range(2):
        preparation.lay_password(wishes, tmp_path / "secrets", owner, listener.voice)
    path = tmp_path / "secrets" / "grafana_admin_password"
    assert path.stat().st_mode & 0o777 == 0o600
    assert listener.text.count(path.read_text().strip()) == 1
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_volumes_that_a_fresh_folder_finds_are_told(listener: Listener, tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []

    class Shelf(Engine):
        """An engine that has volumes of a project."""

        def ask(self, *words: str) -> str:
            asked.append(words)
            return "opswire_bridge" if words[-1].endswith("=opswire") else ""

    engine = Shelf(version=(28, 1), compose=(), compose_version=(2, 40), environ={})
    preparation.tell_of_volumes(engine, tmp_path, "another", listener.voice)
    assert listener.text == ""
    preparation.tell_of_volumes(engine, tmp_path, "opswire", listener.voice)
    assert "volumes of a project called opswire are there already" in listener.text
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / ".laid").write_text("")
    asked.clear()
    preparation.tell_of_volumes(engine, tmp_path, "opswire", listener.voice)
    assert asked == [], "they are this folder's own"


def test_a_port_that_only_root_may_try_is_left_to_the_engine(
    wish: Callable[..., Wishes], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ours(Reservations):
        """As whoever is not root finds it."""

        def is_free(self, host: str, port: int) -> bool:
            del host
            return port >= 1024

    wishes = wish(SERVER_PORT="443")
    with closing(Ours()) as reservations:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        ports = preparation.take_ports(wishes, listener.voice, reservations, set(), None)
        assert ports["bridge"] == 443
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        with pytest.raises(StackFault, match="SERVER_PORT=443"):
            preparation.take_ports(wishes, listener.voice, reservations, set(), None)
