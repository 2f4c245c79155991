"""The foreign programs: the machine's own where they fit, else unpacked from the packages."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from deploy.installing.laying import write
from deploy.installing.layout import PROGRAM, PROGRAMS, Layout
from deploy.installing.machine import FOLDERS, Refused
from deploy.stack.binaries import ProgramMissing, gather

# No link: an unpacked program finds its files beside the name that it is called by.
SCRIPT: Final = """\
#!/bin/sh
exec "{target}" "$@"
"""
_TARGET: Final = re.compile(r'^exec "([^"]+)" ', re.MULTILINE)


def list_absent(layout: Layout) -> list[str]:
    """Name the programs that are not in place; one that leads nowhere counts as none."""
    folder = layout.at(PROGRAMS)
    return [name for name in layout.binaries if not _leads_to_program(folder / name)]


def put_programs(layout: Layout) -> None:
    """Find or unpack what is absent, and let it be found where the units look for it.

    Raises:
        Refused: one cannot be had.
    """
    # Only where every service can look; and neither a person's PATH nor an odd one of sudo.
    os.environ["PATH"] = FOLDERS
    place = layout.at(PROGRAM)
    try:
        found = gather(tuple(list_absent(layout)), root=place)
    except ProgramMissing as missing:
        raise Refused(str(missing)) from missing
    for name, path in found.items():
        # From its own place, so that a folder that was filled elsewhere works where it ends up.
        inside = place in path.parents
        target = f"${{0%/*}}/../{path.relative_to(place)}" if inside else str(path)
        write(layout.at(PROGRAMS) / name, SCRIPT.format(target=target).encode(), 0o755)


def _leads_to_program(script: Path) -> bool:
    try:
        found = _TARGET.search(script.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False
    if found is None:
        return False
    path = Path(found[1].replace("${0%/*}", str(script.parent)))
    return path.is_file() and os.access(path, os.X_OK)
