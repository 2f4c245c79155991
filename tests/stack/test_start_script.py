from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What the script itself needs; a PATH of these alone has no Python.
TOOLS = ("bash", "dirname", "cat", "rm", "ls", "grep", "tail", "mkdir", "env")


class Clone:
    """A fresh clone with stand-ins for Python and the network."""

    def __init__(self, place: Path) -> None:
        self.place = place / "a clone"
        self.bin = place / "bin"
        self.requirements = self.place / "deploy" / "requirements"
        self.requirements.mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "start.sh", self.place)
        for kind in ("all", "dev"):
            (self.requirements / f"{kind}.txt").write_text(f"{kind}==1\n")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)

    def put(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def put_python(self, *, pip: str = "exit 0") -> None:
        """A Python that answers the script's questions and notes what pip is asked."""
        fingerprint = 'exec sha256sum "$3" | cut -d" " -f1'
        body = (
            'echo "$*" >>"$HOME/calls"\n'
            'case "$1 $2" in\n'
            '"-c import sys; sys.exit"*) exit 0 ;;\n'
            f'"-c import hashlib"*) {fingerprint} ;;\n'
            '"-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;\n'
            '"-m pip") [ "$3" = --version ] && exit 0; ' + pip + " ;;\n"
            '"-m deploy.stack") echo "stack: $3" ;;\n'
            "esac"
        )
        for tool in ("sha256sum", "cut", "cp"):
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        self.put(self.bin / "python3", body)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": str(self.bin), "HOME": str(self.place)}
        command = [str(self.place / "start.sh"), *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    def pip_calls(self) -> int:
        calls = (self.place / "calls").read_text()
        return calls.count("pip install")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_the_script_is_executable_and_well_formed() -> None:
    assert os.access(ROOT / "start.sh", os.X_OK)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", ROOT / "start.sh"], check=True)


def test_without_a_python_one_sentence_says_how_to_get_it(clone: Clone) -> None:
    done = clone.run()
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_first_start_installs_and_the_second_needs_no_network(clone: Clone) -> None:
    clone.put_python()
    done = clone.run("status")
    assert done.stdout == "stack: status\n", done.stderr
    assert clone.pip_calls() == 1
    stamp = (clone.place / ".venv" / ".opswire-all").read_text().strip()
    assert stamp == hashlib.sha256(b"all==1\n").hexdigest()
    assert clone.run("status").stdout == "stack: status\n"
    assert clone.pip_calls() == 1


def test_changed_requirements_are_installed_again(clone: Clone) -> None:
    clone.put_python()
    clone.run()
    (clone.requirements / "all.txt").write_text("all==2\n")
    clone.run()
    assert clone.pip_calls() == 2


def test_what_the_tests_need_is_enough_for_the_stack(clone: Clone) -> None:
    clone.put_python()
    clone.run("test")
    clone.run("status")
    assert clone.pip_calls() == 1


def test_without_a_network_one_sentence_says_the_way_out_and_nothing_is_stamped(
    clone: Clone,
) -> None:
    clone.put_python(pip="echo no route to host; exit 1")
    done = clone.run()
    assert done.returncode == 1
    assert "no route to host" in done.stderr
    assert "Without a network" in done.stderr
    assert not (clone.place / ".venv" / ".opswire-all").exists()
