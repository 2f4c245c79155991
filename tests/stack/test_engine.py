from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stack.engine import EngineFault, find_engine, is_shared, require_near

ENGINE = 'case "$*" in "version"*) echo 20.10.24 ;; "compose version"*) exit 1 ;; esac'
PLUGIN = 'case "$*" in "version"*) echo 28.1.0 ;; "compose version"*) echo 2.40.3-3 ;; esac'


class Clients:
    """A PATH on which only these clients are."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"PATH": f"{folder}:/usr/bin:/bin"}
        self._folder = folder

    def put(self, name: str, script: str) -> None:
        path = self._folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def fault(self) -> str:
        with pytest.raises(EngineFault) as caught:
            find_engine(self.environ)
        return str(caught.value)


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    return Clients(tmp_path)


def test_compose_is_the_clients_plugin_where_it_has_it(clients: Clients) -> None:
    clients.put("docker", PLUGIN)
    clients.put("docker-compose", "echo 1.29.2")
    engine = find_engine(clients.environ)
    assert engine.compose == ("docker", "compose")
    assert (engine.version, engine.compose_version) == ((28, 1), (2, 40))


def test_compose_is_the_program_of_its_own_where_the_client_has_none(clients: Clients) -> None:
    clients.put("docker", ENGINE)
    clients.put("docker-compose", "echo 1.29.2")
    engine = find_engine(clients.environ)
    assert engine.compose == ("docker-compose",)
    assert engine.compose_version == (1, 29)


def test_no_docker_is_a_sentence_with_the_way_that_works() -> None:
    with pytest.raises(EngineFault, match=r"no docker on PATH.*--native"):
        find_engine({"PATH": "/nowhere"})


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'permission denied while trying to connect' >&2; exit 1", "usermod -aG docker"),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "systemctl start docker"),
        ("echo 'failed to connect to the docker API at …' >&2; exit 1", "systemctl start docker"),
        ("echo 19.03.8", "20.10 or newer"),
        ("echo 'client version 1.52 is too new' >&2; exit 1", "(client version 1.52 is too new)"),
    ],
    ids=[
        "no permission",
        "not running",
        "not running, in later words",
        "too old",
        "of another time",
    ],
)
def test_an_engine_that_cannot_be_used_is_a_sentence_with_a_remedy(
    clients: Clients, script: str, said: str
) -> None:
    clients.put("docker", script)
    fault = clients.fault()
    assert said in fault
    assert "--native" in fault


@pytest.mark.parametrize(
    ("script", "said"),
    [("exit 1", "Compose is not"), ("echo 1.25.0", "Compose is 1.25; 1.29 or newer")],
    ids=["absent", "too old"],
)
def test_a_compose_that_does_not_fit_is_a_sentence(
    clients: Clients, script: str, said: str
) -> None:
    clients.put("docker", ENGINE)
    clients.put("docker-compose", script)
    assert said in clients.fault()


def test_a_refusal_of_the_engine_is_a_sentence_and_so_is_its_silence(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.put("docker", PLUGIN)
    engine = find_engine(clients.environ)
    monkeypatch.setenv("PATH", clients.environ["PATH"])
    clients.put("docker", "echo 'Error: no such network' >&2; exit 1")
    with pytest.raises(EngineFault, match="refuses: Error: no such network"):
        engine.ask("network", "inspect", "x")
    clients.put("docker", "exec sleep 9")
    monkeypatch.setattr("deploy.stack.engine.PATIENCE_SECONDS", 0.05)
    with pytest.raises(EngineFault, match="does not answer"):
        engine.ask("version")


def test_a_compose_that_does_not_answer_is_not_said_to_be_absent(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.put("docker", ENGINE)
    clients.put("docker-compose", "exec sleep 9")
    monkeypatch.setattr("deploy.stack.engine.PATIENCE_SECONDS", 0.5)
    said = clients.fault()
    assert said.startswith("docker-compose does not answer within 0.5 s. ./start.sh --native")


@pytest.mark.parametrize(
    ("place", "guards", "said"),
    [
        ("ssh://root@far.example", "", r"on another machine \(ssh://root@far.example\)"),
        ("tcp://192.0.2.7:2375", "", "on another machine"),
        ("unix:///run/user/1000/docker.sock", "name=seccomp name=rootless", "rootless"),
    ],
)
def test_an_engine_that_shares_no_folder_with_this_machine_is_none_of_ours(
    clients: Clients, place: str, guards: str, said: str
) -> None:
    script = (
        f'case "$1" in context) echo "{place}" ;; info) echo "[{guards}]" ;; *) echo 28.1 ;; esac'
    )
    clients.put("docker", script)
    engine = find_engine(clients.environ)
    with pytest.raises(EngineFault, match=f"{said}.*--native"):
        require_near(engine)
    clients.put("docker", 'case "$1" in context) echo unix:///var/run/docker.sock ;; esac')
    require_near(engine)


def test_no_setting_of_ours_reaches_the_clients(clients: Clients) -> None:
    clients.put("docker", PLUGIN)
    given = {**clients.environ, "BOT_TOKEN": "secret", "DOCKER_HOST": "unix:///here"}
    environ = find_engine(given).environ
    assert "BOT_TOKEN" not in environ
    assert environ["DOCKER_HOST"] == "unix:///here"


@pytest.mark.parametrize(
    ("options", "shared"), [("shared:1 ", True), ("master:7 ", True), ("", False)]
)
def test_a_root_that_is_nobody_elses_is_known(
    tmp_path: Path, options: str, *, shared: bool
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"30 27 0:5 / /dev rw shared:9 - devtmpfs x rw\n27 1 254:0 / / rw {options}- ext4 y rw\n"
    )
    assert is_shared(mounts) is shared
