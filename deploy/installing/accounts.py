"""The users that services run as: made where they are missing, and remembered as ours."""

from __future__ import annotations

import grp
from collections.abc import Sequence
from pathlib import Path

from deploy.installing.layout import GROUPS, USERS
from deploy.installing.machine import Machine
from deploy.installing.record import Record


def list_missing(machine: Machine) -> list[str]:
    """Name the users that are not there; none in a folder that is only filled."""
    if not machine.is_live:
        return []
    return [name for name in USERS if machine.find_account(name) is None]


def make(names: Sequence[str], file: Path, machine: Machine, record: Record) -> None:
    """Make them, having written down first that they are ours to take away."""
    record.users = sorted({*record.users, *names})
    record.save()
    machine.run(["systemd-sysusers", str(file)])


def remove(machine: Machine, record: Record) -> None:
    """Take away those that we made, and the group that is nobody's."""
    for name in record.users:
        if machine.find_account(name) is not None:
            machine.run(["userdel", name])
    for name in GROUPS if record.users else ():
        if _has_group(name):
            machine.run(["groupdel", name])


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
