"""Releases lie beside each other: a new one is whole before the link leads to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from deploy.installing import packages, source
from deploy.installing.layout import (
    CURRENT,
    PROGRAM,
    RELEASES,
    SETTINGS,
    UNITS,
    UPGRADE_LINKS,
    Layout,
)
from deploy.installing.machine import Refused
from deploy.installing.site import Site, Step

WHOLE: Final = "whole"
"""Lies in a release once all of it is there."""


def find_release(layout: Layout, project: Path) -> str:
    """Name the release that a project is: one that is gone back to lays itself; empty if none.

    Raises:
        Refused: it is a part of an installation that nothing can be laid from.
    """
    if layout.at(PROGRAM).resolve() not in project.parents:
        return ""
    if project.parent != layout.at(RELEASES).resolve() or not (project / WHOLE).exists():
        raise Refused(
            f"{project} is no whole release: run install.sh of the folder that it came from"
        )
    return project.name


def plan_release(site: Site) -> Iterator[Step]:
    """Copy the program and get its packages, where that has not been done."""
    folder, role, machine = site.folder, site.layout.role, site.machine
    is_whole = (folder / WHOLE).exists()
    has_packages = packages.has_packages(folder, role)
    if not is_whole:
        yield Step(sentence=f"copy the program to {folder}", perform=lambda: _copy(site))
    if not is_whole or not has_packages:
        yield Step(
            sentence=f"install the Python packages of {packages.name_requirements(role)} there",
            perform=lambda: packages.put_packages(folder, role, machine, former=_find_former(site)),
        )
        yield Step(sentence="compile it", perform=lambda: _complete(site))


def _find_former(site: Site) -> Path | None:
    """Find the release that runs now, if it has the same packages."""
    former = site.layout.at(CURRENT).resolve()
    requirements = packages.name_requirements(site.layout.role)
    try:
        is_same = (former / requirements).read_bytes() == (site.folder / requirements).read_bytes()
    except OSError:
        return None
    return former if is_same and former != site.folder.resolve() else None


def _copy(site: Site) -> None:
    site.folder.mkdir(parents=True, exist_ok=True)
    source.copy_program(site.project, site.folder)
    for name in source.EDITABLE:
        link = site.folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(f"{SETTINGS}/{name}")


def _complete(site: Site) -> None:
    packages.compile_program(site.folder, site.machine)
    (site.folder / WHOLE).touch()


def plan_clearing(site: Site) -> Iterator[Step]:
    """Take away releases that nothing goes back to, and units that another role had."""
    for path in _find_old(site):
        yield Step(
            sentence=f"remove the old release {path.name}", perform=partial(shutil.rmtree, path)
        )
    laid = [path for path in site.record.files if path.startswith(UNITS)]
    gone = [path for path in laid if _name(path) not in site.layout.unit_files]
    for unit in gone:
        yield Step(
            sentence=f"stop and remove {_name(unit)}",
            perform=partial(_remove_unit, site, unit),
            path=unit,
        )


def _find_old(site: Site) -> list[Path]:
    """Find the releases that are neither this one nor the one before it nor one to go back to."""
    others = [path for path in site.layout.at(RELEASES).glob("*") if path.name != site.release]
    links = [site.layout.at(link) for link in UPGRADE_LINKS]
    kept = {link.readlink().name for link in links if link.is_symlink()}
    return [path for path in sorted(others, key=_find_age)[:-1] if path.name not in kept]


def _find_age(release: Path) -> float:
    """Say when a release was whole; one that never was is the oldest."""
    try:
        return (release / WHOLE).stat().st_mtime
    except OSError:
        return 0.0


def _remove_unit(site: Site, path: str) -> None:
    if site.machine.is_live:
        site.machine.ask("systemctl", "disable", "--now", "--quiet", _name(path))
    site.layout.at(path).unlink(missing_ok=True)
    del site.record.files[path]


def _name(path: str) -> str:
    return path.rpartition("/")[2]
