"""The units: strict by our own reading, and by systemd's where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from bridge.settings import SETTINGS
from deploy.installing import env_files
from deploy.installing.layout import GROUPS, STATES, USERS, Layout, Role
from tests.deploy.scratch import ROOT, lay

FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(path for path in FOLDER.iterdir() if path.suffix in {".service", ".path", ".timer"})
SERVICES = [path for path in UNITS if path.suffix == ".service"]
LASTING = [path for path in SERVICES if path.stem != "opswire-config"]
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed here")

# What every service has, and who has a reason, written in its file, to have it otherwise.
HARDENED = {
    "NoNewPrivileges": "yes",
    "AmbientCapabilities": "",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectProc": "invisible",
    "ProcSubset": "pid",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "ProtectClock": "yes",
    "ProtectHostname": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "RemoveIPC": "yes",
    "KeyringMode": "private",
    "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM",
}
EXCEPTIONS = {
    "opswire-agent": {
        "ProtectSystem": "full",
        "ProtectHome": "no",
        "PrivateTmp": "no",
        "PrivateDevices": "no",
        "ProtectProc": "default",
        "ProcSubset": "all",
        "ProtectKernelModules": "no",
        "ProtectKernelLogs": "no",
        "ProtectHostname": "no",
        "MemoryDenyWriteExecute": "no",
        "RemoveIPC": "no",
    },
    "opswire-agent-root": {
        "CapabilityBoundingSet": "CAP_CHOWN CAP_DAC_READ_SEARCH CAP_KILL CAP_SYS_PTRACE",
        "ProtectProc": "default",
        "ProcSubset": "all",
    },
    "opswire-blackbox-exporter": {
        "CapabilityBoundingSet": "CAP_NET_RAW",
        "AmbientCapabilities": "CAP_NET_RAW",
        "ProcSubset": "all",
    },
    "opswire-node-exporter": {
        "ProtectHome": "read-only",
        "ProtectProc": "default",
        "ProcSubset": "all",
        "ProtectClock": "no",
    },
}
# Tenths of `systemd-analyze security`: 0 is shut, 100 is open; below 50 it says OK.
EXPOSURE = {
    "opswire-agent": 30,
    "opswire-agent-root": 25,
    "opswire-node-exporter": 22,
    "opswire-blackbox-exporter": 18,
}
MOST_EXPOSURE = 16
ROOT_UNITS = {"opswire-agent-root"}


def read_unit(path: Path) -> dict[str, list[str]]:
    """Read the settings of a unit, each with its values in order."""
    found: dict[str, list[str]] = defaultdict(list)
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith(("#", "[")):
            name, sign, value = line.partition("=")
            assert sign, f"{path.name}: {line}"
            assert re.fullmatch(r"[A-Z][A-Za-z]+", name), f"{path.name}: {line}"
            found[name].append(re.sub(r"\s+", " ", value))
    return found


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", SERVICES, ids=name_of)
def test_a_service_has_no_more_rights_than_it_needs(path: Path) -> None:
    unit = read_unit(path)
    wanted = {**HARDENED, **EXCEPTIONS.get(path.stem, {})}
    assert {name: unit[name] for name in wanted} == {name: [text] for name, text in wanted.items()}
    assert unit["SystemCallFilter"][0].startswith("@system-service")
    assert unit["SystemCallFilter"][1].startswith("~@")
    assert "AF_PACKET" not in unit["RestrictAddressFamilies"][0]
    assert unit["UMask"] in (["0077"], ["0027"])


@pytest.mark.parametrize("path", SERVICES, ids=name_of)
def test_a_right_beyond_the_others_has_its_reason_above_it(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    reasoned = False
    for line in lines:
        name, _, value = line.partition("=")
        if line.startswith("#") or not line:
            reasoned = line.startswith("#")
        elif EXCEPTIONS.get(path.stem, {}).get(name) == value:
            assert reasoned, f"{path.name}: {line}"


@pytest.mark.parametrize("path", SERVICES, ids=name_of)
def test_a_service_has_a_user_of_its_own_unless_only_root_can(path: Path) -> None:
    unit = read_unit(path)
    assert (path.stem in ROOT_UNITS) == (unit["User"] == [])
    assert set(unit["User"]) <= set(USERS)
    assert set(unit["Group"]) <= {*USERS, *GROUPS}


@pytest.mark.parametrize("path", LASTING, ids=name_of)
def test_a_service_comes_back_is_limited_and_says_its_name(path: Path) -> None:
    unit = read_unit(path)
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]  # and is never given up
    assert int(unit["TimeoutStopSec"][0]) >= 10
    assert re.fullmatch(r"\d+[MG%]+", unit["MemoryMax"][0])
    assert unit["TasksMax"]
    assert unit["SyslogIdentifier"] == [path.stem]
    assert unit["PartOf"] == unit["WantedBy"] == ["opswire.target"]
    if "python" in unit["ExecStart"][0]:
        assert unit["RestartPreventExitStatus"] == [
            "2"
        ]  # a wrong setting is not tried again; what another holds is


def test_prometheus_may_finish_and_the_agents_jobs_end_with_it() -> None:
    assert int(read_unit(FOLDER / "opswire-prometheus.service")["TimeoutStopSec"][0]) >= 60
    agent = read_unit(FOLDER / "opswire-agent.service")
    assert agent["KillMode"] == ["control-group"]
    # A job that the kernel ends for its memory is not the end of the agent.
    assert agent["OOMPolicy"] == ["continue"]
    assert {"landlock_create_ruleset", "landlock_restrict_self"} <= set(
        agent["SystemCallFilter"][0].split()
    )


def test_secrets_are_handed_over_by_systemd() -> None:
    for name, credential in {
        "bridge": "secret:/etc/opswire/secrets",
        "prometheus": "webhook_token:/etc/opswire/secrets/webhook_token",
        "alertmanager": "webhook_token:/etc/opswire/secrets/webhook_token",
    }.items():
        assert read_unit(FOLDER / f"opswire-{name}.service")["LoadCredential"] == [credential]


@pytest.mark.parametrize("path", SERVICES, ids=name_of)
def test_no_two_services_own_one_folder(path: Path) -> None:
    mine = set(read_unit(path)["StateDirectory"])
    assert {f"/var/lib/{name}" for name in mine} <= set(STATES)
    for other in SERVICES:
        if other != path:
            assert not mine & set(read_unit(other)["StateDirectory"])


@pytest.mark.parametrize("path", [p for p in UNITS if p.suffix == ".path"], ids=name_of)
def test_folders_are_watched_because_files_are_replaced(path: Path) -> None:
    for watched in read_unit(path)["PathChanged"]:
        assert Path(watched).suffix in {"", ".local"}, watched


def test_every_unit_belongs_to_a_role_and_every_user_is_made() -> None:
    laid = {name for role in Role for name in Layout(root=Path("/"), role=role).unit_files}
    assert laid == {path.name for path in UNITS} | {"opswire.target"}
    lines = (FOLDER / "opswire.sysusers").read_text().splitlines()
    made = [line.split()[:2] for line in lines if line and not line.startswith("#")]
    assert made == [*(["u", name] for name in USERS), *(["g", name] for name in GROUPS)]
    assert all("/usr/sbin/nologin" in line for line in lines if line.startswith("u "))


@pytest.mark.parametrize("path", SERVICES, ids=name_of)
def test_a_unit_sets_only_settings_that_there_are(path: Path) -> None:
    known = {setting.name for setting in SETTINGS}
    for line in read_unit(path)["Environment"]:
        assert {pair.partition("=")[0] for pair in line.split()} <= known


@pytest.mark.parametrize("path", SERVICES, ids=name_of)
def test_what_a_command_line_takes_from_a_file_has_a_value_without_it(path: Path) -> None:
    unit = read_unit(path)
    used = set(re.findall(r"\$\{(\w+)\}", unit["ExecStart"][0]))
    given = {pair.partition("=")[0] for line in unit["Environment"] for pair in line.split()}
    assert used <= given
    assert used <= env_files.NEEDED


def copy_units(root: Path, place: Path) -> list[str]:
    """Copy laid units so that what they start is found where it was laid."""
    place.mkdir()
    for path in (root / "etc/systemd/system").iterdir():
        text = path.read_text().replace("/opt/opswire/", f"{root}/opt/opswire/")
        (place / path.name).write_text(text)
    return [path.name for path in place.iterdir()]


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(root: Path, tmp_path: Path) -> None:
    lay(root)
    names = copy_units(root, tmp_path / "units")
    environ = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path / 'units'}:"}
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", *names],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if "opswire" in line]
    assert said == []


@needs_systemd
@pytest.mark.parametrize("path", SERVICES, ids=name_of)
def test_systemd_finds_a_service_well_shut(path: Path) -> None:
    threshold = EXPOSURE.get(path.stem, MOST_EXPOSURE)
    done = subprocess.run(
        [
            *(str(ANALYZE), "security", "--no-pager", "--offline=yes"),
            *(f"--threshold={threshold}", str(path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
