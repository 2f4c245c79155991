"""Files by which this host's owner speaks to the agent, and nobody else can.

The agent, and a job that it runs, must not be able to write what they are bound by: such a file is
root's, or at least not of a user that the agent is or can become, and neither it nor a folder
above it can be written by others. The folders count where the file is missing, too: whoever can
write them can have taken it away.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0


class Untrusted(Exception):
    """The file is there, and might be by somebody else; says why."""


def read_owned(path: Path, *, at_most: int, own: frozenset[int] | None = None) -> bytes | None:
    """Read what the owner wrote; None where there is no such file.

    Args:
        path: Where it stands.
        at_most: How many bytes it may have.
        own: The users that the agent is or can become; None asks the system.

    Raises:
        Untrusted: it is not surely the owner's.
    """
    users = frozenset(os.getresuid()) if own is None else own
    try:
        for folder in path.absolute().parents:
            _require_folder(folder, users)
        return _read(path, at_most, users)
    except FileNotFoundError:
        return None
    except OSError as fault:
        why = "is a link" if fault.errno == errno.ELOOP else "cannot be read"
        raise Untrusted(f"{path} {why}") from None


def _read(path: Path, at_most: int, users: frozenset[int]) -> bytes:
    # A pipe in its place must not hold up whoever opens it.
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(opened, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Untrusted(f"{path} is no file")
        _require_owner(path, status, users)
        content = file.read(at_most + 1)
    if len(content) > at_most:
        raise Untrusted(f"{path} is longer than {at_most} bytes")
    return content


def _require_folder(folder: Path, users: frozenset[int]) -> None:
    try:
        status = folder.stat()
    except FileNotFoundError:
        return
    _require_owner(folder, status, users)


def _require_owner(path: Path, status: os.stat_result, users: frozenset[int]) -> None:
    """Require that neither the agent nor everybody can write it."""
    # As root the agent can become anybody; its jobs become anybody but root.
    is_within_reach = _ROOT in users or status.st_uid in users
    if status.st_uid != _ROOT and is_within_reach:
        raise Untrusted(f"{path} belongs to user {status.st_uid}, not to root")
    # In a sticky folder others can add files, but not replace this one.
    is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & _OTHERS_WRITE and not is_sticky:
        raise Untrusted(f"{path} can be written by others than its owner")
