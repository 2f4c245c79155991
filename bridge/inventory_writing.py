"""Writes the inventory: one host's line at a time, whole or not at all.

The file is a person's own. Its comments, its order and its line ends stay, and so do its mode, its
owner and the link that leads to it. Writers take turns by a lock on the folder, which leaves no
file behind; who edits it by hand meanwhile is noticed, and what they have saved is read first.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bridge import limits
from bridge.core.inventory_lines import place_agent, put_agent, put_host, remove_host
from bridge.errors import Outage

_PARTY: Final = "the inventory"
_TRIES: Final = 3  # chosen: nobody saves a file three times within milliseconds
_FRESH_MODE: Final = 0o644  # names and addresses are no secret; Prometheus's side reads them
Change = Callable[[str], str]


@dataclass(frozen=True)
class _Seen:
    """The file as it was read."""

    text: str
    status: os.stat_result | None
    """None: there was none."""


class InventoryWriter:
    """Adds, completes and removes hosts of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def add(
        self,
        name: str,
        *,
        node_address: str,
        agent_address: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Add a host at the end.

        Raises:
            Mistake: it is there, its line would be wrong, or the file has bad lines already.
            Outage: the file cannot be read or written.
        """
        change = partial(
            put_host,
            name=name,
            node_address=node_address,
            agent_address=agent_address,
            labels=labels,
        )
        await self._change(change)

    async def complete(self, name: str, agent_address: str | None) -> None:
        """Write where a host's agent is into its line; None takes it out.

        Raises:
            Missing: no line has this host.
            Mistake: the line would be wrong, or the file has bad lines already.
            Outage: the file cannot be read or written.
        """
        await self._change(partial(place_agent, name=name, agent_address=agent_address))

    async def remove(self, name: str) -> None:
        """Take a host's line out.

        Raises:
            Missing: no line has this host.
            Mistake: the file has bad lines.
            Outage: the file cannot be read or written.
        """
        await self._change(partial(remove_host, name=name))

    async def put_agent(self, name: str, *, node_address: str, agent_address: str) -> None:
        """Write where a host's agent is: into its line, or into one of its own.

        Raises:
            Mistake: the line would be wrong, or the file has bad lines already.
            Outage: the file cannot be read or written.
        """
        await self._change(_put_agent(name, node_address, agent_address))

    async def check_agent(self, name: str, *, node_address: str, agent_address: str) -> None:
        """See whether that could be written, and leave everything as it is.

        Raises:
            Mistake: it could not.
            Outage: the file cannot be read.
        """
        change = _put_agent(name, node_address, agent_address)
        await asyncio.to_thread(lambda: change(_read(self._path).text))

    async def _change(self, change: Change) -> None:
        await asyncio.to_thread(_change, self._path, change)


def _put_agent(name: str, node_address: str, agent_address: str) -> Change:
    return partial(put_agent, name=name, node_address=node_address, agent_address=agent_address)


def _change(path: Path, change: Change) -> None:
    try:
        final = path.resolve()  # a link stays a link
        with _turn(final.parent):
            for _ in range(_TRIES):
                seen = _read(final)
                written = change(seen.text)
                if written == seen.text or _replace(final, written, seen):
                    return
    except OSError as fault:
        raise _outage(fault) from fault
    raise Outage(_PARTY, "somebody else keeps writing it")


def _read(path: Path) -> _Seen:
    try:
        with path.open("rb") as file:
            content = file.read(limits.INVENTORY_BYTES + 1)
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        return _Seen("", None)
    except OSError as fault:
        raise _outage(fault) from fault
    if len(content) > limits.INVENTORY_BYTES:
        raise Outage(_PARTY, f"has more than {limits.INVENTORY_BYTES} bytes: that is no inventory")
    # Bytes that are no text may stand in comments; they go back as they came.
    return _Seen(content.decode("utf-8", "surrogateescape"), status)


def _replace(final: Path, text: str, seen: _Seen) -> bool:
    """Put a text in the place of what was read; False if that is there no more."""
    descriptor, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".tmp", dir=final.parent)
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            _take_after(file.fileno(), seen.status)
            file.flush()
            os.fsync(file.fileno())
        if _has_changed(final, seen.status):
            return False
        fresh.replace(final)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_folder(final.parent)
    return True


def _take_after(descriptor: int, status: os.stat_result | None) -> None:
    """Give a file the mode and, as far as we may, the owner of the one before it."""
    if status is None:
        os.fchmod(descriptor, _FRESH_MODE)
        return
    with suppress(PermissionError):  # somebody else's file, which our folder lets us replace
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _has_changed(final: Path, status: os.stat_result | None) -> bool:
    try:
        now = final.stat()
    except FileNotFoundError:
        return status is not None
    return status is None or _identify(now) != _identify(status)


def _identify(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait for the other writers; the turn ends with the process, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        end = time.monotonic() + limits.INVENTORY_TURN_SECONDS
        while not _is_taken(descriptor):
            if time.monotonic() >= end:
                raise Outage(_PARTY, "another program is writing it")
            time.sleep(limits.INVENTORY_TURN_LOOK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _outage(fault: OSError) -> Outage:
    reason = (fault.strerror or type(fault).__name__).lower()
    return Outage(_PARTY, f"cannot be read or written ({reason})")
