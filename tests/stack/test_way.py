"""In containers or natively: what is asked for, what is there, and what a folder did before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.stack import cli, way
from deploy.stack.container_plan import ContainerRecord, put_record
from deploy.stack.engine import Engine, EngineFault
from deploy.stack.folder import Folder
from deploy.stack.plan import Plan
from deploy.stack.preparation import record_of
from deploy.stack.way import CONTAINERS, NATIVE, choose_containers, find_way, keep_way
from tests.stack.listening import Listener

ENGINE = Engine(version=(28, 1), compose=(), compose_version=(2, 40), environ={})
NONE = "no Docker engine runs here: … ./start.sh --native runs without containers"


class Machine:
    """A machine with an engine, or without."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(way, "find_engine", self._find)
        monkeypatch.setattr(way, "require_near", self._require_near)
        self.fault = ""
        self.is_near = True

    def _find(self) -> Engine:
        if self.fault:
            raise EngineFault(self.fault)
        return ENGINE

    def _require_near(self, engine: Engine) -> None:
        assert engine is ENGINE
        if not self.is_near:
            raise EngineFault("it is on another machine")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.delenv("STATE_DIR", raising=False)
    return Machine(monkeypatch)


def test_a_fresh_folder_runs_in_containers_where_an_engine_of_this_machine_answers(
    machine: Machine, tmp_path: Path, listener: Listener
) -> None:
    folder = Folder(tmp_path)
    assert choose_containers(folder, listener.voice)
    assert listener.text.startswith("a Docker engine answers, so this runs in containers")
    said = listener.text
    machine.is_near = False
    assert not choose_containers(folder, listener.voice), "an engine elsewhere is none"
    machine.fault = NONE
    assert not choose_containers(folder, listener.voice)
    assert listener.text == said


@pytest.mark.usefixtures("machine")
def test_a_folder_whose_bridge_ran_natively_goes_on_so_and_says_so(
    tmp_path: Path, listener: Listener
) -> None:
    (tmp_path / "state" / "agents").mkdir(parents=True)
    assert not choose_containers(Folder(tmp_path), listener.voice)
    assert "has run without containers and goes on so; ./start.sh --docker" in listener.text
    (tmp_path / ".env").write_text("STATE_DIR=elsewhere\n")
    assert choose_containers(Folder(tmp_path), listener.voice), "that state is another's"


@pytest.mark.usefixtures("machine")
def test_the_last_way_counts_and_changing_over_is_said(tmp_path: Path, listener: Listener) -> None:
    folder = Folder(tmp_path)
    keep_way(tmp_path, NATIVE, listener.voice)
    assert listener.text == ""
    assert not choose_containers(folder, listener.voice)
    keep_way(tmp_path, CONTAINERS, listener.voice)
    assert "begins with a store of its own; docs/containers.md says" in listener.text
    assert choose_containers(folder, listener.voice)
    assert find_way(tmp_path) == CONTAINERS


def test_a_folder_of_containers_does_not_begin_anew_while_the_engine_is_away(
    machine: Machine, tmp_path: Path, listener: Listener
) -> None:
    keep_way(tmp_path, CONTAINERS, listener.voice)
    machine.fault = NONE
    with pytest.raises(EngineFault, match=r"runs in containers: no Docker .*store of its own"):
        choose_containers(Folder(tmp_path), listener.voice)
    assert not choose_containers(Folder(tmp_path), listener.voice, is_sandbox=True)


@pytest.mark.usefixtures("machine")
def test_a_native_stack_is_what_the_words_are_about_and_a_lone_agent_is_none(
    tmp_path: Path, plan: Callable[..., Plan], listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    status, forced = cli.parse(["status"]), cli.parse(["--native", "status"])
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setitem(cli.ACTIONS, "status", lambda *_: 7)
    monkeypatch.setitem(cli.ABOUT_CONTAINERS, "status", lambda *_: 8)
    monkeypatch.setattr(cli, "find_containers", lambda *_: "those of this folder")
    record = ContainerRecord(
        name="o", environ={}, gateway="", is_sandbox=True, ports={}, urls={}, agents_file=""
    )
    put_record(tmp_path, record)
    native = record_of(plan())
    with folder.hold():
        folder.put_record(native)
        assert not choose_containers(folder, listener.voice)
        assert cli.perform(status) == 7, "what is left of containers is nothing"
        native.urls.clear()
        folder.put_record(native)
        assert choose_containers(folder, listener.voice)
        assert cli.perform(status) == 8
    assert cli.perform(forced) == 7


@pytest.mark.parametrize(
    ("words", "is_found", "does"),
    [
        (["--docker"], False, "containers"),
        (["--native"], True, "native"),
        ([], True, "containers"),
        (["run"], False, "native"),
    ],
    ids=["asked for", "forbidden", "found", "not found"],
)
def test_a_run_is_in_containers_when_it_is_asked_for_or_an_engine_is_found(
    words: list[str], does: str, monkeypatch: pytest.MonkeyPatch, *, is_found: bool
) -> None:
    monkeypatch.setattr(cli, "choose_containers", lambda *_, **__: is_found)
    did: list[str] = []
    monkeypatch.setattr(cli, "run_containers", lambda *_, **__: did.append("containers"))
    monkeypatch.setattr(cli, "run_stack", lambda *_, **__: did.append("native"))
    cli.perform(cli.parse(words))
    assert did == [does]
