"""What works natively and cannot work in a container is a sentence before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.stack.container_faults import list_faults
from deploy.stack.plan import Wishes

Wish = Callable[..., Wishes]
ELSEWHERE = {
    "PROMETHEUS_URL": "https://prometheus.example",
    "ALERTMANAGER_URL": "http://192.0.2.1:9093, http://localhost.example",
    "TELEGRAM_API_BASE": "https://bots.example",
    "TELEGRAM_PROXY": "socks5://ada:word@192.0.2.2:1080",
    "DATABASE_URL": "postgresql://ada:word@db.example/opswire",
    "HEARTBEAT_URL": "https://watch.example/ping/1",
    "AGENTS_HOST": "192.0.2.7",
    "SERVER_HOST": "::",
    "COMPOSE_PROFILES": "grafana, cadvisor",
    "CHART_FONTS": "Noto Sans CJK TC",
}


def test_what_others_reach_too_is_no_fault(wish: Wish) -> None:
    assert list_faults(wish(is_sandbox=False, **ELSEWHERE)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROMETHEUS_URL", "http://localhost:9090"),
        ("ALERTMANAGER_URL", "http://192.0.2.1:9093,http://127.0.0.1:9093"),
        ("ALERTMANAGER_URL", "http://[::1]:9093"),
        ("TELEGRAM_API_BASE", "http://0.0.0.0:8081"),
        ("TELEGRAM_PROXY", "socks5://ada:word@127.0.0.1:1080"),
        ("DATABASE_URL", "postgresql://ada:word@localhost/opswire"),
        ("HEARTBEAT_URL", "http://127.0.0.2:8000/ping"),
    ],
)
def test_this_machines_loopback_is_none_of_a_containers(
    wish: Wish, name: str, value: str, tmp_path: Path
) -> None:
    [fault] = list_faults(wish(is_sandbox=False, **{name: value}))
    assert fault.startswith(f"{name} names this machine's loopback")
    assert "--native" in fault
    assert "word" not in fault
    if name in {"TELEGRAM_PROXY", "DATABASE_URL", "HEARTBEAT_URL"}:
        (tmp_path / "secret").write_text(value)
        by_file = {f"{name}_FILE": str(tmp_path / "secret")}
        assert list_faults(wish(is_sandbox=False, **by_file)) == [fault]


def test_what_the_local_telegram_does_not_use_is_no_fault(wish: Wish) -> None:
    given = {"TELEGRAM_PROXY": "http://127.0.0.1:3128", "DATABASE_URL": "sqlite:////srv/x.db"}
    assert list_faults(wish(**given)) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "sqlite:////srv/opswire.db", "DATABASE_URL names a file"),
        ("CHART_FONTS", "Noto Sans, /etc/hostname", "CHART_FONTS names a file"),
        ("AGENTS_HOST", "monitor.example", "AGENTS_HOST: the engine publishes at an address"),
        ("COMPOSE_PROFILES", "grafna", "there is no 'grafna' (did you mean grafana?)"),
    ],
)
def test_what_no_container_sees_or_knows_is_named(
    wish: Wish, name: str, value: str, said: str
) -> None:
    [fault] = list_faults(wish(is_sandbox=False, **{name: value}))
    assert said in fault


def test_a_folder_that_compose_cannot_name_is_said_to_be_one(wish: Wish) -> None:
    wishes = replace(wish(), root=Path("/srv/a:b"))
    [fault] = list_faults(wishes)
    assert fault.startswith("this folder's path has a colon")
