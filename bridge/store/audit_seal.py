"""The audit's key and signed head: files for their owner alone, outside the database.

The head is a small file that takes the place of the former one in a single step. It is written
after what it tells of, so that a crash in between leaves it behind, never ahead.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.core.audit import Head, Signer, read_head, write_head
from bridge.errors import Outage

PARTY: Final = "audit"
KEY_FILE: Final = "audit.key"
HEAD_FILE: Final = "audit.head"
LOCK_FILE: Final = "audit.lock"
_KEY_BYTES: Final = 32  # chosen: as long as the digest that is signed with it


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the files held."""

    signer: Signer
    head: Head | None
    """None: there is none, or none that can be read."""
    text: str | None
    """The head as it stands in its file; None: there is no file."""
    is_fresh: bool = False
    """Whether the key was made just now: nobody has kept a head before."""


def make_key() -> str:
    """Make a key, as it stands in its file."""
    return secrets.token_hex(_KEY_BYTES) + "\n"


def read_kept(key: str, text: str | None, *, folder: Path, is_fresh: bool = False) -> Kept:
    """Understand what the two files held.

    Raises:
        Outage: the key is none.
    """
    key = key.strip()
    try:
        signer = Signer(bytes.fromhex(key))
    except ValueError:
        key = ""
    if not key:
        raise Outage(PARTY, f"{folder / KEY_FILE} holds no key of ours")
    head = None
    if text is not None:
        with suppress(ValueError):
            head = read_head(text)
    return Kept(signer=signer, head=head, text=text, is_fresh=is_fresh)


class Safe:
    """Where the key and the head are kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> Kept:
        """Read both, making a key at the first time.

        Raises:
            Outage: the folder or what is in it cannot be used.
        """
        with _told(self._folder):
            is_fresh = self._make_key()
            return self._read(is_fresh=is_fresh)

    def look(self) -> Kept | None:
        """Read both and make nothing; None where there is no key.

        Raises:
            Outage: the folder or what is in it cannot be used.
        """
        with _told(self._folder):
            return self._read(is_fresh=False) if self._has_key() else None

    def put(self, head: Head, *, instead_of: Kept) -> bool:
        """Put a head in the place of the one that was read; False when another was quicker.

        Raises:
            Outage: it cannot be written.
        """
        with _told(self._folder), self._alone():
            if self._read_head() != instead_of.text:
                return False
            fresh = self._write(write_head(head))
            fresh.replace(self._folder / HEAD_FILE)
            return True

    def _read(self, *, is_fresh: bool) -> Kept:
        key = (self._folder / KEY_FILE).read_text("ascii", errors="replace")
        return read_kept(key, self._read_head(), folder=self._folder, is_fresh=is_fresh)

    def _read_head(self) -> str | None:
        try:
            return (self._folder / HEAD_FILE).read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def _has_key(self) -> bool:
        return (self._folder / KEY_FILE).exists()

    def _make_key(self) -> bool:
        """Make a key unless there is one; of two that try at once, one succeeds."""
        if self._has_key():
            return False
        path = self._folder / KEY_FILE
        fresh = self._write(make_key())
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return False
        finally:
            fresh.unlink()
        return True

    def _write(self, text: str) -> Path:
        """Write a file for the owner's eyes, down to the disk, under a passing name."""
        number, name = tempfile.mkstemp(dir=self._folder, prefix=".audit-")  # mkstemp: mode 0600
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(number)
        return Path(name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the console and the bridge from writing at once."""
        number = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(number) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Make ours of what the file system has to say."""
    try:
        yield
    except OSError as fault:
        reason = (fault.strerror or type(fault).__name__).lower()
        raise Outage(PARTY, f"{fault.filename or folder}: {reason}") from fault
