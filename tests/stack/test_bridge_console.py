"""The bridge's console by start.sh: where it is asked, and how files come in and out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.stack import cli
from deploy.stack.bridge_console import ask_container, ask_native
from deploy.stack.container_plan import ContainerRecord
from deploy.stack.engine import Engine
from deploy.stack.folder import Folder, StackFault
from deploy.stack.plan import Plan
from deploy.stack.preparation import record_of
from deploy.stack.project import Project

TOLD = ("STATE_DIR", "ALLOWED_USERS", "TELEGRAM_API_BASE")
TOKEN = "123456789:" + "A" * 35
DOCKER = """\
case "$1" in
    ps) echo c1 ;;
    container) cat "$HERE/container.json" ;;
esac
"""
COMPOSE = """\
for word; do :; done
echo "$*" | sed 's/.*compose.env //' >>"$HERE/asked"
case "$*" in
    *" backup "*) (umask 077; echo kept >"$HERE/inventory/${word##*/}"); echo "$word holds" ;;
    *" restore "*)
        cat "$HERE/inventory/${word##*/}" >>"$HERE/asked"
        echo "$word is damaged" >&2
        exit 1 ;;
esac
"""


class Containers:
    """A project whose clients note what they are asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inventory = root / "inventory"
        self.inventory.mkdir()
        for name, script in (("docker", DOCKER), ("compose", COMPOSE)):
            (root / name).write_text(f"#!/bin/sh\n{script}")
            (root / name).chmod(0o755)
        environ = {"PATH": f"{root}:/usr/bin:/bin", "HERE": str(root)}
        engine = Engine(
            version=(28, 1), compose=("compose",), compose_version=(2, 40), environ=environ
        )
        self._project = Project(engine=engine, root=root, name="opswire", environ={})
        self.say("running")

    def say(self, status: str, **labels: str) -> None:
        """Let the bridge's container be in a state."""
        labels |= {"com.docker.compose.service": "bridge"}
        facts = {"Id": "c1", "Config": {"Labels": labels}, "State": {"Status": status}}
        (self.root / "container.json").write_text(json.dumps([facts]))

    def ask(self, *words: str) -> int:
        environ = {
            "OPSWIRE_UID": str(os.getuid()),
            "OPSWIRE_GID": str(os.getgid()),
        }
        record = ContainerRecord(
            name="opswire",
            environ=environ,
            gateway="",
            is_sandbox=False,
            ports={},
            urls={},
            agents_file=str(self.inventory / "agents.txt"),
        )
        return ask_container(self._project, record, words)

    @property
    def asked(self) -> list[str]:
        """What Compose was asked."""
        return (self.root / "asked").read_text().splitlines()


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    return Containers(tmp_path)


def test_the_console_is_asked_in_the_bridges_container(containers: Containers) -> None:
    assert containers.ask("people", "list") == 0
    assert containers.asked == ["exec -T bridge opswire bridge people list"]


def test_while_the_bridge_is_stopped_a_container_like_it_answers(containers: Containers) -> None:
    containers.say("exited")
    containers.ask("database", "revision")
    assert containers.asked == ["run --rm --no-deps -T bridge bridge database revision"]


def test_a_container_that_answers_once_is_none_of_the_stacks(containers: Containers) -> None:
    containers.say("running", **{"com.docker.compose.oneoff": "True"})
    containers.ask("database", "revision")
    assert containers.asked == ["run --rm --no-deps -T bridge bridge database revision"]


