"""Cut off in the middle, killed, or on a full disk: the next one goes on, or goes back."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from deploy.installing import env_files, source
from deploy.installing.install import Wish, install
from deploy.installing.layout import Layout, Role
from deploy.installing.machine import Refused
from tests.deploy.scratch import TOKEN, ScratchMachine, lay, picture


class Cut(Exception):
    """The installation is killed."""


def test_an_installation_cut_off_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    machine = ScratchMachine(whole)
    steps = len([line for line in lay(whole, machine, is_dry=True) if line.startswith("would")])
    lay(whole, machine)
    wanted = picture(whole)
    for number in range(steps):
        place = tmp_path / str(number)
        place.mkdir()
        _install_until(place, number)
        said = lay(place, ScratchMachine(place))
        assert said[0] == "an installation was cut off in the middle; this one goes on from there"
        assert picture(place) == wanted, f"cut off at step {number}"


def _install_until(root: Path, number: int) -> None:
    """Install, killed as a step begins."""
    said: list[str] = []

    def say(sentence: str) -> None:
        if len(said) == number:
            raise Cut
        said.append(sentence)

    wish = Wish(layout=Layout(root=root, role=Role.ALL), bot_token=TOKEN)
    with pytest.raises(Cut):
        install(wish, ScratchMachine(root), {}, say)


def test_a_release_that_was_cut_off_while_copied_never_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(root)
    before = (root / "opt/opswire/current").readlink()
    monkeypatch.setattr(source, "read_version", lambda _: "9.9.9")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", fail)
        with pytest.raises(Refused, match=r"the disk is full .*it goes on from here"):
            lay(root)
    assert (root / "opt/opswire/current").readlink() == before
    lay(root)
    assert str((root / "opt/opswire/current").readlink()).startswith("releases/9.9.9-")


def make_release(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Let what is installed from now on be another version, with settings of its own."""
    monkeypatch.setattr(source, "read_version", lambda _: version)
    monkeypatch.setattr(env_files, "_BRIDGE_HEAD", f"# Version {version}.\n")
    monkeypatch.setattr(env_files, "_AGENT_HEAD", f"# Version {version} as well.\n")


def test_an_upgrade_killed_at_any_step_goes_back_without_a_trace_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "first"
    first.mkdir()
    make_release(monkeypatch, "1.0")
    machine = ScratchMachine(first)
    lay(first, machine)
    wanted = {name: seen for name, seen in picture(first).items() if name.startswith("etc/")}
    make_release(monkeypatch, "2.0")
    steps = [line for line in lay(first, machine, is_dry=True) if line.startswith("would")]
    assert len([line for line in steps if "write" in line]) == 2
    for number in range(1, len(steps)):
        place = tmp_path / str(number)
        shutil.copytree(first, place, symlinks=True)
        make_release(monkeypatch, "2.0")
        with monkeypatch.context() as patch:
            # Who is killed tidies nothing up.
            patch.setattr("deploy.installing.install._save", lambda _: None)
            _install_until(place, number)
        make_release(monkeypatch, "1.0")
        lay(place, ScratchMachine(place))
        left = {name: seen for name, seen in picture(place).items() if name.startswith("etc/")}
        assert left == wanted, f"killed at step {number}: {steps[number]}"


def test_what_a_killed_installation_laid_is_read_by_systemd_when_the_next_one_goes_on(
    root: Path, machine: ScratchMachine
) -> None:
    """Killed between the laying of a program and the restart of its services."""
    lay(root, machine)
    (root / "opt/opswire/unfinished").touch()
    machine.ran.clear()
    assert lay(root, machine)[0].startswith("an installation was cut off in the middle")
    restarted = next(command for command in machine.ran if "try-restart" in command)
    assert {"opswire-bridge.service", "opswire-prometheus.service"} <= set(restarted)
    assert ("systemctl", "daemon-reload") in machine.ran


def test_packages_whose_copy_was_cut_off_are_copied_anew(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "read_version", lambda _: "1.0")
    lay(root)
    [first] = (root / "opt/opswire/releases").iterdir()
    (first / ".venv/bin/python3").symlink_to("python")
    monkeypatch.setattr(source, "read_version", lambda _: "2.0")
    with monkeypatch.context() as patch:
        patch.setattr("deploy.installing.releases._complete", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lay(root)
    lay(root)
    [second] = (root / "opt/opswire/releases").glob("2.0-*")
    assert picture(second / ".venv") == picture(first / ".venv")


def test_a_disk_that_fills_while_packages_are_copied_is_called_full(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "read_version", lambda _: "1.0")
    lay(root)
    monkeypatch.setattr(source, "read_version", lambda _: "2.0")

    def fail(copied: str, place: str, **_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place) from OSError(copied)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copystat", fail)
        with pytest.raises(Refused, match=r"the disk is full \(.*\.venv.*it goes on from here"):
            lay(root)
    lay(root)
