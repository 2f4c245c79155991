"""What the root helper does: three verbs, each with arguments of a fixed form.

An agent that is root itself calls the same functions.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.arguments import parse_port
from agent.errors import Denied
from agent.limits import AUTH_LOG_PIECE_BYTES
from agent.listeners import PROTECTED_PORTS, Outcome, close
from agent.ports import PROC, Holder, find_first_holders

AUTH_LOGS: Final = (Path("/var/log/auth.log"), Path("/var/log/secure"))
"""Debian's and its kin's; Red Hat's and its kin's."""
_ROTATED: Final = ".1"
"""What logrotate appends to the file that it put aside last."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of the auth log."""

    inode: int
    """Of the file that it is from."""
    offset: int
    """Where the next piece begins."""
    size: int
    """Of that file."""
    content: bytes
    is_last: bool
    """Whether that file is the one that is written now."""


@dataclass(frozen=True, kw_only=True)
class Root:
    """The three verbs, done here."""

    protected: Mapping[int, str] = field(default_factory=lambda: PROTECTED_PORTS)
    logs: tuple[Path, ...] = AUTH_LOGS
    proc: Path = PROC

    def name_sockets(self, inodes: frozenset[int]) -> dict[int, Holder]:
        """Say which process holds each socket."""
        return find_first_holders(inodes, self.proc)

    def end_listener(self, port: int) -> Outcome:
        """End whatever listens on a TCP port."""
        return close(port, protected=self.protected, proc=self.proc)

    def read_auth_log(self, inode: int, offset: int) -> Piece:
        """Read on in the auth log from where a reader stands.

        Args:
            inode: Of the file that they stand in; 0 if in none: then they stand at the end.
            offset: How far they are in it.

        A reader whose file was put aside gets the rest of it, then the next file from its
        beginning; one whose file was emptied starts at its beginning.

        Raises:
            Denied: there is none.
        """
        for path in self.logs:
            piece = _read_piece(path, inode, offset)
            if piece is not None:
                return piece
        raise Denied("missing", "this host has no auth log; its journal may have it")


def _read_piece(path: Path, inode: int, offset: int) -> Piece | None:
    now = _open(path)
    if now is None:
        return None
    try:
        status = os.fstat(now)
        if inode == status.st_ino:
            start = offset if offset <= status.st_size else 0
            return _take(now, start, is_last=True)
        if not inode:
            return _take(now, status.st_size, is_last=True)
        rest = _read_rest(path, inode, offset)
        return rest or _take(now, 0, is_last=True)
    finally:
        os.close(now)


def _read_rest(path: Path, inode: int, offset: int) -> Piece | None:
    """Read what is left of a file that was put aside."""
    aside = _open(path.with_name(path.name + _ROTATED))
    if aside is None:
        return None
    try:
        status = os.fstat(aside)
        if status.st_ino != inode or offset >= status.st_size:
            return None
        return _take(aside, offset, is_last=False)
    finally:
        os.close(aside)


def _take(opened: int, start: int, *, is_last: bool) -> Piece:
    status = os.fstat(opened)
    content = os.pread(opened, AUTH_LOG_PIECE_BYTES, start)
    return Piece(
        inode=status.st_ino,
        offset=start + len(content),
        size=status.st_size,
        content=content,
        is_last=is_last,
    )


def _open(path: Path) -> int | None:
    """Open a log; a link or pipe in its place is none."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    return None


Arguments = Mapping[str, Any]


def _name_sockets(root: Root, arguments: Arguments) -> dict[str, Any]:
    inodes = arguments.get("inodes")
    if not isinstance(inodes, list) or not all(type(each) is int and each > 0 for each in inodes):
        raise Denied("argument", "inodes is a list of numbers")
    found = root.name_sockets(frozenset(inodes))
    return {"holders": [[inode, each.pid, each.name] for inode, each in found.items()]}


def _end_listener(root: Root, arguments: Arguments) -> dict[str, Any]:
    return root.end_listener(parse_port(arguments.get("port"))).to_facts()


def _read_auth_log(root: Root, arguments: Arguments) -> dict[str, Any]:
    inode, offset = arguments.get("inode"), arguments.get("offset")
    if type(inode) is not int or type(offset) is not int or inode < 0 or offset < 0:
        raise Denied("argument", "inode and offset are numbers")
    piece = root.read_auth_log(inode, offset)
    content = base64.b64encode(piece.content).decode("ascii")
    return {**vars(piece), "content": content}


VERBS: Final[Mapping[str, Callable[[Root, Arguments], dict[str, Any]]]] = {
    "name_sockets": _name_sockets,
    "end_listener": _end_listener,
    "read_auth_log": _read_auth_log,
}
"""All there are."""
