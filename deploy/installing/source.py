"""The project that is installed: which of its files, and under which name."""

from __future__ import annotations

import ast
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.installing.machine import Refused

FOLDERS: Final = ("agent", "bridge", "deploy", "docs", "templates")
FILES: Final = (".env.example", "LICENSE", "README.md", "gen_config.py", "pyproject.toml")
EDITABLE: Final = {"prometheus": "*.yml", "alertmanager": "*.yml"}
"""Folders of files that their owner may edit; they lie in /etc, and a release links to them."""
SHIPPED: Final = "shipped"
"""Where a release keeps what ships of them: going back to it, they are laid from there."""
_LOCAL: Final = ".local.yml"
"""The end of what gen_config.py writes."""


def list_program(project: Path) -> Iterator[Path]:
    """List the files of the program, in a fixed order."""
    for name in FILES:
        if not (project / name).is_file():
            raise Refused(f"{project} lacks {name}: run this from a whole copy of the project")
        yield project / name
    for folder in FOLDERS:
        yield from (
            path
            for path in sorted((project / folder).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
        )


def find_shipped(project: Path) -> Path:
    """Find where the shipped files lie that their owner may edit."""
    kept = project / SHIPPED
    return kept if kept.is_dir() else project


def list_editable(project: Path) -> Iterator[Path]:
    """List the shipped files that their owner may edit."""
    for folder, pattern in EDITABLE.items():
        for path in sorted((find_shipped(project) / folder).rglob(pattern)):
            local = {"rules.local", "targets", "secrets"} & set(path.parts)
            if not local and not path.name.endswith(_LOCAL):
                yield path


def name_release(project: Path) -> str:
    """Name a release by its version and its content: two installations of one are the same."""
    content = hashlib.sha256()
    for path in [*list_program(project), *list_editable(project)]:
        content.update(f"{path.relative_to(project)}\0{path.stat().st_mode & 0o100}\0".encode())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{read_version(project)}-{content.hexdigest()[:10]}"


def read_version(project: Path) -> str:
    """Read the version out of the bridge, without running it."""
    tree = ast.parse((project / "bridge" / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
            return str(ast.literal_eval(node.value))
    raise Refused(f"{project}/bridge names no version: run this from a whole copy of the project")


def copy_program(project: Path, place: Path) -> None:
    """Copy the program; what an earlier copy left half done is overwritten."""
    for path in list_program(project):
        _copy(path, place / path.relative_to(project))
    for path in list_editable(project):
        _copy(path, place / SHIPPED / path.relative_to(project))


def _copy(path: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)
    copy.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
