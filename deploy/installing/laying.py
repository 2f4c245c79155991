"""Puts files where their owner may edit them: what was edited stays, and what ships lies beside."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from deploy.installing.record import Record

BESIDE = ".new"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A file to be laid."""

    path: str
    """Of the installed machine."""
    text: str
    """What ships."""
    first: str = ""
    """What is written where there is no such file yet; what ships, if empty."""
    mode: int = 0o644


class Fate(Enum):
    """What becomes of a file."""

    SAME = "same"
    LAID = "laid"
    BESIDE = "beside"
    """It was edited, and what ships has changed since."""


def digest(content: bytes) -> str:
    """Name a content."""
    return hashlib.sha256(content).hexdigest()


def judge(sheet: Sheet, place: Path, record: Record) -> Fate:
    """Say what has to be done about a file."""
    shipped = digest(sheet.text.encode())
    try:
        now = digest(place.read_bytes())
    except FileNotFoundError:
        return Fate.LAID
    known = record.files.get(sheet.path)
    if now == shipped:
        is_known = known == shipped and not place.with_name(place.name + BESIDE).exists()
        return Fate.SAME if is_known and _has_mode(place, sheet.mode) else Fate.LAID
    if now in {known, *record.laying.get(sheet.path, [])}:
        return Fate.LAID
    return Fate.SAME if known == shipped else Fate.BESIDE


def note(sheets: Iterable[Sheet], record: Record) -> None:
    """Write down what is about to be laid: killed in the middle, it is known as ours."""
    for sheet in sheets:
        record.laying.setdefault(sheet.path, []).append(digest(sheet.text.encode()))
    record.save()


def lay(sheet: Sheet, place: Path, record: Record) -> None:
    """Do it, and remember it."""
    fate = judge(sheet, place, record)
    beside = place.with_name(place.name + BESIDE)
    if fate is Fate.LAID:
        text = sheet.text if place.exists() or not sheet.first else sheet.first
        write(place, text.encode(), sheet.mode)
        beside.unlink(missing_ok=True)
    elif fate is Fate.BESIDE:
        write(beside, sheet.text.encode(), sheet.mode)
    record.files[sheet.path] = digest(sheet.text.encode())


def write(place: Path, content: bytes, mode: int) -> None:
    """Write a file in one step; it is on disk when this returns."""
    place.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(place)
    finally:
        Path(name).unlink(missing_ok=True)


def _has_mode(place: Path, mode: int) -> bool:
    return place.stat().st_mode & 0o777 == mode
