"""What the doctor looks at without any program running."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

from bridge.core.inventory import InventoryError, parse_inventory
from bridge.settings import Settings, SettingsError
from deploy.stack.binaries import PROGRAMS, find_on_path, find_unpacked, read_version
from deploy.stack.findings import Finding, bad, good
from deploy.stack.plan import Wishes
from deploy.stack.ports import is_free

OLDEST_PYTHON = (3, 11)
# Chosen: Prometheus needs room for its write-ahead log and a block being compacted.
LEAST_FREE_BYTES = 1 << 30
# A line of a requirements file: name, extras, version, and the systems it is for.
PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)(?: ;(.*?))?\s*\\?$")


def check_python() -> Finding:
    """Look at the interpreter."""
    version = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        return good("python", f"{version} at {sys.executable}")
    return bad("python", f"{version} is too old", "install Python 3.11 or newer, remove .venv")


def check_packages(root: Path) -> Finding:
    """Look whether every pinned package is there at its version."""
    text = (root / "deploy" / "requirements" / "all.txt").read_text(encoding="utf-8")
    pinned: dict[str, set[str]] = {}
    optional = set()
    for line in text.splitlines():
        match = PIN.match(line)
        if match:
            # A package may be pinned more than once, for one Python or system each.
            pinned.setdefault(match[1], set()).add(match[2])
            if match[3]:
                optional.add(match[1])
    wrong = [
        name
        for name, versions in pinned.items()
        if find_version(name) not in versions | ({None} if name in optional else set())
    ]
    if wrong:
        mend = "remove .venv; the next ./start.sh makes it anew"
        return bad("packages", f"missing or of another version: {', '.join(wrong)}", mend)
    return good("packages", f"{len(pinned)} pinned, all as they should be")


def find_version(package: str) -> str | None:
    """Give the installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def check_programs(root: Path) -> list[Finding]:
    """Look at the foreign programs, on PATH or unpacked; nothing is fetched."""
    shelf = root / ".runtime" / "programs" / "stable"
    found = []
    for name in PROGRAMS:
        path = find_on_path(name) or find_unpacked(name, shelf)
        if path is None:
            found.append(bad(name, "is not here yet", "./start.sh fetches it, with a network"))
        else:
            version = ".".join(str(part) for part in read_version(path))
            found.append(good(name, f"{version} at {path}"))
    return found


def check_settings(given: dict[str, str]) -> tuple[Settings | None, list[Finding]]:
    """Look at all settings at once."""
    try:
        settings = Settings.load(given)
    except SettingsError as error:
        return None, [
            bad("setting", f"{fault.variable}: {fault.fault}", f"it takes {fault.accepted}")
            for fault in error.faults
        ]
    notices = [good("setting", notice) for notice in settings.notices]
    return settings, [good("settings", "every value is understood"), *notices]


def check_inventory(path: Path) -> list[Finding]:
    """Look at the hosts' file."""
    try:
        inventory = parse_inventory(path.read_text("utf-8", "surrogateescape"))
    except InventoryError as error:
        return [
            bad("inventory", f"line {line.line}: {line.reason}", line.right)
            for line in error.bad_lines
        ]
    except OSError as error:
        mend = "put it there: NAME ADDRESS:9100, one host a line"
        return [bad("inventory", f"{path.name} cannot be read ({error.strerror})", mend)]
    if not inventory.hosts:
        return [bad("inventory", "names no host", f"put a line NAME ADDRESS:9100 into {path.name}")]
    names = ", ".join(host.name for host in inventory.hosts[:5])
    return [good("inventory", f"{len(inventory.hosts)} in {path.name}: {names}")]


def check_ports(wishes: Wishes) -> list[Finding]:
    """Look whether the ports of a start are free; only a port somebody set must be."""
    chosen = wishes.list_set_ports()
    found = []
    for port in wishes.list_ports():
        number = chosen.get(port.setting, port.default)
        if is_free(port.host, number):
            found.append(good(f"port {number}", f"is free for {port.program}"))
        elif port.setting in chosen:
            mend = f"set {port.setting} to a free one, or leave it out"
            found.append(bad(f"port {number}", f"is taken; {port.program} wants it", mend))
        else:
            text = f"is taken; {port.program} will take the next free one"
            found.append(good(f"port {number}", text))
    return found


def check_disk(place: Path) -> Finding:
    """Look at the room for measurements."""
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    text = f"{free / (1 << 30):.1f} GiB free at {place}"
    if free < LEAST_FREE_BYTES:
        return bad("disk", text, "make room, or set STATE_DIR to a folder on another disk")
    return good("disk", text)
