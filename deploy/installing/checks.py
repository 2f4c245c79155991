"""What stands in the way of an installation: all of it at once, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.installing import env_files
from deploy.installing.layout import PROGRAM, SETTINGS, USERS, Layout, Role
from deploy.installing.machine import Machine
from deploy.installing.packages import SHUT
from deploy.installing.record import Record

OLDEST_SYSTEMD: Final = 250  # systemd.exec(5): the first that knows all that the units ask for
OLDEST_PYTHON: Final = (3, 11)  # pyproject.toml
ROOM_BYTES: Final = {
    Role.ALL: 1500 * 1024**2,  # measured: 900 MB with programs, and as much as a day of samples
    Role.BRIDGE: 1500 * 1024**2,
    Role.AGENT: 300 * 1024**2,  # measured: 110 MB
}
_WATCHING: Final = (Role.ALL, Role.BRIDGE)
_WATCHED: Final = (Role.ALL, Role.AGENT)


@dataclass(frozen=True, kw_only=True)
class _Port:
    """A port that a unit needs."""

    unit: str
    setting: str
    default: int
    roles: tuple[Role, ...]
    program: str = ""
    """The foreign program, if it is one: it can be left out."""
    host_setting: str = ""


_PORTS: Final = (
    _Port(unit="opswire-bridge", setting="SERVER_PORT", default=8002, roles=_WATCHING, host_setting="SERVER_HOST"),
    _Port(unit="opswire-bridge", setting="AGENTS_PORT", default=8003, roles=_WATCHING, host_setting="AGENTS_HOST"),
    _Port(unit="opswire-prometheus", setting="PROMETHEUS_PORT", default=9090, roles=_WATCHING, program="prometheus"),
    _Port(unit="opswire-alertmanager", setting="ALERTMANAGER_PORT", default=9093, roles=_WATCHING, program="alertmanager"),
    _Port(unit="opswire-blackbox-exporter", setting="BLACKBOX_PORT", default=9115, roles=_WATCHING, program="blackbox_exporter"),
    _Port(unit="opswire-node-exporter", setting="NODE_EXPORTER_PORT", default=9100, roles=tuple(Role), program="node_exporter", host_setting="AGENT_HOST"),
    _Port(unit="opswire-agent", setting="AGENT_PORT", default=8001, roles=_WATCHED, host_setting="AGENT_HOST"),
)
MOVABLE: Final = tuple(each.setting for each in _PORTS if each.program)
"""What may be given in the environment of a first installation."""
_FILES: Final = {"SERVER": "bridge.env", "AGENTS": "bridge.env", "AGENT": "agent.env"}


def find_faults(
    layout: Layout, machine: Machine, record: Record, *, python: Path, given: Mapping[str, str]
) -> list[str]:
    """Say everything that is in the way.

    Args:
        layout: What is to be installed.
        machine: Where.
        record: What an earlier installation remembered.
        python: The interpreter that services will run.
        given: The environment of the installation.
    """
    known = _read_settings(layout)
    faults = [*_check_files(layout), *_check_given(given)]
    if machine.is_live:
        faults += _check_machine(machine, python)
        faults += _check_accounts(machine, record)
        faults += _check_ports(layout, machine, {**given, **known})
    return [*faults, *_check_room(layout, machine, record)]


def _check_machine(machine: Machine, python: Path) -> Iterator[str]:
    if not machine.is_root:
        yield "only root can install services: run this with sudo (--dry-run shows what it would do)"
    version = machine.systemd
    if not version:
        yield (
            "systemd does not run here, so there is nothing to install services into:"
            " ./start.sh runs the same programs in the foreground, ./start.sh --docker in containers"
        )
    elif version < OLDEST_SYSTEMD:
        yield f"this is systemd {version}; the services need {OLDEST_SYSTEMD} or newer, or ./start.sh"
    place = python.resolve()
    if any(Path(shut) in place.parents for shut in SHUT):
        yield (
            f"{place} lies where services cannot look: install your distribution's Python 3.11 or"
            " newer (Debian, Ubuntu: apt install python3 python3-venv), or name another: PYTHON=/usr/…"
        )


def _check_accounts(machine: Machine, record: Record) -> Iterator[str]:
    for name in USERS:
        account = machine.find_account(name)
        if account is not None and account.is_person and name not in record.users:
            yield (
                f"there is a user {name} already, whom somebody logs in by (number {account.number},"
                f" shell {account.shell}): the services need that name; rename the user first"
            )


def _check_room(layout: Layout, machine: Machine, record: Record) -> Iterator[str]:
    if record.has_begun:
        return  # what needs the room may be there already; a full disk says so by itself
    place, needed = layout.at(PROGRAM), ROOM_BYTES[layout.role]
    free = machine.count_free_bytes(place)
    if free < needed:
        yield (
            f"the disk of {place} is full: {free // 1024**2} MB are free,"
            f" {needed // 1024**2} MB are needed; make room and run this again"
        )


def _check_files(layout: Layout) -> Iterator[str]:
    for path in list_env_files(layout):
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except PermissionError:
            continue  # somebody who is not root looks at what would be done
        except UnicodeDecodeError:
            yield f"{path} is no UTF-8 text"
            continue
        yield from env_files.find_faults(str(path), text, read_known())


def read_known() -> frozenset[str]:
    """Name every setting there is, as the project that installs has them."""
    example = Path(__file__).resolve().parents[2] / ".env.example"
    return env_files.read_names(example.read_text(encoding="utf-8"))


def list_env_files(layout: Layout) -> list[Path]:
    """List the files of settings that this role reads."""
    names = ["monitoring.env"]
    names += ["bridge.env"] if layout.role in _WATCHING else []
    names += ["agent.env"] if layout.role in _WATCHED else []
    return [layout.at(SETTINGS) / name for name in names]


def _check_given(given: Mapping[str, str]) -> Iterator[str]:
    for name in MOVABLE:
        if name in given and not _is_port(given[name]):
            yield f"{name}={given[name]}: a port is a number from 1 to 65535"


def _check_ports(layout: Layout, machine: Machine, settings: Mapping[str, str]) -> Iterator[str]:
    for port in _PORTS:
        is_left_out = layout.role not in port.roles or port.program in layout.without
        text = settings.get(port.setting) or str(port.default)
        if is_left_out or not _is_port(text):
            continue
        if machine.ask("systemctl", "is-active", "--quiet", port.unit).returncode == 0:
            continue
        host = settings.get(port.host_setting) or "127.0.0.1"
        if not machine.is_port_free(host, int(text)):
            yield f"port {text} is taken by another program, and {port.unit} needs it: {_move(port)}"


def _move(port: _Port) -> str:
    if not port.program:
        file = _FILES[port.setting.split("_")[0]]
        return f"end that program, or write another {port.setting} into {SETTINGS}/{file}"
    moved = port.default + 100
    return (
        f"end that program, run this with another one ({port.setting}={moved}),"
        f" or leave ours out (--without {port.program})"
    )


def _read_settings(layout: Layout) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in list_env_files(layout):
        try:
            found |= env_files.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
    return found


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535  # noqa: PLR2004
