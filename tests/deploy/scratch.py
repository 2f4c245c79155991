"""A machine that is a folder: no user, no systemd, no network."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from deploy.installing.install import Wish, install
from deploy.installing.layout import Layout, Role
from deploy.installing.machine import Account, Machine
from deploy.installing.ports import PORTS
from deploy.stack.binaries import MARKER, PROGRAMS

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_USER = Account(990, "/usr/sbin/nologin")
TOKEN = "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
RANDOM = {"etc/opswire/secrets/webhook_token"}


class ScratchMachine(Machine):
    """Answers as a healthy machine would, and notes what it is told to do."""

    def __init__(self, root: Path, *, is_live: bool = True) -> None:
        super().__init__(root)
        self.is_live = is_live
        self.accounts: dict[str, Account] = {}
        self.taken: set[int] = set()
        self.active: set[str] = set()
        self.failed: set[str] = set()
        self.free = 10**12
        self.version = 252
        self.is_administrator = True
        self.ran: list[tuple[str, ...]] = []
        self.given: dict[str, str] = {}
        put_programs(root)

    @property
    def is_root(self) -> bool:
        return self.is_administrator

    @property
    def systemd(self) -> int:
        return self.version

    def find_account(self, name: str) -> Account | None:
        return self.accounts.get(name)

    def is_port_free(self, host: str, port: int) -> bool:
        del host
        units = {each.unit for each in PORTS if each.default == port}
        # What was moved belongs to whatever was started.
        return port not in self.taken and not (units & self.active if units else self.active)

    def is_active(self, unit: str) -> bool:
        return unit.removesuffix(".service") in self.active

    def is_failed(self, unit: str) -> bool:
        return unit in self.failed

    def sleep(self, seconds: float) -> None:
        del seconds

    def count_free_bytes(self, place: Path) -> int:
        del place
        return self.free

    def give(self, path: Path, user: str, *, opened: int) -> None:
        assert os.fstat(opened).st_ino, "it is held open"
        self.given[str(path.relative_to(self.root))] = user

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        self.ran.append(command)
        return subprocess.CompletedProcess(command, 1 if command[0] == "uv" else 0, "", "")

    def run(self, command: Sequence[str], *, environ: dict[str, str] | None = None) -> None:
        del environ
        self.ran.append(tuple(command))
        if tuple(command[1:3]) == ("-m", "venv"):
            write_program(Path(command[3]) / "bin" / "python")
        elif command[0] == "systemd-sysusers":
            lines = Path(command[1]).read_text().splitlines()
            names = [line.split()[1] for line in lines if line.startswith("u ")]
            self.accounts |= dict.fromkeys(names, SYSTEM_USER)
        elif command[0] == "userdel":
            del self.accounts[command[1]]
        elif command[:3] == ["systemctl", "enable", "--now"]:
            self.active |= {name.removesuffix(".service") for name in command[4:]}


def write_program(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def put_programs(root: Path) -> None:
    """Lay the foreign programs where they are unpacked to."""
    for program in PROGRAMS.values():
        for package in program.packages:
            place = root / "opt/opswire/.runtime/programs/stable" / package
            write_program(place / "usr" / "bin" / program.names[0])
            (place / MARKER).write_text("1\n")


def lay(
    root: Path,
    machine: Machine | None = None,
    *,
    role: Role = Role.ALL,
    without: Sequence[str] = (),
    is_dry: bool = False,
    bot_token: str = TOKEN,
    given: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Install into a folder; give what was said."""
    said: list[str] = []
    layout = Layout(root=root, role=role, without=frozenset(without))
    wish = Wish(layout=layout, bot_token=bot_token, is_dry=is_dry)
    install(wish, machine or ScratchMachine(root, is_live=False), given, said.append)
    return said


def picture(root: Path) -> dict[str, str]:
    """Describe everything below a folder: kind, mode, content."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = f"{path.stat().st_mode:o}"
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest() if name not in RANDOM else ""
            found[name] = f"{path.stat().st_mode:o} {content}"
    return found
