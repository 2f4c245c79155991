"""What the agents are compared with: `clush -b` over ssh, with a hundred targets on the loopback.

One sshd of this machine's distribution stands for all of them, with a configuration, keys and a
port of its own, in a folder that goes with it. Where the benchmark is root, sshd and what it runs
belong to an ordinary user whose login shell is dash: a user that is in nobody's /etc/passwd but
theirs. Elsewhere it is whoever runs the benchmark, with the shell that they have.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.enrolled import LOOPBACK, reaches, read_cpu, read_proportional, tell
from tests.live.conftest import Programs, until
from tests.ports import free_port
from tests.programs import ROOT

KEPT = ROOT / ".runtime" / "benchmarks"
PACKAGES = ("openssh-server", "libwrap0")  # of the distribution: unpacked, never installed
CLUSH = "clustershell==1.10.1"
USER, USER_ID = "opswire-ssh", 61_000
DASH = "/usr/bin/dash"
LONGEST = 120.0  # seconds until one clush is given up
QUICK_KEYS = "curve25519-sha256"
SERVER = """\
ListenAddress {loopback}
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
MaxStartups 1000
MaxSessions 1000
LogLevel ERROR
"""
CLIENT = """\
Host web-*
  HostName {loopback}
  Port {port}
  User {user}
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  PreferredAuthentications publickey
  HostKeyAlias target
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
"""
WARM = """\
  ControlMaster auto
  ControlPath {folder}/m-%n
  ControlPersist 600
"""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one run cost."""

    seconds: float
    cpu: float
    """Seconds of a processor on the head node."""


@dataclass(frozen=True, kw_only=True)
class Shells:
    """A running sshd and what calls it."""

    folder: Path
    clush: Path
    port: int
    shell: str
    """The login shell of whoever comes in."""

    async def run(self, hosts: Sequence[str], command: str, kind: str) -> Spent:
        """Run a command on all of them, and count what clush, every ssh and their masters used."""
        masters = self._masters()
        before = sum(map(read_cpu, masters))
        spent = await asyncio.to_thread(self._run, hosts, command, kind)
        if not masters:  # they were made by this run, or there are none
            return spent
        after = sum(map(read_cpu, masters))
        return Spent(seconds=spent.seconds, cpu=spent.cpu + after - before)

    def _run(self, hosts: Sequence[str], command: str, kind: str) -> Spent:
        out = self.folder / "out"
        names = ",".join(hosts)
        with out.open("wb") as file:
            began = time.perf_counter()
            process = subprocess.Popen(
                [
                    *(self.clush, "-f", "100", "-b", "-w", names),
                    *("-o", f"-F {self.folder / kind}", command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            )
            try:
                _, status, used = os.wait4(process.pid, 0)
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said = out.read_text(encoding="utf-8", errors="replace")[:2000]
            raise RuntimeError(f"clush ended with {process.returncode}: {said}")
        return Spent(seconds=seconds, cpu=used.ru_utime + used.ru_stime)

    def _masters(self) -> list[int]:
        """List the processes that keep connections."""
        mark = f"ssh: {self.folder}/m-".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if path.read_bytes().startswith(mark):
                    found.append(int(path.parent.name))
        return found

    def require_masters(self, number: int) -> None:
        """Refuse to compare with connections that were to be kept and are not.

        Raises:
            RuntimeError: fewer are kept.
        """
        kept = len(self._masters())
        if kept < number:
            raise RuntimeError(f"ssh keeps {kept} of {number} connections; this is not warm")

    def memory_of_masters(self) -> float:
        """Tell how much memory the kept connections hold on the head node, in MB."""
        return sum(map(read_proportional, self._masters()))

    def end_masters(self) -> None:
        """End those that keep connections."""
        for each in self._masters():
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGTERM)


@asynccontextmanager
async def open_shells(programs: Programs) -> AsyncIterator[Shells]:
    """Fetch what is missing, run sshd, and end all of it when the context ends."""
    clush = await asyncio.to_thread(find_clush)
    sshd, libraries = await asyncio.to_thread(find_sshd)
    folder, port = programs.folder / "s", free_port()
    folder.mkdir(mode=0o755)
    user = _write_user(folder) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())[0]
    _write_files(folder, port, user)
    serve = [str(sshd), "-D", "-e", "-f", str(folder / "sshd_config")]
    wrap = _become_user(folder) if os.geteuid() == 0 else []
    environ = {"LD_LIBRARY_PATH": libraries} if libraries else {}
    server = await programs.start(*wrap, *serve, environ=environ)

    async def listens() -> bool:
        if server.process.returncode is not None:
            raise RuntimeError(f"sshd ended: {server.log.read_text()}")
        return await reaches(port)

    await until(listens, seconds=20)
    shell = DASH if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_shell
    shells = Shells(folder=folder, clush=clush, port=port, shell=shell)
    try:
        yield shells
    finally:
        shells.end_masters()


def _write_user(folder: Path) -> str:
    """Write the list of users that sshd alone will see."""
    own = f"{USER}:x:{USER_ID}:{USER_ID}::{folder}:{DASH}\n"
    users = Path("/etc/passwd").read_text(encoding="utf-8")
    (folder / "passwd").write_text(users + own, encoding="utf-8")
    return USER


def _become_user(folder: Path) -> list[str]:
    """Give what starts a program as that user; it is the same process, and can be ended."""
    line = 'mount --bind "$0" /etc/passwd && exec setpriv "$@"'
    rights = [f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]
    return ["unshare", "--mount", "sh", "-c", line, str(folder / "passwd"), *rights]


def _write_files(folder: Path, port: int, user: str) -> None:
    """Make keys and configurations."""
    for name in ("host_key", "user_key"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    (folder / "known_hosts").write_text(f"target {(folder / 'host_key.pub').read_text()}")
    words = {"loopback": LOOPBACK, "port": port, "folder": folder, "user": user}
    (folder / "sshd_config").write_text(SERVER.format(**words))
    client = CLIENT.format(**words)
    (folder / "cold").write_text(client)
    (folder / "quick").write_text(client + f"  KexAlgorithms {QUICK_KEYS}\n")
    (folder / "warm").write_text(client + WARM.format(**words))
    if os.geteuid() == 0:
        os.chown(folder / "host_key", USER_ID, USER_ID)


def find_clush() -> Path:
    """Find clush, in an environment of its own; made where it is not there yet."""
    clush = KEPT / "clush" / "bin" / "clush"
    if not clush.exists():
        tell(f"fetching {CLUSH}")
        subprocess.run([sys.executable, "-m", "venv", KEPT / "clush"], check=True)
        python = KEPT / "clush" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", CLUSH], check=True)
    return clush


def find_sshd() -> tuple[Path, str]:
    """Find this machine's sshd, or unpack one; and where its libraries are."""
    own = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if own is not None:
        return Path(own), ""
    folder = KEPT / "sshd"
    if not (folder / "usr/sbin/sshd").exists():
        tell("fetching openssh-server")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", *PACKAGES], cwd=folder, check=True)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True)
            package.unlink()
    return folder / "usr/sbin/sshd", ":".join(map(str, folder.glob("usr/lib/*-linux-gnu*")))
