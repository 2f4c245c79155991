from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy.installing.layout import USERS
from deploy.installing.machine import Refused
from deploy.installing.removal import Wish, uninstall
from tests.deploy.scratch import SYSTEM_USER, ScratchMachine, lay, picture


def remove(
    root: Path, machine: ScratchMachine, *, keeps_state: bool = False, is_dry: bool = False
) -> list[str]:
    said: list[str] = []
    uninstall(Wish(root=root, keeps_state=keeps_state, is_dry=is_dry), machine, said.append)
    return said


def files(root: Path) -> list[str]:
    return [name for name in picture(root) if not (root / name).is_dir()]


def test_nothing_is_left(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine)
    (root / "etc/opswire/actions.yml").write_text("actions: {}\n")
    (root / "etc/opswire/bridge.env.new").write_text("\n")
    (root / "var/lib/opswire-prometheus").mkdir()
    (root / "var/lib/opswire-carried.x1y2z3").mkdir()
    for name in (
        "systemd/system/.opswire-bridge.service-x1y2z3",
        "sysusers.d/.opswire.conf-x1y2z3",
    ):
        (root / "etc" / name).write_text("half\n")
    remove(root, machine)
    assert files(root) == []
    assert [name for name in picture(root) if "opswire" in name] == []
    assert machine.accounts == {}
    assert ("systemctl", "daemon-reload") in machine.ran
    assert remove(root, machine) == ["there is nothing of Opswire here"]


def test_services_are_stopped_before_anything_of_them_is_gone(
    root: Path, machine: ScratchMachine
) -> None:
    lay(root, machine)
    said = remove(root, machine)
    assert said[0] == "stop and disable the services"
    assert said[-1].endswith("/opt/opswire")
    stopped = next(command for command in machine.ran if "disable" in command)
    assert {"opswire-bridge.service", "opswire-config.path"} <= set(stopped)


def test_what_was_stored_stays_if_it_is_wished_and_an_installation_goes_on_with_it(
    root: Path, machine: ScratchMachine
) -> None:
    lay(root, machine)
    (root / "etc/opswire/bridge.env").write_text("LOG_LEVEL=DEBUG\n")
    (root / "var/lib/opswire/opswire.db").write_text("people")
    edited = root / "etc/systemd/system/opswire-bridge.service.d/override.conf"
    edited.parent.mkdir()
    edited.write_text("[Service]\nMemoryMax=2G\n")
    machine.active.clear()
    remove(root, machine, keeps_state=True)
    left = files(root)
    assert "var/lib/opswire/opswire.db" in left
    assert "etc/opswire/secrets/webhook_token" in left
    kept = str(edited.relative_to(root))
    assert [name for name in left if "systemd" in name or "releases" in name] == [kept]
    assert set(machine.accounts) == set(USERS)
    lay(root, machine)
    assert (root / "etc/opswire/bridge.env").read_text() == "LOG_LEVEL=DEBUG\n"
    assert not (root / "etc/opswire/bridge.env.new").exists()
    machine.active.clear()
    remove(root, machine)
    assert files(root) == []
    assert machine.accounts == {}


def test_a_user_whom_we_did_not_make_stays(root: Path, machine: ScratchMachine) -> None:
    machine.accounts["opswire"] = SYSTEM_USER
    lay(root, machine)
    said = remove(root, machine)
    assert set(machine.accounts) == {"opswire"}
    assert said[-1] == "not made by an installation that is remembered, and left: opswire"


def test_a_program_deleted_by_hand_does_not_hide_the_rest(
    root: Path, machine: ScratchMachine
) -> None:
    lay(root, machine)
    shutil.rmtree(root / "opt/opswire")
    remove(root, machine)
    assert [name for name in picture(root) if "opswire" in name] == []


def test_a_dry_run_says_all_of_it_and_changes_nothing(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine)
    before = picture(root)
    machine.ran.clear()
    would = [line.removeprefix("would ") for line in remove(root, machine, is_dry=True)]
    assert picture(root) == before
    assert machine.ran == []
    assert remove(root, machine) == would[:-1]


def test_a_removal_cut_off_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    first = tmp_path / "whole"
    first.mkdir()
    machine = ScratchMachine(first)
    lay(first, machine)
    for number in range(len(remove(first, machine))):
        root = tmp_path / str(number)
        root.mkdir()
        machine = ScratchMachine(root)
        lay(root, machine)
        said: list[str] = []

        def say(sentence: str, number: int = number, said: list[str] = said) -> None:
            if len(said) == number:
                raise KeyboardInterrupt
            said.append(sentence)

        with pytest.raises(KeyboardInterrupt):
            uninstall(Wish(root=root), machine, say)
        remove(root, machine)
        assert files(root) == [], f"cut off at step {number}"
        assert machine.accounts == {}, f"cut off at step {number}"


def test_a_folder_that_was_made_for_one_file_goes_with_it_and_another_stays(
    root: Path, machine: ScratchMachine
) -> None:
    lay(root, machine)
    remove(root, machine)
    assert not (root / "etc/sysusers.d").exists()
    (root / "run/opswire-upgrade").mkdir(parents=True)  # of an upgrade that was killed
    (root / "etc/sysusers.d").mkdir()
    (root / "etc/sysusers.d/other.conf").touch()
    lay(root, machine)
    remove(root, machine)
    assert files(root) == ["etc/sysusers.d/other.conf"]
    assert not (root / "run/opswire-upgrade").exists()


def test_somebody_elses_units_and_command_stay(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine)
    unit = root / "etc/systemd/system/opswired.service"
    unit.write_text("[Service]\n")
    remove(root, machine)
    assert files(root) == ["etc/systemd/system/opswired.service"]


def test_somebody_who_is_not_root_is_told(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine)
    machine.is_administrator = False
    with pytest.raises(Refused, match="run this with sudo"):
        remove(root, machine)
