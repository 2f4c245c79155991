"""What Compose could not do is a sentence that helps, and what has begun is not forgotten."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.stack import container_start, containers
from deploy.stack.container_plan import ContainerRecord
from deploy.stack.container_preparation import Run
from deploy.stack.container_start import explain
from deploy.stack.engine import Engine, EngineFault
from deploy.stack.folder import Folder
from deploy.stack.project import Container, Project
from tests.stack.listening import Listener

RECORD = ContainerRecord(
    name="o",
    environ={"NODE_EXPORTER_PORT": "9100"},
    gateway="",
    is_sandbox=True,
    ports={},
    urls={},
    agents_file="",
)
ENGINE = Engine(version=(28, 1), compose=(), compose_version=(2, 40), environ={})


class Told(Project):
    """A project with one container, `config`, that is as it is told."""

    def list_containers(self) -> dict[str, Container]:
        status = self.environ["STATUS"]
        if not status:
            return {}
        container = Container(
            service="config", number="1", status=status, health="", began="", folder=""
        )
        return {"config": container}

    def read(self, service: str, path: str) -> str:
        return f"{service}:{path}"


@pytest.fixture
def begin(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Run one container that is in a state, or none at all; detached unless it is said."""
    monkeypatch.setattr(containers, "find_engine", lambda: ENGINE)
    monkeypatch.setattr(containers, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(containers, "LOOK_SECONDS", 0)
    for name in ("require_near", "require_no_native", "put_image", "start"):
        monkeypatch.setattr(containers, name, lambda *_: None)
    monkeypatch.setattr(containers, "greet", lambda *_, **__: [])

    def run(status: str, *, is_detached: bool = True) -> int:
        project = Told(engine=ENGINE, root=tmp_path, name="o", environ={"STATUS": status})
        prepared = Run(project=project, record=RECORD, services=["config"], is_first=False)
        monkeypatch.setattr(containers, "prepare", lambda *_, **__: prepared)
        return containers.run_containers(
            Folder(tmp_path), listener.voice, is_sandbox=True, is_detached=is_detached
        )

    return run


def test_a_detached_start_says_by_its_exit_code_whether_all_is_well(
    begin: Callable[[str], int], listener: Listener
) -> None:
    assert begin("running") == 0
    assert begin("restarting") == 1
    assert "config is not healthy yet: ./start.sh logs config" in listener.text


def test_a_start_in_the_foreground_ends_when_the_containers_are_taken_away_elsewhere(
    begin: Callable[..., int], listener: Listener
) -> None:
    assert begin("", is_detached=False) == 0
    assert "everything was stopped from elsewhere" in listener.text


def test_who_has_an_alertmanager_gets_the_lines_for_it_and_the_tokens_file(tmp_path: Path) -> None:
    project = Told(engine=ENGINE, root=tmp_path, name="o", environ={})
    record = replace(RECORD, environ={"SERVER_URL": "http://192.0.2.7:8002"})
    ours = Run(
        project=project, record=record, services=["prometheus", "alertmanager"], is_first=True
    )
    assert containers.point_to_ours(ours) == [""]
    said = "\n".join(containers.point_to_ours(replace(ours, services=["config"])))
    assert "Your Prometheus is used" in said
    assert "url: http://192.0.2.7:8002/alerts" in said
    token = tmp_path / "alertmanager" / "secrets" / "webhook_token"
    assert f'credentials_file: "{token}"' in said
    assert token.read_text() == "config:/config/alertmanager/secrets/webhook_token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text() not in said


def test_a_start_that_fails_says_how_to_end_what_has_begun(
    begin: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise EngineFault("a port was taken")

    monkeypatch.setattr(containers, "start", fail)
    with pytest.raises(EngineFault, match=r"(?s)a port was taken.*start\.sh down ends what has"):
        begin("created")


def test_a_greeting_that_a_container_does_not_answer_for_ends_nothing(
    begin: Callable[..., int], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> list[str]:
        raise EngineFault("the sandbox is not up")

    monkeypatch.setattr(containers, "greet", fail)
    assert begin("running") == 0
    assert "the sandbox is not up; ./start.sh status says more" in listener.text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("write /var/lib: no space left on device", "the disk is full"),
        ("Bind for 127.0.0.1:9090 failed: port is already allocated", "a port was taken"),
        ("dial tcp: lookup registry: no such host", "an image cannot be had"),
        ("dial udp 192.0.2.53:53: connect: network is unreachable", "an image cannot be had"),
        ("Error response: pull access denied for prom/x", "an image cannot be had"),
        (
            "dependency failed to start: container opswire-config-1 is unhealthy",
            "config does not get well: see its last lines above",
        ),
        (
            "dependency failed to start: container my_o_node_exporter_1 exited (1)",
            "node_exporter does not get well",
        ),
        ("yaml: something else", "something else"),
    ],
    ids=["disk", "port", "name", "network", "no image", "unhealthy", "exited", "other"],
)
def test_what_compose_could_not_is_a_sentence(line: str, said: str) -> None:
    assert said in explain(["Pulling prometheus (prom/prometheus:v3.5.3)... done", line])


def test_what_an_earlier_run_had_and_this_one_has_not_is_ended(
    tmp_path: Path, listener: Listener
) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    class Running(Told):
        """A project that notes what it is asked, and with which profiles."""

        def list_containers(self) -> dict[str, Container]:
            one = super().list_containers()["config"]
            return dict.fromkeys(["config", "sandbox", "prometheus", "somebody"], one)

        def call(self, *words: str, log: object = None) -> subprocess.CompletedProcess[str]:
            del log
            asked.append((self.environ["COMPOSE_PROFILES"], words))
            return subprocess.CompletedProcess(words, 0, "", "")

    (tmp_path / ".runtime" / "logs").mkdir(parents=True)
    environ = {"STATUS": "running", "COMPOSE_PROFILES": ""}
    project = Running(engine=ENGINE, root=tmp_path, name="o", environ=environ)
    services = ["config", "bridge"]
    wanted = Run(project=project, record=RECORD, services=services, is_first=False)
    container_start.start(wanted, listener.voice)
    everything = "grafana,cadvisor,sandbox"
    assert asked[0] == (everything, ("rm", "--stop", "--force", "sandbox", "prometheus"))
    assert asked[1] == (
        "",
        ("up", "--detach", "--no-build", "--remove-orphans", "config", "bridge"),
    )
    assert "not wanted any more: sandbox, prometheus" in listener.text
    containers.end(project, listener.voice)
    assert asked[2] == (everything, ("down", "--remove-orphans"))
