"""An agent's folder: what belongs together arrives together, and for its owner's eyes alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.folder import (
    BRIDGE_KEY,
    ENROLLED,
    KEY,
    METRICS_TOKEN,
    NONCES,
    Enrolled,
    Taken,
    make_folder,
    own_folder,
    put_in_place,
    read_enrolled,
    read_own,
    settle,
    write_enrolled,
)
from agent.premises import open_premises
from agent.settings import SettingsError
from tests.agent.parties import enrol_host

OLD = {"key.pem": b"old key", "certificate.pem": b"old certificate"}
FRESH = {"key.pem": b"fresh key", "certificate.pem": b"fresh certificate"}


class Crash(BaseException):
    """The machine loses its power."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "deep" / "state"
    make_folder(made)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OLD if (folder / name).exists()}


def test_the_folder_and_its_files_are_their_owners_alone(folder: Path) -> None:
    os.umask(former := os.umask(0))
    os.umask(0)
    try:
        put_in_place(folder, OLD)
    finally:
        os.umask(former)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in OLD:
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert contents(folder) == OLD


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


@pytest.mark.parametrize("step", range(40))
def test_cut_off_at_any_point_it_is_all_old_or_all_fresh(
    folder: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes the disk may be the last one before the power goes."""
    put_in_place(folder, OLD)
    left = step
    with monkeypatch.context() as patch:
        for owner, name in (
            (os, "open"),
            (os, "fsync"),
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "rmdir"),
            (Path, "mkdir"),
        ):
            real = getattr(owner, name)

            def fails(*words: object, real: object = real, **named: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Crash
                return real(*words, **named)  # type: ignore[operator]

            patch.setattr(owner, name, fails)
        try:
            put_in_place(folder, FRESH)
            is_done = True
        except Crash:
            is_done = False
    settle(folder)
    assert contents(folder) in ([FRESH] if is_done else [OLD, FRESH])
    assert not (folder / "arriving").exists()
    put_in_place(folder, FRESH)
    assert contents(folder) == FRESH


def test_only_one_agent_has_a_folder(folder: Path) -> None:
    with own_folder(folder), pytest.raises(Taken, match="another agent"), own_folder(folder):
        pass
    with own_folder(folder):
        pass


def test_as_whom_a_host_is_known_is_read_as_it_was_written(folder: Path) -> None:
    enrolled = Enrolled(host="web-1", address="[2001:db8::1]:8001", door="bridge.example:8003")
    assert read_enrolled(folder) is None
    put_in_place(folder, {"enrolled.json": write_enrolled(enrolled)})
    assert read_enrolled(folder) == enrolled


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"host":1,"address":"","door":""}'])
def test_a_damaged_file_is_said_to_be_damaged(folder: Path, content: bytes) -> None:
    (folder / "enrolled.json").write_bytes(content)
    with pytest.raises(AgentError, match="damaged"):
        read_enrolled(folder)


def test_what_lies_in_the_folder_is_read_and_no_link_is_followed(folder: Path) -> None:
    put_in_place(folder, OLD)
    assert read_own(folder / "key.pem") == OLD["key.pem"]
    (folder / "key.pem").rename(folder.parent / "key.pem")
    (folder / "key.pem").symlink_to(folder.parent / "key.pem")
    with pytest.raises(OSError, match="symbolic"):
        read_own(folder / "key.pem")


def test_what_is_no_file_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "key.pem")
    with pytest.raises(OSError, match="not a file"):
        read_own(folder / "key.pem")


@pytest.mark.parametrize("name", [KEY, BRIDGE_KEY, METRICS_TOKEN, ENROLLED, NONCES])
def test_an_agent_starts_with_no_link_among_its_files(folder: Path, name: str) -> None:
    host = enrol_host(folder)
    path = folder / name
    path.rename(folder.parent / name)
    path.symlink_to(folder.parent / name)
    with pytest.raises(SettingsError) as caught, open_premises(host.settings(), now=0.0):
        pass
    assert f"{path} cannot be read or written (too many" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_is_somebody_elses_is_not_read(folder: Path) -> None:
    put_in_place(folder, OLD)
    os.chown(folder / "key.pem", 65534, 65534)
    with pytest.raises(PermissionError, match="somebody else"):
        read_own(folder / "key.pem")
    os.chown(folder, 65534, 65534)
    assert read_own(folder / "key.pem") == OLD["key.pem"]