def test_a_backup_lies_where_it_is_wanted_and_nowhere_else(
    containers: Containers, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = containers.root / "one.zip"
    assert containers.ask("backup", str(wanted)) == 0
    assert wanted.read_text() == "kept\n"
    assert wanted.stat().st_mode & 0o777 == 0o600
    assert list(containers.inventory.iterdir()) == []
    assert capsys.readouterr().out == f"{wanted} holds\n"
    with pytest.raises(StackFault, match="there already; --force replaces it"):
        containers.ask("backup", str(wanted))
    assert containers.ask("backup", "--force", str(wanted)) == 0
    asked = len(containers.asked)
    with pytest.raises(StackFault, match=r"there is no folder .*/none$"):
        containers.ask("backup", str(containers.root / "none" / "one.zip"))
    assert len(containers.asked) == asked


def test_a_file_may_be_called_as_what_is_done_with_it(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(containers.root)
    assert containers.ask("backup", "backup") == 0
    assert (containers.root / "backup").read_text() == "kept\n"
    assert containers.asked[0].startswith("exec -T bridge opswire bridge backup /inventory/.")


def test_a_backup_is_restored_from_where_it_is(
    containers: Containers, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = containers.root / "one.zip"
    kept.write_text("all of it\n")
    containers.say("exited")
    assert containers.ask("restore", "--dry-run", str(kept)) == 1
    said, content = containers.asked
    assert said.startswith("run --rm --no-deps -T bridge bridge restore --dry-run /inventory/.")
    assert content == "all of it"
    assert capsys.readouterr().err == f"{kept} is damaged\n"
    assert list(containers.inventory.iterdir()) == []
    with pytest.raises(StackFault, match=r"absent\.zip: no such file"):
        containers.ask("restore", str(containers.root / "absent.zip"))


def test_a_link_in_a_backups_place_is_not_followed(containers: Containers) -> None:
    secret, wanted = containers.root / "secret", containers.root / "one.zip"
    secret.write_text("root's own")
    script = f'#!/bin/sh\nfor word; do :; done\nln -s {secret} "$HERE/inventory/${{word##*/}}"\n'
    (containers.root / "compose").write_text(script)
    with pytest.raises(StackFault, match="too many levels of symbolic links"):
        containers.ask("backup", str(wanted))
    assert not wanted.exists()
    assert list(containers.inventory.iterdir()) == []


def test_natively_it_is_the_console_of_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    assert ask_native(Folder(tmp_path), ["people", "list"], is_sandbox=False) == 0
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert ask_native(Folder(tmp_path), ["people", "list"], is_sandbox=False) == 1


def test_beside_a_running_stack_the_console_is_told_what_its_bridge_was(
    plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$STATE_DIR $ALLOWED_USERS $DATABASE_URL" >told\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("DATABASE_URL", "postgresql://a.real.one")
    folder = Folder(tmp_path)
    with folder.hold():
        folder.put_record(record_of(plan()))
        ask_native(folder, ["people", "list"], is_sandbox=False)
    assert (tmp_path / "told").read_text() == f"{tmp_path}/state/sandbox 1001 \n"


@pytest.mark.parametrize(
    ("settings", "word", "told"),
    [
        (f"BOT_TOKEN={TOKEN}\n", "", "state none none"),
        (
            f"BOT_TOKEN={TOKEN}\nDATABASE_URL=postgresql://a/b\n",
            "--sandbox",
            "state/sandbox 1001 http://127.0.0.1:8081",
        ),
        ("", "", "state/sandbox 1001 http://127.0.0.1:8081"),
    ],
    ids=["a real bot's", "the sandbox is wanted", "no token"],
)
def test_without_a_stack_it_is_the_console_of_the_bridge_that_a_start_would_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, word: str, told: str
) -> None:
    for name in (*TOLD, "BOT_TOKEN", "DATABASE_URL", "BOT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    python = tmp_path / "python"
    words = " ".join(f"${{{name}-none}}" for name in TOLD)
    python.write_text(f"#!/bin/sh\necho {words}$DATABASE_URL$BOT_TOKEN_FILE >told\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    (tmp_path / ".env").write_text(settings)
    ask_native(Folder(tmp_path), ["people", "list"], is_sandbox=bool(word))
    assert (tmp_path / "told").read_text() == f"{tmp_path}/{told}\n"


def test_everything_behind_the_word_is_the_consoles() -> None:
    wish = cli.parse(["--native", "console", "restore", "--dry-run", "--help"])
    assert (wish.command, wish.native) == ("console", True)
    assert wish.passed == ["restore", "--dry-run", "--help"]
