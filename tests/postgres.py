"""A PostgreSQL server for tests, of the machine's own programs or unpacked ones."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy.stack.apt import Apt, AptFault, call, open_apt
from deploy.stack.binaries import lock
from tests.programs import ROOT

INSTALLED = Path("/usr/lib/postgresql")
SHELF = ROOT / ".runtime" / "programs" / "stable"
PACKAGES = tuple(f"postgresql-{release}" for release in (15, 17, 16, 14, 18))  # likeliest first
# The just-in-time compiler is switched off, and a library of 100 MB goes with it.
NEEDLESS = re.compile(r"libllvm")
PATIENCE_SECONDS = 60  # a start takes one; a machine that is busy with other tests takes more
UNPRIVILEGED = "nobody"  # PostgreSQL does not start as root
SETTINGS = (
    *("-c", "listen_addresses="),
    *("-c", "fsync=off"),
    *("-c", "jit=off"),
    *("-c", "autovacuum=off"),
    *("-c", "shared_buffers=16MB"),
    *("-c", "dynamic_shared_memory_type=mmap"),
)


class PostgresMissing(Exception):
    """This machine cannot have PostgreSQL; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Where the programs stand."""

    tree: Path
    """The folder that their package was unpacked into."""
    folder: Path
    """The folder of the programs below it."""

    @property
    def libraries(self) -> str:
        """Where the dynamic linker looks first."""
        if self.tree == Path("/"):
            return ""
        folders = [*self.tree.glob("usr/lib/*-linux-gnu*"), *self.tree.glob("lib/*-linux-gnu*")]
        return ":".join(str(path) for path in folders)


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running server."""

    socket: Path

    def url(self, name: str) -> str:
        """Name one of its databases."""
        return f"postgresql+psycopg://opswire@/{name}?host={self.socket}"

    def command(self, statement: str) -> None:
        """Run a statement as the server's owner."""
        with self._connect() as connection:
            connection.execute(statement.encode()).close()

    @contextlib.contextmanager
    def lend(self, name: str) -> Iterator[str]:
        """Create an empty database for one test; gives its address."""
        self.command(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.command(f"DROP DATABASE {name} WITH (FORCE)")

    def answers(self) -> bool:
        """Say whether it takes connections."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket), user="opswire", dbname="postgres", autocommit=True
        )


def find_programs() -> Programs:
    """Find PostgreSQL on this machine, else unpack it from the distribution's packages."""
    unpacked = SHELF / "postgresql"
    found = find_below(Path("/")) or find_on_path() or find_below(unpacked)
    if found is None:
        SHELF.mkdir(parents=True, exist_ok=True)
        try:
            with lock(SHELF / "lock"):
                found = find_below(unpacked) or unpack(unpacked)
        except AptFault as fault:
            raise PostgresMissing(
                f"PostgreSQL is not installed and cannot be had: {fault}"
            ) from fault
    return found


def find_below(tree: Path) -> Programs | None:
    """Look for an installed or unpacked release, newest first."""
    folders = tree.joinpath(*INSTALLED.parts[1:]).glob("*/bin")
    for folder in sorted(folders, key=lambda path: int(path.parent.name), reverse=True):
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return Programs(tree=tree, folder=folder)
    return None


def find_on_path() -> Programs | None:
    """Look where distributions other than Debian's family put them."""
    server, maker = shutil.which("postgres"), shutil.which("initdb")
    return Programs(tree=Path("/"), folder=Path(server).parent) if server and maker else None


def unpack(target: Path) -> Programs:
    """Unpack the server with the libraries that this machine lacks, then name it in one step."""
    with (
        open_apt("stable", SHELF) as apt,
        tempfile.TemporaryDirectory(dir=SHELF, prefix="unpacking-") as name,
    ):
        tree = Path(name) / target.name
        tree.mkdir()
        unpack_with_libraries(apt, unpack_server(apt, tree), tree)
        if find_below(tree) is None:
            raise AptFault("its package holds no server")
        tree.rename(target)
    found = find_below(target)
    assert found is not None
    return found


def unpack_server(apt: Apt, tree: Path) -> set[str]:
    """Unpack the release that this distribution has; gives the libraries it names."""
    for package in PACKAGES:
        with contextlib.suppress(AptFault):
            return unpack_package(apt, package, tree)
    raise AptFault("this distribution has none of " + ", ".join(PACKAGES))


def unpack_with_libraries(apt: Apt, wanted: set[str], tree: Path) -> None:
    """Unpack libraries, and those that they need in turn."""
    seen: set[str] = set()
    while absent := {each for each in wanted - seen if not is_installed(each)}:
        seen |= wanted
        wanted = set().union(*(unpack_package(apt, each, tree) for each in sorted(absent)))


def unpack_package(apt: Apt, package: str, tree: Path) -> set[str]:
    """Unpack one package; gives the libraries that it depends on."""
    with tempfile.TemporaryDirectory(dir=tree.parent) as name:
        apt.call("download", package, folder=Path(name))
        archive = next(Path(name).glob("*.deb"))
        call(["dpkg-deb", "-x", str(archive), str(tree)])
        depends = call(["dpkg-deb", "-f", str(archive), "Depends"])
    names = {entry.split("|")[0].split("(")[0].strip() for entry in depends.split(",")}
    return {each for each in names if each.startswith("lib") and not NEEDLESS.match(each)}


def is_installed(package: str) -> bool:
    """Ask the packaging system."""
    ask = ["dpkg-query", "-W", "-f", "${db:Status-Status}\\n", package]
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    return "installed" in done.stdout.split()


@contextlib.contextmanager
def run_postgres() -> Iterator[Postgres]:
    """Run a server in a folder of its own until the block ends.

    Raises:
        PostgresMissing: this machine cannot have it.
    """
    programs = find_programs()
    with tempfile.TemporaryDirectory(dir=find_open_folder(), prefix="opswire-postgres-") as name:
        place = Path(name)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(UNPRIVILEGED)
            os.chown(place, owner.pw_uid, owner.pw_gid)
            if programs.tree != Path("/") and not is_open(programs.folder):
                programs = copy(programs, place)
        create_cluster(programs, place)
        with run_server(programs, place) as server:
            yield server


def find_open_folder() -> Path | None:
    """Find a temporary folder that the server's user can reach; None: the usual one."""
    if os.geteuid() != 0:
        return None
    for path in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - only parents of a private folder
        if is_open(path):
            return path
    raise PostgresMissing(f"no temporary folder is open to the user {UNPRIVILEGED}")


def is_open(path: Path) -> bool:
    """Say whether any user may pass into a folder."""
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


def copy(programs: Programs, place: Path) -> Programs:
    """Bring the programs to where the server's user can read them."""
    tree = place / "programs"
    shutil.copytree(programs.tree, tree, symlinks=True)
    found = find_below(tree)
    assert found is not None
    return found


def prefix() -> list[str]:
    """Give the words that drop root's rights and end the server when the tests are killed."""
    words = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() == 0:
        owner = pwd.getpwnam(UNPRIVILEGED)
        words += [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    return [*words, "--"]


def environ(programs: Programs) -> dict[str, str]:
    """Give the server nothing of the tests' surroundings."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "LD_LIBRARY_PATH": programs.libraries}


def create_cluster(programs: Programs, place: Path) -> None:
    """Make the server's files."""
    command = [
        *prefix(),
        str(programs.folder / "initdb"),
        *("--pgdata", str(place / "cluster")),
        *("--username", "opswire"),
        *("--auth", "trust"),  # the socket's folder is private
        *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
    ]
    made = subprocess.run(
        command, cwd=place, env=environ(programs), capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr


@contextlib.contextmanager
def run_server(programs: Programs, place: Path) -> Iterator[Postgres]:
    """Start the server, wait until it answers, and end it by its id."""
    command = [
        *prefix(),
        str(programs.folder / "postgres"),
        *("-D", str(place / "cluster"), "-k", str(place)),
        *SETTINGS,
    ]
    journal = place / "journal"
    with journal.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=place, env=environ(programs), stdout=output, stderr=output
        )
    try:
        server = Postgres(socket=place)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not server.answers():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
            is_hopeless = process.returncode is not None or time.monotonic() > deadline
            assert not is_hopeless, journal.read_text(errors="replace")
        yield server
    finally:
        # Interrupted, it ends without waiting for those who are still connected.
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)
