"""The Python packages of a release, in a virtual environment of its own."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Final

from deploy.installing.layout import Role
from deploy.installing.machine import Machine, Refused

_STAMP: Final = "packages"
SHUT: Final = ("/home", "/root", "/run", "/tmp")  # noqa: S108 - where services cannot look
_LINE: Final = ("--quiet", "--require-hashes", "-r")


def name_requirements(role: Role) -> str:
    """Name the file of pinned packages that a role needs."""
    return f"deploy/requirements/{'agent' if role is Role.AGENT else 'all'}.txt"


def has_packages(release: Path, role: Role) -> bool:
    """Say whether a release has what a role needs."""
    python, stamp = release / ".venv" / "bin" / "python", release / ".venv" / _STAMP
    try:
        return python.exists() and _stamp(release, role) in stamp.read_text("utf-8").split()
    except OSError:
        return False


def put_packages(
    release: Path, role: Role, machine: Machine, *, former: Path | None = None
) -> None:
    """Make the environment and put the packages there; one cut off in the middle is made anew.

    Raises:
        Refused: they cannot be had.
    """
    venv = release / ".venv"
    stamp = venv / _STAMP
    if not stamp.exists():
        shutil.rmtree(venv, ignore_errors=True)
    if former is not None and has_packages(former, role):
        # Nothing to fetch: an upgrade of the program alone needs no network.
        _copy_packages(former / ".venv", venv)
        return
    requirements = str(release / name_requirements(role))
    python = str(venv / "bin" / "python")
    if machine.ask_version("uv"):
        cache = {"UV_CACHE_DIR": str(release / ".cache"), "UV_LINK_MODE": "copy"}
        if not venv.exists():
            machine.run(
                ["uv", "venv", "--quiet", "--python", sys.executable, str(venv)], environ=cache
            )
        machine.run(
            ["uv", "pip", "install", "--python", python, *_LINE, requirements], environ=cache
        )
        shutil.rmtree(release / ".cache", ignore_errors=True)
    else:
        if not venv.exists():
            _make_venv(venv, machine)
        pip = [python, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"]
        machine.run([*pip, *_LINE, requirements])
    kept = stamp.read_text(encoding="utf-8").split() if stamp.exists() else []
    names = dict.fromkeys([*kept, _stamp(release, role)])
    stamp.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _copy_packages(former: Path, venv: Path) -> None:
    """Copy them aside first: what is cut off in the middle looks like no environment."""
    fresh = venv.with_name(f"{venv.name}.fresh")
    for unfinished in (fresh, venv):
        shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(former, fresh, symlinks=True)
    fresh.rename(venv)


def compile_program(release: Path, machine: Machine) -> None:
    """Compile what services cannot: the release is read-only to them."""
    folders = [str(release / name) for name in ("agent", "bridge", "deploy", ".venv")]
    python = str(release / ".venv" / "bin" / "python")
    # A package may hold a file for another Python; that is no fault.
    machine.ask(python, "-m", "compileall", "-q", *folders)


def _make_venv(venv: Path, machine: Machine) -> None:
    try:
        machine.run([sys.executable, "-m", "venv", str(venv)])
    except Refused as fault:
        shutil.rmtree(venv, ignore_errors=True)
        raise Refused(
            "this Python cannot make a virtual environment."
            " On Debian or Ubuntu: apt install python3-venv. Then run this again.",
            *fault.sentences,
        ) from fault


def _stamp(release: Path, role: Role) -> str:
    """Name what a role needs, as the Python that runs it."""
    content = (release / name_requirements(role)).read_bytes()
    return hashlib.sha256(content + sys.version.encode()).hexdigest()
