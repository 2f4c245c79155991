"""A machine of its own, with a real systemd, over this one's files; it is thrown away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from tests.deploy.scratch import ROOT, TOKEN

BOOT = ROOT / "tests/deploy/boot.sh"
PYTHON = "/usr/bin/python3"
SPACES = ("--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup")
BOOT_SECONDS = 60.0
LOOK_SECONDS = 0.2
# The packages are those of the tests: what is installed here is the program, not the index.
UV = """\
#!/bin/sh
case "$1 ${2:-}" in
    --version*) echo uv 0 ;;
    venv*)
        for place in "$@"; do :; done
        /usr/bin/python3 -m venv --without-pip "$place"
        echo /run/lent >"$(echo "$place"/lib/python3.*/site-packages)/lent.pth"
        ;;
esac
"""


def find_obstacle() -> str:
    """Say why no such machine can be had here; empty where it can."""
    if os.geteuid() != 0:
        return "only root can boot a machine of its own"
    for program in ("unshare", "nsenter", "systemctl", "systemd-analyze"):
        if shutil.which(program) is None:
            return f"{program} is not installed here"
    if other := find_other_python():
        return other
    done = subprocess.run(
        ["unshare", *SPACES, "--fork", "sh", "-c", "mount -t cgroup2 cgroup2 /mnt"],
        capture_output=True,
        check=False,
    )
    return "" if done.returncode == 0 else "this machine gives no name spaces with control groups"


def find_other_python() -> str:
    """Say that services would run another Python than the tests; empty where it is the same."""
    version = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    if not Path(PYTHON).exists() or subprocess.run([PYTHON, "-c", version], check=False).returncode:
        return f"{PYTHON} is another Python than that of the tests"
    return ""


class RealMachine:
    """Boots, is told what to do, and is gone."""

    def __init__(self, place: Path) -> None:
        self._log = (place / "boot.log").open("wb")
        site = sysconfig.get_paths()["purelib"]
        self._process = subprocess.Popen(
            [
                *("unshare", *SPACES, "--fork", "--kill-child"),
                *("sh", str(BOOT), str(place), site),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._first = 0

    def boot(self) -> None:
        """Wait until systemd has started what it starts."""
        until = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < until:
            assert self._process.poll() is None, "the machine did not boot"
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
            for word in children.read_text().split():
                if Path(f"/proc/{word}/comm").read_text().strip() == "systemd":
                    self._first = int(word)
                    if self.ask("systemctl", "is-system-running").stdout.strip() in {
                        *("running", "degraded"),
                    }:
                        return
            time.sleep(LOOK_SECONDS)
        raise AssertionError("the machine did not boot in time")

    def end(self) -> None:
        """Be rid of it, with all that runs in it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._log.close()

    def ask(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run something in it, whatever comes of it."""
        return subprocess.run(
            ["nsenter", "--target", str(self._first), "--all", *words],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        )

    def run(self, script: str, *, text: str = "") -> str:
        """Run a script of the shell in it, which must succeed."""
        done = self.ask("sh", "-euc", script, text=text)
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def put(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file in it."""
        self.run(f"mkdir -p {Path(path).parent}; cat >{path}; chmod {mode} {path}", text=text)

    def prepare(self) -> None:
        """Lay what an installation would fetch."""
        self.put("/usr/local/bin/uv", UV, "755")
        self.put("/run/bot_token", TOKEN, "600")
        self.run(
            "mkdir -p /opt/opswire/.runtime/programs;"
            f" cp -a {ROOT}/.runtime/programs/stable /opt/opswire/.runtime/programs/"
        )

    def wait_for(self, script: str, wanted: str, *, seconds: float = 90.0) -> None:
        """Wait until a script says what is waited for."""
        until = time.monotonic() + seconds
        said = ""
        while time.monotonic() < until:
            done = self.ask("sh", "-euc", script)
            said = done.stdout.strip()
            if said == wanted:
                return
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"{script}\nsays {said!r}, not {wanted!r}")
