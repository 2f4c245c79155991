"""What root lays in a folder that a service's user may write: no link of theirs is followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from deploy.installing.machine import Machine

_OPENED: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def hold_folder(
    path: Path, user: str, machine: Machine, *, within: int | None = None
) -> Iterator[int]:
    """Make a folder where it is missing, give it to its user, and hold it open.

    Args:
        path: Which one.
        user: Whose it is to be.
        machine: Where.
        within: The folder around it, held open, where that is the user's already.

    Raises:
        OSError: something else is in its place, such as a link.
    """
    name = path if within is None else Path(path.name)
    flags = _OPENED if within is None else _OPENED | os.O_NOFOLLOW
    with _naming(path):
        with suppress(FileExistsError):
            name.mkdir(0o700) if within is None else os.mkdir(name, 0o700, dir_fd=within)
        opened = os.open(name, flags, dir_fd=within)
    try:
        machine.give(path, user, opened=opened)
        yield opened
    finally:
        os.close(opened)


def write(path: Path, content: bytes, user: str, machine: Machine, *, within: int) -> None:
    """Write a user's file in one step, in a folder of theirs that is held open."""
    fresh = f".{path.name}.fresh"
    with _naming(path):
        with suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=within)
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=within)
        with os.fdopen(number, "wb") as file:
            machine.give(path, user, opened=number)
            file.write(content)
            file.flush()
            os.fsync(number)
        os.rename(fresh, path.name, src_dir_fd=within, dst_dir_fd=within)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let a fault name the whole path."""
    try:
        yield
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(path)) from fault
