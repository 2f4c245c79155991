"""The machine: what an installation asks of it, and what it changes there beside files."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.stack.ports import find_obstacle, is_free

BOOTED: Final = Path("/run/systemd/system")
"""Is there when systemd is the first process (sd_booted(3))."""
FOLDERS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs of services may lie: their homes are shut to them."""
COMMAND_SECONDS: Final = 1800  # chosen: a slow line fetches 200 MB of packages in it


class Refused(Exception):
    """It cannot go on; each sentence says why and what helps."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    number: int
    shell: str

    @property
    def is_person(self) -> bool:
        """Whether somebody logs in by it."""
        return self.number >= 1000 or not self.shell.endswith(("nologin", "false"))  # noqa: PLR2004


class Machine:
    """This machine; with another root it is a folder that is filled, and nothing is started."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.is_live = root == Path("/")
        """Whether users are made and services started."""

    @property
    def is_root(self) -> bool:
        """Whether we may change it."""
        return os.geteuid() == 0

    @property
    def systemd(self) -> int:
        """The version of systemd that runs here; 0 where another program is the first."""
        if not BOOTED.is_dir():
            return 0
        done = self.ask("systemctl", "--version")
        found = re.match(r"systemd (\d+)", done.stdout)
        return int(found[1]) if found else 0

    def find_account(self, name: str) -> Account | None:
        """Find a user by name."""
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            return None
        return Account(found.pw_uid, found.pw_shell)

    def is_port_free(self, host: str, port: int) -> bool:
        """Say whether nobody listens there."""
        return is_free(host, port)

    def has_address(self, host: str) -> bool:
        """Say whether an address to listen on is this machine's."""
        return not find_obstacle(host, 0)

    def is_active(self, unit: str) -> bool:
        """Say whether a unit runs."""
        return self.ask("systemctl", "is-active", "--quiet", unit).returncode == 0

    def is_failed(self, unit: str) -> bool:
        """Say whether a unit was given up."""
        return self.ask("systemctl", "is-failed", "--quiet", unit).returncode == 0

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def count_free_bytes(self, place: Path) -> int:
        """Say how much room is left where a path will lie."""
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    def give(self, path: Path, user: str, *, opened: int) -> None:
        """Give what is open to a user; in a folder that is only filled, it stays ours.

        The path says which it is: by now it may lead to another.
        """
        del path
        if self.is_live:
            shutil.chown(opened, user, user)

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program whatever comes of it."""
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def ask_version(self, name: str) -> str:
        """Ask a program for its version; empty where there is none that runs."""
        try:
            done = self.ask(name, "--version")
        except OSError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    def run(self, command: Sequence[str], *, environ: dict[str, str] | None = None) -> None:
        """Run a program that must succeed.

        Raises:
            Refused: it did not; its last words are told.
        """
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=COMMAND_SECONDS,
                check=False,
                env={**os.environ, **(environ or {})},
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise Refused(f"{command[0]} cannot be run ({type(fault).__name__})") from fault
        if done.returncode:
            words = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise Refused(f"{' '.join(command[:4])} failed:", *(f"  {each}" for each in words[-8:]))
