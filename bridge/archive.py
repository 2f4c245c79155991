"""The file of a backup: a zip archive that ends with the digest of all that comes before.

Any unzip opens it. The digest stands in the archive's own comment, at the very end, so that a file
that was cut off, or changed in a single bit, is known before anything in it is looked at.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from bridge import limits
from bridge.core.backups import (
    MANIFEST,
    Manifest,
    Member,
    is_proper_member,
    read_manifest,
    write_manifest,
)
from bridge.errors import Mistake, Outage

_PARTY: Final = "the backup"
_WORDS: Final = b"Opswire backup; keep it secret. SHA-256 of all before this: "
_DIGITS: Final = 64  # hexadecimal, of SHA-256
_CLOSED: Final = 0o600
_PACKED: Final = (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
"""How anything of ours is packed; the first unless somebody packed it again."""
_AT_ONCE: Final = 1024 * 1024  # chosen: bytes in memory at a time
_MANIFEST_BYTES: Final = 4 * 1024 * 1024  # chosen: thousands of members
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)  # the format's first; when it was made says the manifest


class Writing:
    """A backup that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.members: dict[str, Member] = {}

    def put(self, name: str, content: Iterable[bytes]) -> None:
        """Add a member."""
        if not is_proper_member(name):
            raise ValueError(f"{name} is no member of a backup")
        self.members[name] = self._write(name, content)

    def finish(self, manifest: Manifest) -> None:
        """Say what it is, at last."""
        self._write(MANIFEST, [write_manifest(manifest).encode()])
        self._archive.comment = _WORDS + b"0" * _DIGITS

    def _write(self, name: str, content: Iterable[bytes]) -> Member:
        about = zipfile.ZipInfo(name, _MOMENT)
        about.compress_type = zipfile.ZIP_DEFLATED
        about.external_attr = (stat.S_IFREG | _CLOSED) << 16
        digest, size = hashlib.sha256(), 0
        with self._archive.open(about, "w", force_zip64=True) as file:
            for piece in content:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
        return Member(sha256=digest.hexdigest(), size=size)


