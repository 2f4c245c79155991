"""What the agent keeps in its folder, and how an enrolment gets there whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from agent.errors import AgentError

KEY: Final = "key.pem"
CERTIFICATE: Final = "certificate.pem"
AUTHORITY: Final = "authority.pem"
BRIDGE_KEY: Final = "bridge.pub"
METRICS_TOKEN: Final = "metrics_token"  # noqa: S105 - a file's name
ENROLLED: Final = "enrolled.json"
NONCES: Final = "nonces"
_LOCK: Final = "agent.lock"
_ARRIVING_LOCK: Final = "arriving.lock"
ARRIVING: Final = "arriving"
"""Holds what an enrolment brought, until all of it is in its place."""
_WHOLE: Final = "whole"
"""Lies beside what arrives once all of it does."""


class Taken(AgentError):
    """Another agent has this folder."""


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """As whom a bridge knows this host."""

    host: str
    address: str
    door: str
    """Where letters go: `host:port`."""


def make_folder(folder: Path) -> None:
    """Make the folder, closed to everybody else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077 and folder.stat().st_uid == os.geteuid():
        folder.chmod(0o700)


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone; the lock ends with the process, however it ends.

    Raises:
        Taken: somebody else holds it.
    """
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Taken(f"another agent is running with {folder}") from None
        yield


def write_enrolled(enrolled: Enrolled) -> bytes:
    """Write down as whom this host is known."""
    return json.dumps(asdict(enrolled)).encode() + b"\n"


def read_enrolled(folder: Path) -> Enrolled | None:
    """Read as whom this host is known; None before its enrolment.

    Raises:
        AgentError: the file is damaged.
    """
    path = folder / ENROLLED
    try:
        kept = json.loads(read_own(path))
        fields = {name: kept[name] for name in ("host", "address", "door")}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise AgentError(f"{path} is damaged") from None
    if not all(isinstance(each, str) for each in fields.values()):
        raise AgentError(f"{path} is damaged")
    return Enrolled(**fields)


def read_own(path: Path) -> bytes:
    """Read a file of the folder: one that lies there itself, and is of whom the folder is.

    Raises:
        OSError: it is a link, or no file, or somebody else's, or cannot be read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a file", str(path))
        if found.st_uid not in {0, os.geteuid(), path.parent.stat().st_uid}:
            raise PermissionError(errno.EPERM, "it is somebody else's", str(path))
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Write a file for its owner alone; it is on disk when this returns."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace files that belong together: all of them or, if this is cut off, none."""
    arriving = folder / ARRIVING
    with _arrival(folder):
        _settle(folder)
        arriving.mkdir(mode=0o700)
        for name, content in files.items():
            write_private(arriving / name, content)
        write_private(arriving / _WHOLE, b"")
        sync_folder(arriving)
        sync_folder(folder)
        _settle(folder)


def settle(folder: Path) -> None:
    """Finish what was cut off while it was put in place, or clear away what was not whole yet."""
    with _arrival(folder):
        _settle(folder)


@contextmanager
def _arrival(folder: Path) -> Iterator[None]:
    with (folder / _ARRIVING_LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _settle(folder: Path) -> None:
    arriving = folder / ARRIVING
    if not arriving.is_dir():
        return
    if (arriving / _WHOLE).exists():
        for path in arriving.iterdir():
            if path.name != _WHOLE:
                path.replace(folder / path.name)
        sync_folder(folder)
    for left in arriving.iterdir():
        left.unlink()
    arriving.rmdir()
    sync_folder(folder)
