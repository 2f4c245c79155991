from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bridge.settings import SETTINGS
from deploy.installing import env_files, source
from deploy.installing.laying import BESIDE
from deploy.installing.layout import FOREIGN, USERS, Role
from deploy.installing.machine import Account, Refused
from deploy.installing.turn import take_turn
from tests.deploy.scratch import SYSTEM_USER, TOKEN, ScratchMachine, lay, picture

ENV = "etc/opswire/bridge.env"
SECRET = {setting.name for setting in SETTINGS if setting.secret}


def refuse(root: Path, machine: ScratchMachine, **given: str) -> str:
    before = picture(root)
    with pytest.raises(Refused) as caught:
        lay(root, machine, given=given)
    assert picture(root) == before
    return str(caught.value)


@pytest.mark.parametrize("role", Role)
def test_a_second_installation_finds_everything_in_its_place(root: Path, role: Role) -> None:
    lay(root, role=role)
    before = picture(root)
    assert lay(root, role=role)[-1] == "everything is in its place already"
    assert picture(root) == before


@pytest.mark.parametrize("role", Role)
def test_a_dry_run_says_every_step_and_changes_nothing(
    root: Path, machine: ScratchMachine, role: Role
) -> None:
    before = picture(root)
    would = [line.removeprefix("would ") for line in lay(root, machine, role=role, is_dry=True)]
    assert picture(root) == before
    assert {command[:2] for command in machine.ran} <= {("systemctl", "is-active")}
    did = lay(root, machine, role=role)
    assert [line for line in would[:-1] if line not in did] == []


def test_a_dry_run_by_anybody_says_what_is_in_the_way(root: Path, machine: ScratchMachine) -> None:
    machine.is_administrator = False
    said = lay(root, machine, is_dry=True)
    assert said[0].startswith("in the way: only root can install services")
    assert said[-1] == "nothing was changed: this was a dry run"


@pytest.mark.parametrize("role", Role)
def test_whatever_a_unit_starts_is_there(root: Path, role: Role) -> None:
    lay(root, role=role)
    started = 0
    for unit in (root / "etc/systemd/system").glob("opswire*.service"):
        for line in unit.read_text().splitlines():
            if not line.startswith("ExecStart="):
                continue
            for word in line.removeprefix("ExecStart=").split():
                if word.startswith("/opt/opswire"):
                    assert os.access(root / word[1:], os.X_OK), f"{unit.name}: {word}"
                    started += 1
    assert started >= {Role.ALL: 9, Role.BRIDGE: 7, Role.AGENT: 3}[role]


def test_a_monitored_host_gets_nothing_of_the_bridge(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine, role=Role.AGENT)
    laid = {path.name for path in (root / "etc/systemd/system").iterdir()}
    assert laid == {
        *("opswire-agent.service", "opswire-agent-root.service"),
        *("opswire-node-exporter.service", "opswire.target"),
    }
    assert not (root / "etc/opswire/secrets").exists()
    assert not (root / "etc/opswire/bridge.env").exists()
    assert ("pip", "agent.txt") in {(c[2], Path(c[-1]).name) for c in machine.ran if len(c) > 2}


def test_what_the_owner_runs_is_left_out(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine, without=("prometheus", "alertmanager"))
    laid = {path.name for path in (root / "etc/systemd/system").iterdir()}
    assert not laid & {"opswire-prometheus.service", "opswire-alertmanager.service"}
    enabled = next(command for command in machine.ran if "enable" in command)
    assert not [name for name in enabled if "prometheus" in name]


def test_secrets_are_their_owners_alone(root: Path) -> None:
    lay(root)
    secrets = root / "etc/opswire/secrets"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert (secrets / "bot_token").read_text() == f"{TOKEN}\n"
    for path in [*secrets.iterdir(), *(root / "etc/opswire").glob("*.env")]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_no_token_is_said_or_given_in_a_command_line(root: Path, machine: ScratchMachine) -> None:
    said = lay(root, machine)
    webhook = (root / "etc/opswire/secrets/webhook_token").read_text().strip()
    everything = "\n".join([*said, *(" ".join(command) for command in machine.ran)])
    assert TOKEN not in everything
    assert webhook not in everything


