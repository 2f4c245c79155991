"""What stands in the way of an installation: all of it at once, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from deploy.installing import env_files
from deploy.installing.layout import PROGRAM, SETTINGS, USERS, Layout, Role
from deploy.installing.machine import Machine
from deploy.installing.packages import SHUT
from deploy.installing.ports import MOVABLE, is_port, list_env_files, list_ports, read_settings
from deploy.installing.record import Record

OLDEST_SYSTEMD: Final = 250  # systemd.exec(5): the first that knows all that the units ask for
OLDEST_PYTHON: Final = (3, 11)  # pyproject.toml
ROOM_BYTES: Final = {
    Role.ALL: 1500 * 1024**2,  # measured: 900 MB with programs, and as much as a day of samples
    Role.BRIDGE: 1500 * 1024**2,
    Role.AGENT: 300 * 1024**2,  # measured: 110 MB
}


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
    known = read_settings(layout)
    faults = [*_check_files(layout), *_check_given(given)]
    if machine.is_live:
        faults += _check_machine(machine, python)
        faults += _check_accounts(machine, record)
        faults += _check_ports(layout, machine, {**given, **known})
    return [*faults, *_check_room(layout, machine, record)]


def _check_machine(machine: Machine, python: Path) -> Iterator[str]:
    if not machine.is_root:
        yield "only root can install services: run this with sudo (--dry-run shows what it does)"
    version = machine.systemd
    if not version:
        yield (
            "systemd does not run here, so there is nothing to install services into: ./start.sh"
            " runs the same programs in the foreground, ./start.sh --docker in containers"
        )
    elif version < OLDEST_SYSTEMD:
        yield f"this is systemd {version}, and the services need {OLDEST_SYSTEMD}; or ./start.sh"
    place = python.resolve()
    if any(Path(shut) in place.parents for shut in SHUT):
        yield (
            f"{place} lies where services cannot look: install your distribution's Python 3.11 or"
            " newer (Debian, Ubuntu: apt install python3 python3-venv), or name one: PYTHON=/usr/…"
        )


def _check_accounts(machine: Machine, record: Record) -> Iterator[str]:
    for name in USERS:
        account = machine.find_account(name)
        if account is not None and account.is_person and name not in record.users:
            yield (
                f"there is a user {name} already, by whom somebody logs in (number"
                f" {account.number}, shell {account.shell}): the services need that name; rename"
                " that user first"
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


def _check_given(given: Mapping[str, str]) -> Iterator[str]:
    for name in MOVABLE:
        if name in given and not is_port(given[name]):
            yield f"{name}={given[name]}: a port is a number from 1 to 65535"


def _check_ports(layout: Layout, machine: Machine, settings: Mapping[str, str]) -> Iterator[str]:
    for port, host, number in list_ports(layout, settings):
        if machine.is_active(port.unit) or machine.is_port_free(host, number):
            continue
        if not machine.has_address(host):
            yield f"{port.host}={host}, in {SETTINGS}/{port.file}, is no address of this machine"
            continue
        yield f"port {number} is taken by another program, and {port.unit} needs it: {port.way_out}"
