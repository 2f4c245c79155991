"""Find the real programs: on PATH, or unpacked from the distribution's packages."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.stack.apt import Apt, AptFault, open_apt
from deploy.stack.relocation import relocate

GENERATIONS = ("stable", "current")
# Stands in a folder that is unpacked whole, in the form of this release; holds the version.
MARKER = "UNPACKED"
# A program that does not answer --version in this time does not run here.
VERSION_SECONDS = 20


class ProgramMissing(Exception):
    """A program cannot be found or fetched; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """Where a program may be found."""

    packages: tuple[str, ...]
    """Debian packages that may hold it, likeliest first."""
    names: tuple[str, ...]
    """Names of its file: upstream's and Debian's."""
    least: tuple[int, int]
    """The oldest version that our configuration is written for."""


PROGRAMS = {
    "prometheus": Program(packages=("prometheus",), names=("prometheus",), least=(2, 42)),
    # Debian gave promtool a package of its own after 12.
    "promtool": Program(packages=("prometheus", "promtool"), names=("promtool",), least=(2, 42)),
    "alertmanager": Program(
        packages=("prometheus-alertmanager",),
        names=("alertmanager", "prometheus-alertmanager"),
        least=(0, 25),
    ),
    "amtool": Program(packages=("prometheus-alertmanager",), names=("amtool",), least=(0, 25)),
    "node_exporter": Program(
        packages=("prometheus-node-exporter",),
        names=("node_exporter", "prometheus-node-exporter"),
        least=(1, 5),
    ),
    "blackbox_exporter": Program(
        packages=("prometheus-blackbox-exporter",),
        names=("blackbox_exporter", "prometheus-blackbox-exporter"),
        least=(0, 23),
    ),
}


def locate(name: str, *, generation: str, root: Path) -> Path:
    """Give the path of a program, unpacking it on first use; needs no network afterwards."""
    if generation not in GENERATIONS:
        raise ValueError(f"a generation is one of {', '.join(GENERATIONS)}, not {generation!r}")
    shelf = root / ".runtime" / "programs" / generation
    return find_unpacked(name, shelf) or unpack((name,), generation, shelf)[name]


def find_program(name: str, *, root: Path) -> Path:
    """Give the machine's own program when it is new enough, else the unpacked stable one."""
    return find_on_path(name) or locate(name, generation="stable", root=root)


def gather(
    names: tuple[str, ...], *, root: Path, say: Callable[[str], None] = lambda _: None
) -> dict[str, Path]:
    """Find many programs at once, opening the package archives at most one time."""
    shelf = root / ".runtime" / "programs" / "stable"
    found = {name: find_on_path(name) or find_unpacked(name, shelf) for name in names}
    absent = tuple(name for name, path in found.items() if path is None)
    if absent:
        say(f"fetching {', '.join(absent)} from the distribution's packages (once)")
    fetched = unpack(absent, "stable", shelf) if absent else {}
    return {name: path for name, path in {**found, **fetched}.items() if path is not None}


def gather_generation(
    names: tuple[str, ...], *, generation: str, root: Path, say: Callable[[str], None]
) -> None:
    """Unpack whatever a generation lacks, opening the package archives at most one time."""
    shelf = root / ".runtime" / "programs" / generation
    absent = tuple(name for name in names if find_unpacked(name, shelf) is None)
    if absent:
        say(f"fetching the {generation} {', '.join(absent)} from the packages (once)")
        unpack(absent, generation, shelf)


def find_on_path(name: str) -> Path | None:
    """Look on PATH for a version that our configuration fits."""
    for candidate in PROGRAMS[name].names:
        found = shutil.which(candidate)
        if found is not None and read_version(Path(found)) >= PROGRAMS[name].least:
            return Path(found)
    return None


def find_unpacked(name: str, shelf: Path) -> Path | None:
    """Look for a program among the unpacked packages."""
    program = PROGRAMS[name]
    for package in program.packages:
        for candidate in program.names:
            path = shelf / package / "usr" / "bin" / candidate
            # The folder gets its name by one rename, so what is there is whole.
            if path.is_file() and (shelf / package / MARKER).is_file():
                return path
    return None


def unpack(names: tuple[str, ...], generation: str, shelf: Path) -> dict[str, Path]:
    """Fetch the packages that hold these programs, one process at a time."""
    shelf.mkdir(parents=True, exist_ok=True)
    found: dict[str, Path] = {}
    with lock(shelf / "lock"):
        absent = []
        for name in names:
            path = find_unpacked(name, shelf)
            if path is None:
                absent.append(name)
            else:
                found[name] = path
        if absent:
            try:
                with open_apt(generation, shelf) as apt:
                    found |= {name: unpack_one(apt, name, shelf) for name in absent}
            except AptFault as fault:
                raise ProgramMissing(way_out(absent, str(fault))) from fault
    return found


def unpack_one(apt: Apt, name: str, shelf: Path) -> Path:
    """Unpack packages until one holds the program, and see that it runs."""
    for package in PROGRAMS[name].packages:
        path = find_unpacked(name, shelf)
        if path is None and not (shelf / package / MARKER).exists():
            put_package(apt, package, shelf)
            path = find_unpacked(name, shelf)
        if path is not None:
            if read_version(path) < PROGRAMS[name].least:
                least = ".".join(str(part) for part in PROGRAMS[name].least)
                shutil.rmtree(shelf / package)
                raise AptFault(f"the packaged {name} does not run here or is older than {least}")
            return path
    raise AptFault(f"no package of this distribution holds {name}")


def put_package(apt: Apt, package: str, shelf: Path) -> None:
    """Unpack one package beside its place, then give it its name in one step."""
    with tempfile.TemporaryDirectory(dir=shelf, prefix="unpacking-") as name:
        folder = Path(name) / package
        folder.mkdir()
        version = apt.unpack(package, folder)
        relocate(folder)
        (folder / MARKER).write_text(f"{version}\n", encoding="utf-8")
        if (shelf / package).exists():
            # An earlier release left it in another form.
            (shelf / package).rename(Path(name) / "old")
        folder.rename(shelf / package)


def read_version(path: Path) -> tuple[int, int]:
    """Ask a program for its version; (0, 0) when it does not run or names none."""
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.search(r"version\s+v?(\d+)\.(\d+)", done.stdout + done.stderr)
    return (int(match[1]), int(match[2])) if match and done.returncode == 0 else (0, 0)


def way_out(names: list[str], reason: str) -> str:
    """Say in one sentence what is missing, why, and what helps."""
    return (
        f"{', '.join(names)} cannot be fetched ({reason}); connect this machine once,"
        " or install the programs yourself so that they stand on PATH, and start again."
    )


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a file lock, so that processes started together fetch a package once."""
    with path.open("w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
