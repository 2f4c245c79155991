"""Puts what was restored in the place of what was there, whole or not at all.

Everything is laid ready first, each file beside its place. Then one small file, the plan, says that
it counts from now on, and each takes its place by a rename. Whoever is ended before the plan is
written has changed nothing; after it, the next program that opens the state folder finishes it.

What was there is set aside under another name, once.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bridge.archive import sync_folder
from bridge.errors import Outage, Refused

PLAN: Final = "restore.plan"
_PARTY: Final = "the state folder"
_CLOSED: Final = 0o600
Proves = Callable[[str], bool]
"""Says whether the database holds what a plan waits for."""

_MOUNTS: Final = Path("/proc/self/mountinfo")
_POINT: Final = 4
"""Which word of a line names the mount point, counted from 0 (proc_pid_mountinfo(5))."""
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def is_mounted(place: Path) -> bool:
    """Say whether something is mounted at a place, be it a single file.

    Device numbers do not tell: a file of an overlay differs from its folder, and one that is bound
    from the same disk does not.
    """
    try:
        lines = _MOUNTS.read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False  # no Linux; then replacing it says so
    points = {_OCTAL.sub(lambda code: chr(int(code[1], 8)), line.split()[_POINT]) for line in lines}
    return str(place.parent.resolve() / place.name) in points


@dataclass
class Restoration:
    """What is laid ready to take the place of a state."""

    folder: Path
    moves: list[Path] = field(default_factory=list)
    """Places that something takes."""
    aside: list[Path] = field(default_factory=list)
    """Places that are left empty."""
    is_decided: bool = False

    def lay(self, place: Path) -> Path:
        """Say where to put what shall take a place; nothing is there yet.

        Raises:
            Refused: nothing can take it.
            Outage: it cannot be written.
        """
        if is_mounted(place):  # found out later, it would be half-way for good
            raise Refused(f"{place} is mounted by itself and cannot be replaced")
        fresh = _fresh(place)
        with told(fresh):
            for each in (fresh, *_logs(fresh)):
                _remove(each)
        self.moves.append(place)
        return fresh

    def lay_file(self, place: Path, content: bytes, *, otherwise: int = _CLOSED) -> Path:
        """Lay a small file ready, for those who may read what is there; where nothing is, say who.

        Raises:
            Outage: it cannot be written.
        """
        fresh = self.lay(place)
        with told(place):
            mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else otherwise
            write_synced(fresh, content, mode=mode)
        return fresh

    def lay_folder(self, place: Path, files: dict[str, bytes]) -> None:
        """Lay a closed folder of small files ready.

        Raises:
            Outage: it cannot be written.
        """
        fresh = self.lay(place)
        with told(place):
            fresh.mkdir(mode=0o700)
            for name, content in files.items():
                write_synced(fresh / name, content)
            sync_folder(fresh)

    def leave(self, place: Path) -> None:
        """Set aside what is at a place, and put nothing there."""
        self.aside.append(place)

    def decide(self, proof: str | None = None) -> None:
        """Let it count from now on; with a proof, as soon as the database holds it.

        Raises:
            Outage: it cannot be written; nothing has changed.
        """
        plan = {
            "moves": [str(each.absolute()) for each in self.moves],
            "aside": [str(each.absolute()) for each in self.aside],
            "proof": proof,
        }
        with told(self.folder):
            for each in (*self.moves, *self.aside):
                _remove(_former(each))
                sync_folder(each.parent)
            fresh = _fresh(self.folder / PLAN)
            fresh.unlink(missing_ok=True)
            write_synced(fresh, json.dumps(plan).encode())
            self.is_decided = True  # whether or not we hear of it
            fresh.replace(self.folder / PLAN)
            sync_folder(self.folder)

    @property
    def former(self) -> list[Path]:
        """List what was set aside."""
        places = (_former(each) for each in (*self.moves, *self.aside))
        return [each for each in places if each.exists()]

    def drop(self) -> None:
        """Take away what was laid ready."""
        for place in self.moves:
            with suppress(OSError):
                for each in (_fresh(place), *_logs(_fresh(place))):
                    _remove(each)


def is_pending(folder: Path) -> bool:
    """Say whether a restoration was decided and is not finished."""
    return (folder / PLAN).exists()


def finish_restoring(folder: Path, proves: Proves) -> bool:
    """Finish what was decided, if anything was; who calls has the folder for themselves.

    Answer whether what was laid ready is in its place now.

    Raises:
        Outage: it cannot be finished now; it goes on from there another time.
    """
    path = folder / PLAN
    with told(path):
        try:
            plan = json.loads(path.read_text("utf-8"))
            moves, aside = ([Path(each) for each in plan[name]] for name in ("moves", "aside"))
            proof = plan["proof"]
        except FileNotFoundError:
            return False
        except (ValueError, LookupError, TypeError) as fault:
            raise Outage(_PARTY, f"{path} cannot be understood; take it away") from fault
        counts = proof is None or proves(proof)
        if counts:
            _put_in_place(moves, aside)
        path.unlink()
        sync_folder(folder)
    if not counts:  # the database was never filled: the state is the one before
        Restoration(folder, moves=moves).drop()
    return counts


def write_synced(path: Path, content: bytes, *, mode: int = _CLOSED) -> None:
    """Write a file down to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)
        file.flush()
        os.fsync(descriptor)


@contextmanager
def told(place: Path) -> Iterator[None]:
    """Make ours of what the file system has to say."""
    try:
        yield
    except OSError as fault:
        reason = (fault.strerror or type(fault).__name__).lower()
        raise Outage(_PARTY, f"{fault.filename or place}: {reason}") from fault


def _put_in_place(moves: list[Path], aside: list[Path]) -> None:
    """Each step is done once, however often it is begun: what is gone was moved already."""
    # An old log must be away before a database of its name appears.
    for place in aside:
        if place.exists():
            place.rename(_former(place))
    for place in moves:
        fresh = _fresh(place)
        if not fresh.exists():
            continue
        if place.exists():
            place.rename(_former(place))
        fresh.rename(place)
    for folder in {place.parent for place in (*moves, *aside)}:
        sync_folder(folder)


def _fresh(place: Path) -> Path:
    return place.with_name(f".{place.name}.restored")


def _former(place: Path) -> Path:
    return place.with_name(f"{place.name}.before-restore")


def _logs(database: Path) -> tuple[Path, ...]:
    """Name the files that SQLite keeps beside a database while it is open."""
    return tuple(
        database.with_name(f"{database.name}-{kind}") for kind in ("wal", "shm", "journal")
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
