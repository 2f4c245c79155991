"""A real Docker engine for the tests, unpacked from the distribution's packages.

It has a folder and a network of its own: the machine's addresses, its firewall and an engine that
it may have notice nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.stack.apt import AptFault, open_apt
from deploy.stack.binaries import MARKER, lock, put_package
from tests.live import inside
from tests.programs import ROOT

SHELF = ROOT / ".runtime" / "programs" / "engine"
CLIENT = SHELF / "docker.io" / "usr" / "bin" / "docker"
ENGINE = (
    *("docker.io", "containerd", "runc", "iptables", "busybox-static"),
    *("libip4tc2", "libip6tc2", "libxtables12", "libnftnl11", "libmnl0", "libnfnetlink0"),
    *("libnetfilter-conntrack3", "libdevmapper1.02.1"),
)
COMPOSE_1 = (
    *("docker-compose", "python3-attr", "python3-certifi", "python3-chardet"),
    *("python3-charset-normalizer", "python3-distro", "python3-distutils", "python3-docker"),
    *(
        "python3-dockerpty",
        "python3-docopt",
        "python3-dotenv",
        "python3-idna",
        "python3-jsonschema",
    ),
    *("python3-packaging", "python3-pkg-resources", "python3-pyrsistent", "python3-requests"),
    *("python3-six", "python3-texttable", "python3-urllib3", "python3-websocket", "python3-yaml"),
)
START_SECONDS = 30
END_SECONDS = 30
RUN_COMPOSE_1 = """\
#!/bin/sh
PYTHONPATH={packages} exec {python} -W ignore -c \\
    'import sys; from compose.cli.main import main; sys.argv[0] = "docker-compose"; main()' "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A running engine."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def environ(self) -> dict[str, str]:
        """What leads a client to it: no variable of an engine of the machine's stays."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith("DOCKER_")}
        return {**clean, "DOCKER_HOST": f"unix://{self.folder / 'socket'}"}

    @property
    def pid(self) -> int:
        """The engine's process, whose network it is."""
        return self.process.pid

    def inspect(self, *names: str) -> list[dict[str, Any]]:
        """Ask for everything that the engine knows of containers."""
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", *names)) if names else []
        return found

    def inside(self, *command: str) -> list[str]:
        """Give a command that runs in the engine's network."""
        return [sys.executable, inside.__file__, str(self.pid), *command]

    def docker(self, *words: str, given: bytes | None = None) -> str:
        """Ask the engine something that must succeed."""
        done = subprocess.run(
            [str(CLIENT), *words], env=self.environ, input=given, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def clear(self) -> None:
        """Remove containers, volumes and networks; the images stay."""
        for words in (("ps", "--quiet", "--all"), ("volume", "ls", "--quiet")):
            remove = ("rm", "--force") if words[0] == "ps" else ("volume", "rm")
            if found := self.docker(*words).split():
                self.docker(*remove, *found)
        self.docker("network", "prune", "--force")

    def tell_last_words(self) -> list[str]:
        """Give the last lines of every container, for who reads why a test failed."""
        told = []
        with contextlib.suppress(AssertionError):
            for name in self.docker("ps", "--all", "--format", "{{.Names}}").split():
                logs = [str(CLIENT), "logs", "--tail", "8", name]
                done = subprocess.run(
                    logs, env=self.environ, capture_output=True, text=True, check=False
                )
                told.append(f"== {name}\n{done.stdout}{done.stderr}")
        return told


def gather() -> None:
    """Unpack what is not here yet; skip where this machine cannot have it."""
    SHELF.mkdir(parents=True, exist_ok=True)
    wanted = {
        "stable": [(name, SHELF) for name in ENGINE]
        + [(name, SHELF / "compose-1") for name in COMPOSE_1],
        "current": [("docker-compose", SHELF)],
    }
    with lock(SHELF / "lock"):
        for generation, packages in wanted.items():
            absent = [
                (name, shelf) for name, shelf in packages if not (shelf / name / MARKER).exists()
            ]
            try:
                if absent:
                    with open_apt(generation, SHELF) as apt:
                        for name, shelf in absent:
                            shelf.mkdir(exist_ok=True)
                            put_package(apt, name, shelf)
            except AptFault as fault:
                pytest.skip(f"no Docker engine can be had here: {fault}")


def put_clients(folder: Path, generation: str) -> Path:
    """Make a folder of programs for PATH: the client, and Compose of one generation."""
    folder.mkdir(parents=True)
    (folder / "docker").symlink_to(CLIENT)
    if generation == "2":
        plugin = SHELF / "docker-compose" / "usr/libexec/docker/cli-plugins/docker-compose"
        place = folder / "configuration" / "cli-plugins" / "docker-compose"
        place.parent.mkdir(parents=True)
        place.symlink_to(plugin)
    else:
        packages = ":".join(
            str(SHELF / "compose-1" / name / "usr/lib/python3/dist-packages") for name in COMPOSE_1
        )
        script = folder / "docker-compose"
        script.write_text(RUN_COMPOSE_1.format(packages=packages, python=sys.executable))
        script.chmod(0o755)
    return folder


@contextlib.contextmanager
def open_engine(folder: Path) -> Iterator[Engine]:
    """Run an engine until the context ends; skip where this machine lets nobody run one."""
    if os.geteuid() != 0:
        pytest.skip("a Docker engine of the tests' own needs root")
    folder.mkdir(parents=True)
    process = start(folder)
    engine = Engine(folder=folder, process=process)
    try:
        wait(engine)
        yield engine
    finally:
        end(engine)


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the engine in a network of its own."""
    (folder / "bin").mkdir()
    tables = SHELF / "iptables" / "usr" / "sbin" / "xtables-legacy-multi"
    for name in ("iptables", "ip6tables", "iptables-save", "iptables-restore"):
        (folder / "bin" / name).symlink_to(tables)
    places = [folder / "bin", *SHELF.glob("*/usr/bin"), *SHELF.glob("*/usr/sbin")]
    libraries = SHELF.glob("lib*/usr/lib/*-linux-gnu")
    [modules] = SHELF.glob("iptables/usr/lib/*-linux-gnu/xtables")
    environ = {
        **os.environ,
        "PATH": ":".join([*map(str, places), os.environ["PATH"]]),
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "XTABLES_LIBDIR": str(modules),
    }
    command = [
        *(sys.executable, inside.__file__, "new", "nice", "-n", "19", "dockerd"),
        f"--storage-driver={choose_driver()}",
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'run'}",
        f"--pidfile={folder / 'pid'}",
        f"--host=unix://{folder / 'socket'}",
        "--bridge=none",
    ]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def choose_driver() -> str:
    """Take the quick way to keep layers where there is one."""
    return "overlay2" if "overlay" in Path("/proc/filesystems").read_text() else "vfs"


def wait(engine: Engine) -> None:
    """Wait until the engine answers; skip when it cannot run here."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and engine.process.poll() is None:
        with contextlib.suppress(AssertionError):
            engine.docker("version")
            return
        time.sleep(0.2)
    words = (engine.folder / "log").read_text(errors="replace").splitlines()
    pytest.skip(f"a Docker engine does not run on this machine: {(words or ['it is silent'])[-1]}")


def end(engine: Engine) -> None:
    """End the engine with all its containers, and remove what it kept.

    Its mounts are its own: they go with its last process.
    """
    if engine.process.poll() is None:
        with contextlib.suppress(AssertionError):
            for container in engine.docker("ps", "--quiet", "--all").split():
                engine.docker("rm", "--force", "--volumes", container)
        engine.process.send_signal(signal.SIGTERM)
        try:
            engine.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            engine.process.kill()
            engine.process.wait()
    for pid in list_left(engine.folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(engine.folder, ignore_errors=True)


def list_left(folder: Path) -> list[int]:
    """List the engine's processes that have outlived it, and all that they started."""
    parents: dict[int, int] = {}
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (path / "stat").read_text().rpartition(")")[2].split()
            parents[int(path.name)] = int(stat[1])
            if str(folder / "run").encode() in (path / "cmdline").read_bytes():
                found.add(int(path.name))
    while grown := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= grown
    return sorted(found, reverse=True)
