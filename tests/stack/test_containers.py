"""A start in containers on a bad day: each fault is a sentence, and nothing half-done stays."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stack import container_preparation
from deploy.stack.cli import main
from deploy.stack.container_plan import FIRST_SUBNET, find_record, place_of
from deploy.stack.sources import fingerprint
from tests.programs import ROOT

# An engine that has what `facts` holds, and whose Compose notes what it is asked to change.
DOCKER = """\
case "$1 $2" in
    "version --format") echo 28.1.0 ;;
    "context inspect") echo unix:///var/run/docker.sock ;;
    "compose version") echo 2.40.3 ;;
    "info --format") echo "$HERE/engine" ;;
    "network ls" | "network inspect" | "volume ls" | "volume inspect") ;;
    "image inspect") cat "$HERE/facts/image.json" ;;
    "container inspect") cat "$HERE/facts/containers.json" ;;
    "ps --all") cat "$HERE/facts/numbers" ;;
    compose*)
        shift 5
        case "$1" in
            logs) cat "$HERE/facts/logs" ;;
            exec) echo page-token ;;
            *) echo "$1" >>"$HERE/asked" ;;
        esac
        if [ "$1" = up ]; then cat "$HERE/facts/complaint"; [ ! -s "$HERE/facts/complaint" ]; fi ;;
    *) echo "what is $*?" >&2; exit 64 ;;