def test_without_a_token_all_but_the_bridge_starts(root: Path, machine: ScratchMachine) -> None:
    said = lay(root, machine, bot_token="")
    enabled = next(command for command in machine.ran if "enable" in command)
    assert "opswire-prometheus.service" in enabled
    assert "opswire-bridge.service" not in enabled
    assert any("the bridge waits for its bot" in line for line in said)
    lay(root, machine)
    assert "opswire-bridge.service" in [c for c in machine.ran if "enable" in c][-1]


def test_services_have_users_of_their_own(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine)
    assert set(machine.accounts) == set(USERS)
    assert machine.given["var/lib/opswire"] == "opswire"
    assert machine.given["var/lib/opswire/inventory/agents.txt"] == "opswire"
    assert machine.given["var/lib/opswire-agent"] == "opswire-agent"


def test_root_follows_no_link_of_the_bridges_user(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine)
    inventory = root / "var/lib/opswire/inventory"
    (inventory / "agents.txt").unlink()
    inventory.rmdir()
    theirs = root / "etc/somebody"
    theirs.mkdir()
    inventory.symlink_to(theirs)
    machine.given.clear()
    with pytest.raises(Refused, match=r"opswire/inventory: Not a directory"):
        lay(root, machine)
    assert list(theirs.iterdir()) == []
    assert set(machine.given) == {"var/lib/opswire"}
    inventory.unlink()
    inventory.mkdir()
    kept = theirs / "kept"
    kept.write_text("theirs")
    for name in ("agents.txt", ".agents.txt.fresh"):
        (inventory / name).symlink_to(kept)
    kept.rename(theirs / "elsewhere")
    lay(root, machine)
    assert (theirs / "elsewhere").read_text() == "theirs"
    assert not kept.exists()
    assert not (inventory / "agents.txt").is_symlink()


# --- what an owner has edited -----------------------------------------------------------------


