"""Releases lie beside each other: a new one is whole before the link leads to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from deploy.installing import packages, source
from deploy.installing.layout import CURRENT, RELEASES, SETTINGS, UNITS
from deploy.installing.site import Site, Step

WHOLE: Final = "whole"
"""Lies in a release once all of it is there."""


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
    """Take away releases older than the one before this, and units that another role had."""
    releases = [path for path in site.layout.at(RELEASES).glob("*") if path.name != site.release]
    for path in sorted(releases, key=_find_age)[:-1]:
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