esac
"""


class Machine:
    """A clone of the project on a machine with an engine."""

    def __init__(self, place: Path) -> None:
        self.root = place / "opswire"
        self._place = place
        for name in ("engine", "facts", "bin", "opswire/prometheus"):
            (place / name).mkdir(parents=True)
        for name in ("docker-compose.yml", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root)
        (self.root / "agents.txt").write_text("Server 127.0.0.1:9100\n")
        (place / "bin" / "docker").write_text(f"#!/bin/sh\n{DOCKER}")
        (place / "bin" / "docker").chmod(0o755)
        self.tell("complaint", "")
        self.tell("logs", "")
        self.stands([])
        label = {"opswire.sources": fingerprint(self.root)}
        self.tell("image.json", json.dumps([{"Config": {"Labels": label}}]))

    def tell(self, fact: str, text: str) -> None:
        """Let the engine know something."""
        (self._place / "facts" / fact).write_text(text)

    def stands(self, services: list[str], *, folder: Path | None = None) -> None:
        """Let the engine have containers, of this folder or of another one."""
        facts = [
            {
                "Id": name,
                "Config": {
                    "Labels": {
                        "com.docker.compose.service": name,
                        "com.docker.compose.project.working_dir": str(folder or self.root),
                    }
                },
                "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:00Z"},
            }
            for name in services
        ]
        self.tell("numbers", "\n".join(services))
        self.tell("containers.json", json.dumps(facts))

    @property
    def asked(self) -> list[str]:
        """What Compose was asked to change."""
        path = self._place / "asked"
        return path.read_text().split() if path.exists() else []

    @property
    def is_touched(self) -> bool:
        """Whether a start has laid or moved anything of the person's."""
        return (self.root / "inventory").exists() or (self.root / "secrets").exists()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    for name in list(os.environ):
        if name not in {"HOME", "LANG"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.chdir(machine.root)
    # The clients get what they need and nothing else; this one needs its place.
    monkeypatch.setattr("deploy.stack.engine.PASSED_ON", ("HERE",))
    monkeypatch.setattr("deploy.stack.cli.ROOT", machine.root)
    monkeypatch.setattr("deploy.stack.containers.PATIENCE_SECONDS", 0)
    return machine


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def start(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run ./start.sh --docker --detach: exit code, and the fault that it ended with."""
    capsys.readouterr()
    return main(["--docker", "--detach"]), capsys.readouterr().err


def test_a_start_asks_for_what_it_needs_and_keeps_what_others_must_know(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(capsys)[1] == ""
    assert machine.asked == ["up"]
    record = find_record(machine.root)
    assert record is not None
    assert record.gateway == str(FIRST_SUBNET[1])
    assert set(record.ports) == {
        *("bridge", "agents_door", "sandbox", "prometheus", "alertmanager", "node_exporter")
    }


def test_without_an_engine_the_word_docker_is_answered_by_a_sentence(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    code, fault = start(capsys)
    assert (code, machine.asked) == (1, [])
    assert "there is no Docker here" in fault
    assert "--native" in fault


def test_a_port_that_was_set_and_is_taken_stops_the_start_before_anything_is_touched(
    machine: Machine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    taken_port: int,
) -> None:
    monkeypatch.setenv("SERVER_PORT", str(taken_port))
    code, fault = start(capsys)
    assert (code, machine.asked, machine.is_touched) == (1, [], False)
    assert f"SERVER_PORT={taken_port}: the port is taken; set another or leave it out" in fault


def test_an_exporter_of_the_machines_own_makes_ours_listen_elsewhere(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as own:
        number = own.getsockname()[1]
        monkeypatch.setenv("NODE_EXPORTER_PORT", str(number))
        assert f"NODE_EXPORTER_PORT={number}: the port is taken" in start(capsys)[1]
        own.close()
    assert start(capsys)[1] == ""
    record = find_record(machine.root)
    assert record is not None
    assert record.environ["NODE_EXPORTER_PORT"] == str(number)
    assert record.addresses["node_exporter"] == f"{record.gateway}:{number}"


def test_containers_that_run_keep_their_ports_at_the_next_start(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(capsys)[1] == ""
    before = find_record(machine.root)
    assert before is not None
    machine.stands(["bridge", "prometheus"])
    with socket.create_server(("127.0.0.1", before.ports["bridge"])):
        assert start(capsys)[1] == ""
    after = find_record(machine.root)
    assert after is not None
    assert after.ports == before.ports


def test_a_full_disk_of_the_engines_is_said_before_anything_is_touched(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_preparation, "LEAST_FREE_BYTES", 1 << 60)
    code, fault = start(capsys)
    assert (code, machine.asked, machine.is_touched) == (1, [], False)
    assert "/engine is full (" in fault
    assert "docker system prune" in fault


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("SERVER_PORT=80a2", "SERVER_PORT"),
        ("BOT_TOKEN=12345", "BOT_TOKEN"),
        ("ALERT_CHAT_ID='-100", ".env: line 2 cannot be read"),
        ("BOT_TOKEN", ".env: line 2 cannot be read"),
    ],
    ids=["half a number", "half a token", "an open quote", "no sign"],
)
def test_half_edited_settings_stop_the_start_before_anything_is_touched(
    machine: Machine, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    (machine.root / ".env").write_text(f"TIMEZONE=UTC\n{line}\n")
    code, fault = start(capsys)
    assert (code, machine.asked, machine.is_touched) == (2, [], False)
    assert said in fault


def test_a_project_of_the_same_name_from_another_folder_is_left_alone(
    machine: Machine, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere" / "opswire"
    machine.stands(["bridge"], folder=elsewhere)
    code, fault = start(capsys)
    assert (code, machine.asked, machine.is_touched) == (1, [], False)
    assert f"called opswire is there already, from {elsewhere}" in fault
    assert "COMPOSE_PROJECT_NAME=another ./start.sh --docker" in fault


def test_a_volume_of_another_users_is_said_once_with_the_command_that_gives_it(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.tell("complaint", "dependency failed to start: opswire-config-1 is unhealthy\n")
    fault = "config: the volume bridge cannot be written by user 7:8 (permission denied)"
    machine.tell("logs", f"config-1  | {fault}\nconfig-1  | {fault}\n")
    code, said = start(capsys)
    assert code == 1
    assert said.count("cannot be written by user 7:8") == 1
    volume = "--volume opswire_bridge:/it opswire:0.1.0 -R 7:8 /it"
    assert f"docker run --rm --user 0 --entrypoint chown {volume}" in said


def test_an_inventory_that_the_generator_refuses_is_said_with_every_line(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.tell("complaint", "ERROR: for bridge  Container is unhealthy.\n")
    lines = ["agents.txt has a fault, the configuration before it stays:", "  line 3: bad"]
    machine.tell("logs", "".join(f"config_1  | {line}\n" for line in ["earlier", *lines]))
    said = start(capsys)[1]
    assert "\n".join(lines) in said
    assert "earlier" not in said


def test_what_could_not_start_does_not_try_for_ever_and_what_ran_before_runs_on(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.tell("complaint", "write /var/lib: no space left on device\n")
    code, fault = start(capsys)
    assert (code, machine.asked) == (1, ["up", "down"])
    assert "the disk is full: make room" in fault
    assert not place_of(machine.root).exists()
    machine.stands(["prometheus"])
    assert start(capsys)[0] == 1
    assert machine.asked == ["up", "down", "up"]
    assert place_of(machine.root).exists()
