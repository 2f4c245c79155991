"""A machine of its own, with a real systemd, over this one's files; it is thrown away."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from deploy.installing import source
from tests.deploy.one_line import OneLinePipe
from tests.deploy.scratch import ROOT, TOKEN

BOOT = ROOT / "tests/deploy/boot.sh"
GROUP = ROOT / "tests/deploy/group.sh"
PROGRAMS = ROOT / ".runtime/programs/stable"
PARTS = (*source.FOLDERS, *source.EDITABLE, *source.FILES, "agents.txt")
PYTHON = "/usr/bin/python3"
SPACES = ("--pid", "--mount", "--uts", "--ipc", "--net", "--fork", "--kill-child")
NEEDED = ("unshare", "nsenter", "setpriv", "systemctl", "systemd-analyze", "dbus-daemon", "curl")
# Of a machine with two cores that others use as well.
BOOT_SECONDS = 180.0
WAIT_SECONDS = 180.0
RUN_SECONDS = 600.0
LOOK_SECONDS = 0.2
ENVIRON = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
INSTALL = f"{ROOT}/deploy/install.sh --bot-token-file /run/bot_token"
NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups"
# Whatever an installation could leave: files with their owners, users, units, what is to run.
PICTURE = r"""
find /etc /opt /usr/local /var /var/cache /var/tmp /srv -xdev \
    \( -path /var/log/journal -o -path /opt/opswire \) -prune \
    -o -printf '%p %y %m %U %G %l\n' | sort
getent passwd; getent group
systemctl list-unit-files --no-legend
systemctl list-units --all --plain --no-legend 'opswire*' | cut -d ' ' -f 1
ls -A /root /home /tmp /run /run/systemd/system /dev/shm
"""
# What systemd has made for a unit lies there until it finds the time, after the unit's end.
LEFT = """
for place in /tmp/systemd-private-* /var/tmp/systemd-private-*; do
    unit=${place#*systemd-private-*-}
    [ ! -e "$place" ] || systemctl is-active --quiet "${unit%-*}" || echo "$place"
done
"""
# The packages are those of the tests: what is installed here is the program, not the index.
UV = """\
#!/bin/sh
case "$1 ${2:-}" in
    --version*) echo uv 0 ;;
    venv*)
        for place in "$@"; do :; done
        /usr/bin/python3 -m venv --without-pip "$place"
        echo /run/lent/packages >"$(echo "$place"/lib/python3.*/site-packages)/lent.pth"
        ;;
esac
"""


def find_obstacle() -> str:
    """Say why no such machine can be had here; empty where it can."""
    if os.geteuid() != 0:
        return "only root can boot a machine of its own"
    for program in NEEDED:
        if shutil.which(program) is None:
            return f"{program} is not installed here"
    if other := find_other_python():
        return other
    with tempfile.TemporaryDirectory() as place:
        group = name_group("try")
        enter = ["unshare", *SPACES, "sh", str(GROUP), "enter", place, group, "true"]
        tried = subprocess.run(enter, capture_output=True, text=True, check=False)
        left = leave_group(place, group)
    if tried.returncode or left.returncode:
        said = (tried.stderr + left.stderr).strip()
        return f"this machine gives no name spaces with control groups ({said})"
    return ""


def find_other_python() -> str:
    """Say that services would run another Python than the tests; empty where it is the same."""
    version = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    if not Path(PYTHON).exists() or subprocess.run([PYTHON, "-c", version], check=False).returncode:
        return f"{PYTHON} is another Python than that of the tests"
    return ""


def name_group(kind: str) -> str:
    """Name a control group below the one that the tests run in."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line[3:].rstrip("/") for line in lines if line.startswith("0::")), "")
    return f"{own}/opswire-{kind}-{os.getpid()}"


def is_anybody_in(group: str) -> bool:
    """Say whether a process is left in a control group."""
    for path in Path("/proc").glob("[0-9]*"):
        # Others end while they are looked at.
        with contextlib.suppress(OSError):
            if group in (path / "cgroup").read_text():
                return True
    return False


def leave_group(place: str, group: str) -> subprocess.CompletedProcess[str]:
    """Be rid of a control group, with all that is in it."""
    return subprocess.run(
        ["unshare", "--mount", "sh", str(GROUP), "leave", place, group],
        capture_output=True,
        text=True,
        check=False,
    )


def copy_project(place: Path) -> None:
    """Copy the project as a machine is given it, without what running it writes."""
    for name in (*PARTS, "tests"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, place / name)


