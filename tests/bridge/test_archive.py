"""The file of a backup: whoever wrote it, reading it ends with its content or with a sentence."""

from __future__ import annotations

import hashlib
import os
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge import archive, limits
from bridge.archive import read_archive, write_archive
from bridge.core.backups import Manifest
from bridge.errors import BridgeError, Mistake, Outage
from tests.fakes.clock import NOON

LINES = [b'["a"]\n'] * 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small backup."""
    made = tmp_path / "backup.zip"
    with write_archive(made, is_forced=False) as written:
        written.put("database/people.jsonl", LINES)
        written.put("state/audit.key", [b"k" * 65])
        written.finish(
            Manifest(
                version="1",
                revision="0001",
                made_at=NOON,
                owner=None,
                dialect="sqlite",
                members=written.members,
            )
        )
    return made


def read_all(path: Path) -> None:
    with read_archive(path) as read:
        for name in read.manifest.members:
            for _ in read.lines(name):
                pass


def seal(content: bytes) -> bytes:
    """Let it end with its digest, as somebody does who knows how."""
    return (
        content[: -archive._DIGITS]
        + hashlib.sha256(content[: -archive._DIGITS]).hexdigest().encode()
    )


changes = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from([0, 1, 9, 12, 14, 255]) | st.integers(0, 255)),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changed=changes, is_sealed=st.booleans())
def test_whatever_was_changed_in_it_reading_ends_with_a_sentence(
    path: Path, changed: list[tuple[int, int]], *, is_sealed: bool
) -> None:
    content = bytearray(path.read_bytes())
    for place, value in changed:
        content[-1 - place % len(content)] = value
    spoilt = path.with_name("spoilt.zip")
    spoilt.write_bytes(seal(bytes(content)) if is_sealed else content)
    with suppress(BridgeError):
        read_all(spoilt)


@pytest.mark.parametrize(
    ("offset", "value"),
    [(8, 1), (10, zipfile.ZIP_LZMA), (10, zipfile.ZIP_BZIP2), (42, 255), (46, 0xFF), (28, 0)],
    ids=["password", "lzma", "bzip2", "place", "name", "nameless"],
)
@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_the_list_of_members_says_is_never_believed(
    path: Path, offset: int, value: int, *, is_sealed: bool
) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + offset] = value
    path.write_bytes(seal(bytes(content)) if is_sealed else content)
    with pytest.raises(Mistake):
        read_all(path)


def test_a_line_without_end_is_not_taken_into_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BACKUP_LINE_BYTES", 60)
    with pytest.raises(Mistake, match=r"state/audit\.key has a line without end"):
        read_all(path)


def test_a_small_member_is_small(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with read_archive(path) as read:
        assert read.read("state/audit.key") == b"k" * 65
        monkeypatch.setattr(limits, "INVENTORY_BYTES", 64)
        with pytest.raises(Mistake, match="far too large"):
            read.read("state/audit.key")


def test_a_disk_that_cannot_be_read_is_told_as_such(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(archive, "_digest", fail)
    with pytest.raises(Outage, match="input/output error"):
        read_all(path)


def test_a_fault_of_whoever_reads_is_not_blamed_on_the_backup(path: Path) -> None:
    with pytest.raises(KeyError, match="ours"), read_archive(path):
        raise KeyError("ours")
