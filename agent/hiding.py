"""Closes a folder to a job that is the same user as the agent: Landlock, where the kernel has it.

Landlock can only allow. So everything beside the folder is allowed, and everything beside each
folder above it: what comes into those folders themselves while the job runs is closed to it as
well, and it makes, moves and removes nothing right there. What stays free in the folder is to list
its names, and to change modes and times: no kernel has a rule for these.

A job that is bound like this mounts nothing, looks into no process but its own, and takes no file
to where it could be read. What is open to it is what has been made by others: where the same folder
is mounted in a second place, it is open there.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_CREATE_RULESET: Final = 444  # asm-generic/unistd.h, the same on every machine
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_TELL_VERSION: Final = 1  # linux/landlock.h, LANDLOCK_CREATE_RULESET_VERSION
_BENEATH: Final = 1  # LANDLOCK_RULE_PATH_BENEATH
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_NAMES: Final = sum(1 << bit for bit in range(4, 13))
"""To remove what is in a folder, and to make anything there: from REMOVE_DIR to MAKE_SYM."""
_REFER: Final = 1 << 13  # to move something to another folder
_TRUNCATE: Final = 1 << 14
_OF_FILES: Final = _WRITE_FILE | _READ_FILE | _TRUNCATE
_SINCE: Final = ((1, _WRITE_FILE | _READ_FILE | _NAMES), (2, _REFER), (3, _TRUNCATE))
"""From which version of Landlock on something can be ruled."""
_HERE: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_syscall: Final = ctypes.CDLL(None, use_errno=True).syscall


class _Ruleset(ctypes.Structure):
    """What is forbidden but for the rules: linux/landlock.h, landlock_ruleset_attr."""

    _fields_ = (("files", ctypes.c_uint64),)


class _Rule(ctypes.Structure):
    """What is allowed in a place and below it: linux/landlock.h, landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("place", ctypes.c_int32))


def can_hide() -> bool:
    """Say whether this kernel can close a folder to some of a user's processes."""
    return _tell_version() > 0


def hide(folder: str) -> None:
    """Let this process, and whatever comes of it, read and write no file in a folder.

    Nor does it make, move or remove anything there, or right in a folder above it: another folder
    could take its place.

    Where the kernel cannot do it, nothing changes.

    Args:
        folder: Its path without symbolic links.

    Raises:
        OSError: the kernel can do it, and has not.
    """
    version = _tell_version()
    rights = sum(each for since, each in _SINCE if since <= version)
    if not rights:
        return
    ruleset = _ask(_CREATE_RULESET, ctypes.byref(_Ruleset(rights)), ctypes.sizeof(_Ruleset), 0)
    try:
        for path, is_folder in _list_others(folder):
            _allow(ruleset, path, rights if is_folder else rights & _OF_FILES)
        _ask(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _list_others(folder: str) -> Iterator[tuple[str, bool]]:
    """List what is beside a folder, and beside each folder above it; say what is a folder."""
    while folder != "/":
        above, name = os.path.split(folder)
        # A folder that cannot be listed stays closed.
        with suppress(OSError), os.scandir(above) as entries:
            for each in entries:
                if each.name != name and not each.is_symlink():
                    yield each.path, each.is_dir(follow_symlinks=False)
        folder = above


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, _HERE)
    except OSError:  # it has just gone
        return
    try:
        _ask(_ADD_RULE, ruleset, _BENEATH, ctypes.byref(_Rule(rights, place)), 0)
    finally:
        os.close(place)


def _tell_version() -> int:
    return int(_syscall(_CREATE_RULESET, None, 0, _TELL_VERSION))


def _ask(*arguments: object) -> int:
    found = int(_syscall(*arguments))
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found