class RealMachine:
    """Boots, is told what to do, and is gone."""

    def __init__(self, place: Path) -> None:
        self._place = str(place / "machine")
        self._group = name_group("machine")
        self._log = place / "boot.log"
        packages = sysconfig.get_paths()["purelib"]
        (place / "machine").mkdir()
        copy_project(place / "project")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    # Nothing of it outlives the tests, however those end.
                    *("setpriv", "--pdeathsig", "KILL", "unshare", *SPACES),
                    *("sh", str(GROUP), "enter", self._place, self._group),
                    *("sh", str(BOOT), self._place, packages, str(PROGRAMS)),
                    *(str(place / "project"), str(ROOT)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._first = 0
        self._has_ended = False

    @property
    def has_left_nothing(self) -> bool:
        """Whether its control group, its processes and its mounts are gone."""
        mounts = Path("/proc/self/mounts").read_text()
        return not is_anybody_in(self._group) and self._place not in mounts

    def boot(self) -> None:
        """Wait until systemd has started what it starts."""
        until = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < until:
            assert self._process.poll() is None, f"the machine did not boot: {self._tell()}"
            self._first = self._find_first()
            if self._first and self.ask("systemctl", "is-system-running").stdout.strip() in {
                *("running", "degraded"),
            }:
                return
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"the machine did not boot in time: {self._tell()}")

    def _find_first(self) -> int:
        """Find the first process of the machine, once that is systemd; 0 until then."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with contextlib.suppress(OSError):
            for word in children.read_text().split():
                if Path(f"/proc/{word}/comm").read_text().strip() == "systemd":
                    return int(word)
        return 0

    def _tell(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    def end(self) -> None:
        """Be rid of it, with all that runs in it."""
        if self._has_ended:
            return
        self._has_ended = True
        if self._process.poll() is None:
            # With its first process a machine ends, and it has ended when that is gone.
            os.kill(self._first or self._process.pid, signal.SIGKILL)
        self._process.wait()
        left = leave_group(self._place, self._group)
        assert left.returncode == 0, left.stderr

    def enter(self, *words: str) -> list[str]:
        """Give the words that run something in it."""
        return ["nsenter", "--target", str(self._first), "--all", *words]

    def ask(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run something in it, whatever comes of it."""
        return subprocess.run(
            self.enter(*words),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=ENVIRON,
            timeout=RUN_SECONDS,
        )

    def run(self, script: str, *, text: str = "") -> str:
        """Run a script of the shell in it, which must succeed."""
        done = self.ask("sh", "-euc", script, text=text)
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def refuse(self, script: str) -> str:
        """Run a script of the shell in it, which must fail; give what it says of that."""
        done = self.ask("sh", "-euc", script)
        assert done.returncode != 0, f"{script}\n{done.stdout[-3000:]}"
        return done.stderr

    def kill_at(self, sentence: str, *words: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Run something in it, and kill it with all it has started before it says more than that.

        It can end by itself in between, but not be at a later stage, however late the kill is.
        """
        with contextlib.closing(OneLinePipe()) as pipe:
            process = subprocess.Popen(
                self.enter(*words),
                stdin=subprocess.DEVNULL,
                stdout=pipe.writer,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=ENVIRON,
                start_new_session=True,
            )
            pipe.close_writer()
            said = []
            for line in pipe.look():
                said.append(line)
                if sentence in line:
                    os.killpg(process.pid, number)
                    break
            else:
                never = f"{' '.join(words)} never says {sentence!r}"
                raise AssertionError(f"{never}:\n{''.join(said)}")
            pipe.drain(RUN_SECONDS)
            process.wait(timeout=RUN_SECONDS)

    def put(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file in it."""
        self.run(f"mkdir -p {Path(path).parent}; cat >{path}; chmod {mode} {path}", text=text)

    def prepare(self) -> None:
        """Lay what an installation would fetch."""
        self.put("/usr/local/bin/uv", UV, "755")
        self.put("/run/bot_token", TOKEN, "600")
        self.run(
            "mkdir -p /opt/opswire/.runtime/programs;"
            " cp -a /run/lent/programs /opt/opswire/.runtime/programs/stable"
        )

    def settle(self) -> None:
        """Wait until systemd has done what it was told, and has cleared up after it."""
        # Whoever asks for the host's name or time starts these, and they end when nobody does.
        self.ask("systemctl", "stop", "systemd-hostnamed", "systemd-timedated")
        self.wait_for("systemctl list-jobs --no-legend | wc -l", "0")
        self.wait_for(LEFT, "")

    def wait_for(self, script: str, wanted: str, *, seconds: float = WAIT_SECONDS) -> None:
        """Wait until a script says what is waited for."""
        until = time.monotonic() + seconds
        said = ""
        while time.monotonic() < until:
            done = self.ask("sh", "-euc", script)
            said = done.stdout.strip()
            if said == wanted:
                return
            time.sleep(LOOK_SECONDS)
        journal = self.ask("journalctl", "--no-pager", "-n", "30", "-u", "opswire*").stdout
        raise AssertionError(f"{script}\nsays {said!r}, not {wanted!r}\n{journal}")