def test_an_edited_file_is_kept_and_what_ships_lies_beside(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(root)
    path = root / ENV
    path.write_text("LOG_LEVEL=DEBUG\n")
    lay(root)
    assert path.read_text() == "LOG_LEVEL=DEBUG\n"
    assert not path.with_name(path.name + BESIDE).exists()
    monkeypatch.setattr(env_files, "_BRIDGE_HEAD", "# Another release.\n")
    said = lay(root)
    assert f"keep {path}, which was edited; what ships now goes beside it, to .new" in said
    assert path.read_text() == "LOG_LEVEL=DEBUG\n"
    assert path.with_name(path.name + BESIDE).read_text().startswith("# Another release.")
    before = picture(root)
    assert lay(root)[-1] == "everything is in its place already"
    assert picture(root) == before


def test_a_file_that_nobody_edited_follows_the_release(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(root)
    monkeypatch.setattr(env_files, "_BRIDGE_HEAD", "# Another release.\n")
    lay(root)
    assert (root / ENV).read_text().startswith("# Another release.")
    assert not (root / (ENV + BESIDE)).exists()


def test_an_owners_file_from_before_the_installation_is_kept(root: Path) -> None:
    rules = root / "etc/opswire/prometheus/rules/alerts.yml"
    rules.parent.mkdir(parents=True)
    rules.write_text("groups: []\n")
    lay(root)
    assert rules.read_text() == "groups: []\n"
    assert rules.with_name("alerts.yml.new").exists()


def test_the_shipped_configuration_is_edited_in_etc(root: Path) -> None:
    lay(root)
    current = root / "opt/opswire/current"
    assert str((current / "prometheus").readlink()) == "/etc/opswire/prometheus"
    laid = root / "etc/opswire"
    shipped = [str(path) for path in source.list_editable(Path.cwd()) if ".local" in path.name]
    assert shipped == []
    assert (laid / "prometheus/prometheus.yml").exists()
    assert (laid / "prometheus/rules/alerts.yml").exists()
    assert (laid / "alertmanager/alertmanager.yml").exists()


def test_ports_asked_for_are_written_with_their_addresses(root: Path) -> None:
    lay(root, given={"PROMETHEUS_PORT": "9190", "NODE_EXPORTER_PORT": "9200"})
    settings = env_files.parse((root / "etc/opswire/monitoring.env").read_text())
    assert settings["PROMETHEUS_PORT"] == "9190"
    assert settings["PROMETHEUS_URL"] == "http://127.0.0.1:9190"
    assert settings["NODE_EXPORTER_PORT"] == "9200"
    assert settings["ALERTMANAGER_URL"] == "http://127.0.0.1:9093"
    assert lay(root)[-1] == "everything is in its place already"


# --- from release to release -----------------------------------------------------------------


@pytest.mark.parametrize("link", ["upgrading", "previous"])
def test_the_release_that_an_upgrade_goes_back_to_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    for version in ("1.0", "2.0"):
        monkeypatch.setattr(source, "read_version", lambda _, version=version: version)
        lay(root)
    first, second = sorted(path.name for path in (root / "opt/opswire/releases").iterdir())
    (root / "opt/opswire" / link).symlink_to(f"releases/{first}")
    monkeypatch.setattr(source, "read_version", lambda _: "3.0")
    lay(root)
    left = sorted(path.name for path in (root / "opt/opswire/releases").iterdir())
    assert left[:-1] == [first, second]
    assert left[-1].startswith("3.0-")
    (root / "opt/opswire" / link).unlink()
    lay(root)
    assert [
        path.name for path in (root / "opt/opswire/releases").iterdir() if path.name == first
    ] == []


def test_an_upgrade_takes_the_packages_along_and_keeps_one_release_before(
    root: Path, machine: ScratchMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "2.0", "3.0"):
        machine.ran.clear()
        monkeypatch.setattr(source, "read_version", lambda _, version=version: version)
        lay(root, machine)
        assert any("pip" in command for command in machine.ran) == (version == "1.0")
    assert sorted(p.name[:3] for p in (root / "opt/opswire/releases").iterdir()) == ["2.0", "3.0"]
    restarted = next(command for command in machine.ran if "try-restart" in command)
    assert restarted[2:] == (
        *("opswire-agent-root.service", "opswire-agent.service", "opswire-bridge.service"),
    )


def test_another_role_takes_its_units_away(root: Path, machine: ScratchMachine) -> None:
    lay(root, machine)
    lay(root, machine, role=Role.AGENT)
    assert not (root / "etc/systemd/system/opswire-bridge.service").exists()
    assert ("systemctl", "daemon-reload") in machine.ran
    assert (root / ENV).exists()


# --- bad days ---------------------------------------------------------------------------------


def test_somebody_who_is_not_root_is_told(root: Path, machine: ScratchMachine) -> None:
    machine.is_administrator = False
    assert "run this with sudo" in refuse(root, machine)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [(0, "systemd does not run here"), (249, "this is systemd 249, and the services need 250")],
)
def test_a_machine_without_systemd_is_shown_the_other_ways(
    root: Path, machine: ScratchMachine, version: int, sentence: str
) -> None:
    machine.version = version
    said = refuse(root, machine)
    assert sentence in said
    assert "./start.sh" in said


def test_a_full_disk_is_noticed_before_anything_is_written(
    root: Path, machine: ScratchMachine
) -> None:
    machine.free = 5 * 1024**2
    assert "is full: 5 MB are free, 1500 MB are needed" in refuse(root, machine)


def test_a_person_of_the_same_name_is_left_alone(root: Path, machine: ScratchMachine) -> None:
    machine.accounts["opswire"] = Account(1000, "/bin/bash")
    assert "there is a user opswire already" in refuse(root, machine)


def test_a_system_user_of_the_same_name_is_used_and_never_removed(
    root: Path, machine: ScratchMachine
) -> None:
    machine.accounts["opswire"] = SYSTEM_USER
    lay(root, machine)
    record = (root / "opt/opswire/installed.json").read_text()
    assert '"opswire-agent"' in record
    assert '"opswire"' not in record


def test_every_taken_port_is_named_with_the_ways_out(root: Path, machine: ScratchMachine) -> None:
    machine.taken = {9090, 8002}
    said = refuse(root, machine)
    assert (
        "port 9090 is taken by another program, and opswire-prometheus needs it: end that program,"
        " run this with another port (PROMETHEUS_PORT=9190), or leave ours out"
        " (--without prometheus)" in said
    )
    assert "write another SERVER_PORT into /etc/opswire/bridge.env" in said
    lay(root, machine, without=("prometheus",), given={"SERVER_PORT": "8102"})


def test_our_own_services_do_not_take_their_ports_from_themselves(
    root: Path, machine: ScratchMachine
) -> None:
    lay(root, machine)
    assert not machine.is_port_free("127.0.0.1", 9090)
    lay(root, machine)


def test_an_address_that_is_none_of_this_machine_is_no_taken_port(
    root: Path, machine: ScratchMachine
) -> None:
    machine.taken = {8001}
    settings = root / "etc/opswire/agent.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("AGENT_HOST=192.0.2.7\n")
    said = refuse(root, machine)
    assert "AGENT_HOST=192.0.2.7, in /etc/opswire/agent.env, is no address of this machine" in said
    assert "port 8001 is taken" not in said


def test_a_port_that_is_none_is_refused(root: Path, machine: ScratchMachine) -> None:
    said = refuse(root, machine, PROMETHEUS_PORT="ninety")
    assert "PROMETHEUS_PORT=ninety: a port is a number from 1 to 65535" in said


def test_a_half_edited_file_of_settings_stops_before_anything_is_changed(
    root: Path, machine: ScratchMachine
) -> None:
    lay(root, machine)
    (root / ENV).write_text('LOG_LEVEL="DEBUG\nSERVER_PORT\nBOT_TOKN=123456:SECRET\nALERT_')
    said = refuse(root, machine)
    assert f"{root / ENV}: line 1 begins a quote in LOG_LEVEL that does not end" in said
    assert f"{root / ENV}: line 2 is no NAME=value" in said
    assert "line 3 sets BOT_TOKN, which is no setting; did you mean BOT_TOKEN?" in said
    assert "line 4 has no end, as if its writing was cut off" in said
    assert "SECRET" not in said


def test_a_service_that_does_not_stay_up_is_named(root: Path, machine: ScratchMachine) -> None:
    machine.failed = {"opswire-bridge"}
    with pytest.raises(Refused, match="journalctl -u opswire-bridge -n 20 says why"):
        lay(root, machine)
    assert (root / "opt/opswire/unfinished").exists()


def test_another_program_of_our_name_is_not_replaced(root: Path, machine: ScratchMachine) -> None:
    command = root / "usr/local/bin/opswire"
    command.parent.mkdir(parents=True)
    command.write_text("somebody's own\n")
    with pytest.raises(Refused, match="is another program: rename it first"):
        lay(root, machine)
    assert command.read_text() == "somebody's own\n"


def test_two_installations_at_once_are_one_too_many(root: Path, machine: ScratchMachine) -> None:
    with (
        take_turn(root / "opt/opswire"),
        pytest.raises(Refused, match="another installation or removal is under way"),
    ):
        lay(root, machine)


def test_a_python_of_somebodys_home_is_refused(
    root: Path, machine: ScratchMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/home/ada/.local/bin/python3.12")
    assert "lies where services cannot look" in refuse(root, machine)


def test_every_foreign_program_has_a_unit_of_its_own() -> None:
    units = {path.stem for path in (Path("deploy") / "systemd").glob("*.service")}
    assert {program.unit for program in FOREIGN.values()} <= units
