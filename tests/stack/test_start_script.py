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

    def put_python(self, *, pip: str = "exit 0", uv: str = "exit 1") -> None:
        """A Python that answers the script's questions and notes what pip is asked.

        `pip` is what pip does about our packages, `uv` what it does when asked for uv.
        """
        fingerprint = 'exec sha256sum "$3" | cut -d" " -f1'
        body = (
            'echo "$*" >>"$HOME/calls"\n'
            'case "$1 $2" in\n'
            '"-c import sys; sys.exit"*) exit 0 ;;\n'
            f'"-c import hashlib"*) {fingerprint} ;;\n'
            '"-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;\n'
            '"-m pip") [ "$3" = --version ] && exit 0\n'
            f'case "$*" in *uv.txt) {uv} ;; *) {pip} ;; esac ;;\n'
            '"-m deploy.stack") echo "stack: $3" ;;\n'
            "esac"
        )
        for tool in ("sha256sum", "cut", "cp"):
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        self.put(self.bin / "python3", body)

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": str(self.bin), "HOME": str(self.place), **more}
        command = [str(self.place / "start.sh"), *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    def installations(self) -> list[str]:
        """Who installed which of our packages, in order."""
        calls = (self.place / "calls").read_text().splitlines()
        return [
            f"{'uv' if call.startswith('uv ') else 'pip'}: {Path(call.split()[-1]).stem}"
            for call in calls
            if " install " in call and not call.endswith("uv.txt")
        ]

    @property
    def log(self) -> str:
        return (self.place / ".runtime" / "logs" / "packages.log").read_text()


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
    assert clone.installations() == ["pip: all"]
    stamp = (clone.place / ".venv" / ".opswire-all").read_text().strip()
    assert stamp == hashlib.sha256(b"all==1\n").hexdigest()
    assert clone.run("status").stdout == "stack: status\n"
    assert clone.installations() == ["pip: all"]


def test_changed_requirements_are_installed_again(clone: Clone) -> None:
    clone.put_python()
    clone.run()
    (clone.requirements / "all.txt").write_text("all==2\n")
    clone.run()
    assert clone.installations() == ["pip: all", "pip: all"]


def test_what_the_tests_need_is_enough_for_the_stack(clone: Clone) -> None:
    clone.put_python()
    clone.run("test")
    clone.run("status")
    assert clone.installations() == ["pip: dev"]


def test_without_a_network_one_sentence_says_the_way_out_and_nothing_is_stamped(
    clone: Clone,
) -> None:
    clone.put_python(pip="echo no route to host; exit 1")
    done = clone.run()
    assert done.returncode == 1
    assert "no route to host" in done.stderr
    assert "Without a network" in done.stderr
    assert not (clone.place / ".venv" / ".opswire-all").exists()
    # Nothing was cut off, so the next start goes on with what is there.
    clone.put(
        clone.bin / "python3", (clone.bin / "python3").read_text().replace("exit 1", "exit 0")
    )
    shutil.copy(clone.bin / "python3", clone.place / ".venv" / "bin" / "python")
    done = clone.run("status")
    assert done.stdout == "stack: status\n"
    assert "anew" not in done.stderr


INSTALLER = 'echo "uv $*" >>"$HOME/calls"\ncase "$1" in --version) echo uv 9 ;; {} esac'


def test_a_uv_on_the_path_installs(clone: Clone) -> None:
    clone.put_python()
    venv = 'venv) mkdir -p .venv/bin && cp "$(command -v python3)" .venv/bin/python ;;'
    clone.put(clone.bin / "uv", INSTALLER.format(venv))
    assert clone.run("status").stdout == "stack: status\n"
    assert clone.installations() == ["uv: all"]
    assert "uv 9 installs" in clone.log


def test_without_a_uv_pip_brings_one_into_the_environment(clone: Clone) -> None:
    ready = clone.bin / "ready"
    clone.put(ready, INSTALLER.format(""))
    clone.put_python(uv=f"cp '{ready}' .venv/bin/uv")
    assert clone.run("status").stdout == "stack: status\n"
    assert clone.installations() == ["uv: all"]


def test_a_uv_that_fails_leaves_the_work_to_pip_and_the_reason_in_the_log(clone: Clone) -> None:
    clone.put_python()
    clone.put(clone.bin / "uv", INSTALLER.format("*) echo no such index; exit 2 ;;"))
    assert clone.run("status").stdout == "stack: status\n"
    assert clone.installations() == ["uv: all", "pip: all"]
    assert "no such index\nstart.sh: uv failed" in clone.log


def test_a_stub_of_uv_counts_as_none(clone: Clone) -> None:
    clone.put_python(uv="echo not here; exit 1")
    clone.put(clone.bin / "uv", "exit 127")
    assert clone.run("status").stdout == "stack: status\n"
    assert clone.installations() == ["pip: all"]
    assert "not here\nstart.sh: uv cannot be had" in clone.log


def test_caches_lie_in_the_folder_unless_somebody_chose_a_place(clone: Clone) -> None:
    clone.put_python(pip='echo "$PIP_CACHE_DIR and $UV_CACHE_DIR"')
    clone.run()
    assert f"{clone.place}/.runtime/cache/pip and {clone.place}/.runtime/cache/uv" in clone.log
    (clone.requirements / "all.txt").write_text("all==2\n")
    clone.run(PIP_CACHE_DIR="/mine", UV_CACHE_DIR="/too")
    assert "/mine and /too" in clone.log


def test_an_installation_that_was_cut_off_is_made_anew(clone: Clone) -> None:
    clone.put_python(pip="kill -9 $PPID; exit 1")
    assert clone.run().returncode != 0
    (clone.place / ".venv" / "half").touch()
    shutil.rmtree(clone.bin / "python3", ignore_errors=True)
    for tool in ("sha256sum", "cut", "cp"):
        (clone.bin / tool).unlink()
    clone.put_python()
    done = clone.run("status")
    assert "cut off" in done.stderr
    assert done.stdout == "stack: status\n"
    assert not (clone.place / ".venv" / "half").exists()


def test_ctrl_c_in_an_installation_ends_it_there(clone: Clone) -> None:
    # Like uv and pip: the installer takes the signal and ends in order.
    clone.put_python(pip="kill -INT $PPID; exit 1", uv="kill -INT $PPID; exit 1")
    assert clone.run("status").returncode == 130
    assert clone.installations() == []
    assert (clone.place / ".venv" / ".opswire-unfinished").exists()


def test_a_python_that_was_asked_for_and_does_not_fit_is_named(clone: Clone) -> None:
    clone.put_python()
    done = clone.run(PYTHON="/no/such/python")
    assert done.returncode == 1
    assert "PYTHON=/no/such/python is none" in done.stderr


def test_the_folder_is_found_whatever_cdpath_says(clone: Clone) -> None:
    clone.put_python()
    (clone.place / "elsewhere" / "a clone").mkdir(parents=True)
    environ = {
        "PATH": str(clone.bin),
        "HOME": str(clone.place),
        "CDPATH": str(clone.place / "elsewhere"),
    }
    done = subprocess.run(
        ["bash", "a clone/start.sh", "status"],
        cwd=clone.place.parent,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "stack: status\n", done.stderr
