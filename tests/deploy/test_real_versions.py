"""Upgraded, rolled back and removed on a real systemd, and killed at every stage of it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.deploy.real_machine import PARTS, PICTURE, RealMachine, find_obstacle
from tests.deploy.scratch import ROOT
from tests.deploy.test_versions import LATER, MIGRATION, NEWEST

OBSTACLE = find_obstacle()
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(OBSTACLE != "", reason=OBSTACLE or "none"),
]

LATER_UNIT = "/etc/systemd/system/opswire-blackbox-exporter.service"
SCHEMA = "opswire database revision | grep -o 'the database has schema [0-9]*'"
RELEASE = "basename $(readlink /opt/opswire/current)"
RUNS_IN = "basename $(readlink /proc/$(systemctl show -P MainPID opswire-bridge)/cwd)"
CUT_OFF = "An upgrade or a rollback is under way, or was cut off."
# What install.sh does is cut off at each of its steps in test_cut_off.py.
EARLY = ("making a backup", "copy the program", "let /opt/opswire/current be")
LATE = (f"write {LATER_UNIT}", "restart opswire-")


@pytest.fixture
def machine(real_machine: RealMachine) -> RealMachine:
    return real_machine


@pytest.fixture(scope="module")
def former(real_machine: RealMachine) -> str:
    """Lay a clone with a later version beside the installed one, which is named."""
    machine = real_machine
    machine.run(
        "opswire people add 1003 viewer; echo '# mine' >>/etc/opswire/prometheus/blackbox.yml"
    )
    git = "git -C /srv/later -c user.name=t -c user.email=t@example.org"
    machine.run(f"mkdir /srv/later; cd {ROOT}; cp -a {' '.join(PARTS)} /srv/later/")
    machine.run(f"{git} init -q; {git} add .; {git} commit -qm first")
    machine.run("sed -i 's/__version__ = \"/__version__ = \"9./' /srv/later/bridge/__init__.py")
    machine.put(f"/srv/later/bridge/store/migrations/versions/{LATER}_later.py", MIGRATION)
    machine.run(f"echo '# later' >>/srv/later/deploy/systemd/{Path(LATER_UNIT).name}")
    machine.run(f"{git} add .; {git} commit -qm later; {git} tag v9")
    return machine.run(RELEASE).strip()


def start_again(machine: RealMachine) -> None:
    """Start the bridge as the machine would, and wait until it answers."""
    # A console that was asked before the kill is no part of what was killed.
    machine.wait_for(
        "systemctl list-units --state=active --no-legend 'opswire-console-*' | wc -l", "0"
    )
    machine.run("systemctl daemon-reload; systemctl restart opswire-bridge")
    wait_until_healthy(machine)


def wait_until_healthy(machine: RealMachine) -> None:
    machine.wait_for(
        "curl -so /dev/null -w '%{http_code}' http://127.0.0.1:8002/healthz || true", "200"
    )


def test_an_upgrade_killed_before_it_restarts_anything_goes_back(
    machine: RealMachine, former: str
) -> None:
    for stage in EARLY:
        machine.kill_at(stage, "/srv/later/deploy/upgrade.sh", "9")
        told = machine.run("opswire status")
        assert (CUT_OFF in told) == (stage != EARLY[0]), stage
        assert (f"goes back to {former}." in told) == (CUT_OFF in told)
    assert machine.run(f"tail -n 1 {LATER_UNIT}") == "# later\n"
    start_again(machine)
    machine.run("/srv/later/deploy/rollback.sh")
    assert_is_former(machine, former)


def test_an_upgrade_killed_while_it_lays_and_restarts_goes_on(
    machine: RealMachine, former: str
) -> None:
    for stage in LATE:
        machine.kill_at(stage, "/srv/later/deploy/upgrade.sh", "9")
        assert f"goes back to {former}." in machine.run("opswire status"), stage
    said = machine.run("/srv/later/deploy/upgrade.sh 9 2>&1")
    assert f"(before: {former}); deploy/rollback.sh goes back" in said
    wait_until_healthy(machine)
    assert machine.run(RELEASE).startswith("9.")
    assert machine.run(RUNS_IN) == machine.run(RELEASE)
    assert machine.run(SCHEMA).strip() == f"the database has schema {LATER}"
    assert machine.run(f"tail -n 1 {LATER_UNIT}") == "# later\n"
    assert CUT_OFF not in machine.run("opswire status")
    assert machine.run("ls /var/lib/opswire/backups") != ""


def test_a_rollback_ended_or_killed_at_any_stage_goes_on(machine: RealMachine, former: str) -> None:
    back, console = "/opt/opswire/current/deploy/rollback.sh", "opswire-console-*"
    machine.kill_at("bringing the database back", back, number=signal.SIGTERM)
    wait_until_healthy(machine)  # by itself: who loses the connection cannot start it
    machine.wait_for(f"systemctl list-units --no-legend '{console}' | wc -l", "0")
    for stage in (f"write {LATER_UNIT}", "restart opswire-"):
        machine.kill_at(stage, back)
        assert f"goes back to {former}." in machine.run("opswire status"), stage
    start_again(machine)
    machine.run("/srv/later/deploy/rollback.sh")
    assert_is_former(machine, former)
    assert "no upgrade to go back from" in machine.refuse("/srv/later/deploy/rollback.sh")


def assert_is_former(machine: RealMachine, former: str) -> None:
    """See that all is as it was, and that what was kept since is there."""
    wait_until_healthy(machine)
    assert machine.run(RELEASE).strip() == former
    assert machine.run(RUNS_IN).strip() == former
    assert machine.run(SCHEMA).strip() == f"the database has schema {NEWEST}"
    assert machine.run(f"tail -n 1 {LATER_UNIT}") != "# later\n"
    assert "1003" in machine.run("opswire people list")
    assert machine.run("tail -n 1 /etc/opswire/prometheus/blackbox.yml") == "# mine\n"
    assert CUT_OFF not in machine.run("opswire status")


def test_a_removal_says_all_of_it_first_and_leaves_nothing(
    machine: RealMachine, bare_picture: str
) -> None:
    remove = "/opt/opswire/current/deploy/uninstall.sh"
    # What runs by the clock or because of an edit would change the picture between two looks.
    machine.run("systemctl stop opswire-config.timer opswire-config.path")
    machine.settle()
    laid = f"({PICTURE}) | grep -v /var/lib/opswire"  # where services write meanwhile
    installed = machine.run(laid)
    would = machine.run(f"{remove} --dry-run").splitlines()
    assert would[-1] == "nothing was changed: this was a dry run"
    assert machine.run(laid) == installed
    said = machine.run(f"{remove} --yes").splitlines()
    assert said == [line.removeprefix("would ") for line in would[:-1]]
    assert said[0] == "stop and disable the services"
    machine.run("rm -rf /srv/later /srv/kept; test ! -e /opt/opswire")
    machine.settle()
    assert set(machine.run(PICTURE).splitlines()) ^ set(bare_picture.splitlines()) == set()
    assert machine.run(f"{ROOT}/deploy/uninstall.sh --yes") == "there is nothing of Opswire here\n"


def test_the_machine_that_ran_the_test_knows_nothing_of_it(machine: RealMachine) -> None:
    machine.end()
    assert machine.has_left_nothing
    for place in ("/opt/opswire/installed.json", "/etc/sysusers.d/opswire.conf"):
        assert not Path(place).exists()
