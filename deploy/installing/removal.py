"""Takes the services away, in the order in which nothing is left behind if it is cut off."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.installing import accounts, units
from deploy.installing.layout import (
    ACCOUNTS,
    CARRIED,
    COMMAND,
    CURRENT,
    PROGRAM,
    RECORD,
    RELOADED,
    SETTINGS,
    STATES,
    UNITS,
    UNPACKED,
    USERS,
    Layout,
    Role,
)
from deploy.installing.machine import Machine, Refused
from deploy.installing.record import Record
from deploy.installing.site import Step
from deploy.installing.turn import take_turn

Say = Callable[[str], None]
QUESTION: Final = (
    "This deletes the services, their settings in /etc/opswire and all that they have stored:"
    " people, chats, alerts, samples, the keys of every host.\n"
    "--keep-state would leave settings and stores. Type yes to delete: "
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the person asks for."""

    root: Path
    keeps_state: bool = False
    is_dry: bool = False


def uninstall(wish: Wish, machine: Machine, say: Say) -> None:
    """Take everything away, or say what would be.

    Raises:
        Refused: something is in the way.
    """
    layout = Layout(root=wish.root, role=Role.ALL)
    record = Record.read(layout.at(RECORD))
    if machine.is_live and not machine.is_root and not wish.is_dry:
        raise Refused("only root can remove services: run this with sudo")
    steps = list(plan(layout, machine, record, keeps_state=wish.keeps_state))
    if not steps:
        say("there is nothing of Opswire here")
        return
    if wish.is_dry:
        for step in steps:
            say(f"would {step.sentence}")
        say("nothing was changed: this was a dry run")
        return
    with take_turn(layout.at(PROGRAM)):
        for step in steps:
            say(step.sentence)
            step.perform()
    for folder in (layout.at(PROGRAM), layout.at(ACCOUNTS).parent):
        _remove_if_empty(folder)
    left = [name for name in USERS if machine.find_account(name) is not None]
    if left and not wish.keeps_state:
        say(f"not made by an installation that is remembered, and left: {', '.join(left)}")
    if wish.keeps_state:
        say("settings and stores are where they were; install.sh goes on with them")


def plan(layout: Layout, machine: Machine, record: Record, *, keeps_state: bool) -> Iterator[Step]:
    """List what is to be taken away; what is not there is left out."""
    unit_files = sorted(
        path
        for path in layout.at(UNITS).glob("opswire*")
        if path.name.startswith(("opswire-", "opswire."))
    )
    if unit_files and machine.is_live:
        yield Step(
            sentence="stop and disable the services",
            perform=lambda: units.stop(layout, machine, record),
        )
    for path in unit_files:
        # What was written by `systemctl edit` is a setting.
        if not (keeps_state and path.is_dir()):
            yield _removal(path)
    for path in _find_half_written(layout):
        yield _removal(path)
    if unit_files and machine.is_live:
        yield Step(sentence="let systemd forget them", perform=lambda: _forget(machine))
    command = layout.at(COMMAND)
    if command.is_symlink() and str(command.readlink()).startswith(CURRENT):
        yield _removal(command)
    if not keeps_state:
        yield from _plan_state(layout, machine, record)
    if layout.at(PROGRAM).exists():
        yield Step(
            sentence=f"remove {layout.at(PROGRAM)}",
            perform=lambda: _remove_program(layout, record if keeps_state else None),
        )


def _find_half_written(layout: Layout) -> list[Path]:
    """Find what an installation that was killed had begun to write beside a file of ours."""
    folders = {layout.at(name).parent for name in (f"{UNITS}/opswire.target", ACCOUNTS, COMMAND)}
    return sorted(path for folder in folders for path in folder.glob(".opswire[-.]*"))


def _plan_state(layout: Layout, machine: Machine, record: Record) -> Iterator[Step]:
    for name in (SETTINGS, *STATES, RELOADED, UNPACKED):
        if layout.at(name).exists():
            yield _removal(layout.at(name))
    for path in sorted(layout.at(CARRIED).parent.glob(Path(CARRIED).name)):
        yield _removal(path)
    if record.users and machine.is_live:
        yield Step(
            sentence=f"remove the users {', '.join(record.users)}",
            perform=lambda: accounts.remove(machine, record),
        )
    for path in (layout.at(ACCOUNTS), layout.at(ACCOUNTS + ".new")):
        if path.exists():
            yield _removal(path)


def _removal(path: Path) -> Step:
    def perform() -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    return Step(sentence=f"remove {path}", perform=perform)


def _forget(machine: Machine) -> None:
    machine.run(["systemctl", "daemon-reload"])
    machine.ask("systemctl", "reset-failed", "opswire-*")


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder that was made for one thing, where nothing else lies in it."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _remove_program(layout: Layout, kept: Record | None) -> None:
    """Remove the program; the record is the last, and stays where an installation goes on."""
    folder = layout.at(PROGRAM)
    for path in folder.iterdir():
        if path != layout.at(RECORD):
            _removal(path).perform()
    if kept is None:
        shutil.rmtree(folder)
        return
    kept.files = {
        path: seen
        for path, seen in kept.files.items()
        if path.startswith(("/etc/opswire", ACCOUNTS))
    }
    kept.save()