class Reading:
    """A backup that is whole."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive = archive
        self.manifest = manifest

    def lines(self, name: str) -> Iterator[bytes]:
        """Read a member line by line.

        Raises:
            Mistake: it is not what the manifest says.
        """
        digest = hashlib.sha256()
        with _understood(name), self._archive.open(name) as file:
            while line := file.readline(limits.BACKUP_LINE_BYTES + 1):
                if len(line) > limits.BACKUP_LINE_BYTES:
                    raise Mistake(f"the backup is none of ours: {name} has a line without end")
                digest.update(line)
                yield line
        if digest.hexdigest() != self.manifest.members[name].sha256:
            raise Mistake(f"the backup is damaged: {name} is not as it was written")

    def read(self, name: str) -> bytes:
        """Read a small member whole.

        Raises:
            Mistake: it is not what the manifest says.
        """
        content = bytearray()
        for line in self.lines(name):
            content += line
            if len(content) > limits.INVENTORY_BYTES:
                raise Mistake(f"the backup is none of ours: {name} is far too large")
        return bytes(content)


@contextmanager
def write_archive(path: Path, *, is_forced: bool) -> Iterator[Writing]:
    """Write a backup: it is there, whole, when the block ends; else nothing is.

    Raises:
        Mistake: something is there already.
        Outage: it cannot be written.
    """
    if path.is_dir():
        raise Mistake(f"{path} is a folder; write the name of a file in it")
    if not path.parent.exists():
        raise Mistake(f"there is no folder {path.parent}")
    if not is_forced and os.path.lexists(path):
        raise _is_there(path)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _open_fresh(fresh) as file:
            with zipfile.ZipFile(file, "w") as archive:
                yield Writing(archive)
            _seal(file)
        _name(fresh, path, is_forced=is_forced)
    except OSError as fault:
        raise _outage(path, fault) from fault
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


@contextmanager
def read_archive(path: Path) -> Iterator[Reading]:
    """Open a backup that is whole.

    Raises:
        Mistake: it is damaged, or none of ours; it says what.
        TooNew: a later version has written it in another form.
        Outage: it cannot be read.
    """
    try:
        file = path.open("rb")
    except OSError as fault:
        raise _outage(path, fault) from fault
    with file:
        with _understood(str(path)):
            if not _is_sealed(file):
                raise Mistake(f"{path} is damaged or no backup of Opswire: {_find_damage(file)}")
            archive = zipfile.ZipFile(file)
            manifest = _read_manifest(archive)
        with archive:
            yield Reading(archive, manifest)


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    names = Counter(each.filename for each in archive.infolist())
    strange = [
        each.filename
        for each in archive.infolist()
        if not _is_ours(each) or names[each.filename] > 1
    ]
    if strange:
        raise Mistake(f"the backup holds {strange[0]!r}, which no backup of ours does")
    if MANIFEST not in names or archive.getinfo(MANIFEST).file_size > _MANIFEST_BYTES:
        raise Mistake(f"the backup has no {MANIFEST} of ours")
    manifest = read_manifest(archive.read(MANIFEST).decode("utf-8", "replace"))
    if set(manifest.members) != set(names) - {MANIFEST}:
        raise Mistake(f"the backup holds other files than its {MANIFEST} says")
    return manifest


def _is_ours(about: zipfile.ZipInfo) -> bool:
    """Say whether a member is a plain file of a name of ours: no link, no way out of a folder."""
    is_plain = stat.S_ISREG(about.external_attr >> 16) and about.compress_type in _PACKED
    return is_plain and (about.filename == MANIFEST or is_proper_member(about.filename))


def _find_damage(file: IO[bytes]) -> str:
    """Name what is wrong with a file whose digest does not fit."""
    try:
        with zipfile.ZipFile(file) as archive:
            if any(each.compress_type not in _PACKED for each in archive.infolist()):
                return "it is packed as none of ours is"
            spoilt = archive.testzip()
    except (zipfile.BadZipFile, OSError, ValueError, LookupError, EOFError, RuntimeError):
        return "its end is missing, or it is no archive at all"
    except zlib.error:
        return "what is in it cannot be unpacked"
    return f"{spoilt} is not as it was written" if spoilt else "it was changed after it was written"


def _is_sealed(file: IO[bytes]) -> bool:
    size = file.seek(0, os.SEEK_END)
    if size < len(_WORDS) + _DIGITS:
        return False
    file.seek(size - _DIGITS)
    return file.read(_DIGITS) == _digest(file, size - _DIGITS)


def _seal(file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    digest = _digest(file, size - _DIGITS)
    file.seek(size - _DIGITS)
    file.write(digest)
    file.flush()
    os.fsync(file.fileno())


def _digest(file: IO[bytes], size: int) -> bytes:
    digest = hashlib.sha256()
    file.seek(0)
    while size and (piece := file.read(min(size, _AT_ONCE))):
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest().encode()


def _open_fresh(fresh: Path) -> IO[bytes]:
    fresh.unlink(missing_ok=True)
    return os.fdopen(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, _CLOSED), "w+b")


def _name(fresh: Path, path: Path, *, is_forced: bool) -> None:
    """Give the file its name in one step; another's, made meanwhile, is not taken."""
    if is_forced:
        fresh.replace(path)
    else:
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            raise _is_there(path) from None
        except OSError:  # a file system without links
            fresh.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _understood(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError) as fault:
        raise Mistake(f"{name} is damaged: it cannot be unpacked") from fault
    except RuntimeError as fault:  # it wants a password, or is packed in a way that we do not know
        raise Mistake(f"{name} is none of ours: it cannot be unpacked") from fault
    except OSError as fault:
        raise _outage(Path(name), fault) from fault


def _is_there(path: Path) -> Mistake:
    return Mistake(f"{path} is there already; choose another name, or --force to replace it")


def _outage(path: Path, fault: OSError) -> Outage:
    reason = (fault.strerror or type(fault).__name__).lower()
    return Outage(_PARTY, f"{path}: {reason}")
