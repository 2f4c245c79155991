"""The log of logins, read by root's helper for an agent that may not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.errors import Denied
from agent.limits import AUTH_LOG_PIECE_BYTES
from agent.root_door import RootDoor
from agent.root_verbs import Piece, Root
from tests.agent.roots import US, Serve


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "auth.log"


def read_on(root: Root | RootDoor, piece: Piece) -> Piece:
    return root.read_auth_log(piece.inode, piece.offset)


@pytest.mark.parametrize("by_door", [False, True])
def test_the_auth_log_is_read_from_its_end_and_over_its_rotations(
    log: Path, serve: Serve, *, by_door: bool
) -> None:
    own = Root(logs=(log.with_name("none"), log))
    root: Root | RootDoor = RootDoor(serve(own), user=US) if by_door else own
    with pytest.raises(Denied, match="no auth log"):
        root.read_auth_log(0, 0)
    log.write_bytes(b"old\n")
    piece = root.read_auth_log(0, 0)
    assert (piece.content, piece.is_last) == (b"", True)
    with log.open("ab") as more:
        more.write(b"one\n\xff")
    piece = read_on(root, piece)
    assert (piece.content, piece.size) == (b"one\n\xff", 9)
    assert read_on(root, piece).content == b""
    # Put aside with something unread, and begun anew.
    with log.open("ab") as more:
        more.write(b"last\n")
    log.rename(log.with_name("auth.log.1"))
    log.write_bytes(b"first\n")
    piece = read_on(root, piece)
    assert (piece.content, piece.is_last) == (b"last\n", False)
    piece = read_on(root, piece)
    assert (piece.content, piece.is_last) == (b"first\n", True)
    # Emptied in its place.
    log.write_bytes(b"a\n")
    piece = read_on(root, piece)
    assert piece.content == b"a\n"
    # Put aside twice since.
    log.unlink()
    log.with_name("auth.log.1").unlink()
    log.write_bytes(b"b\n")
    assert root.read_auth_log(piece.inode + 10_000, 99).content == b"b\n"


def test_the_auth_log_comes_in_pieces(log: Path) -> None:
    log.write_bytes(b"")
    root = Root(logs=(log,))
    piece = root.read_auth_log(0, 0)
    log.write_bytes(b"x" * (AUTH_LOG_PIECE_BYTES + 5))
    piece = read_on(root, piece)
    assert len(piece.content) == AUTH_LOG_PIECE_BYTES
    assert len(read_on(root, piece).content) == 5


def test_a_link_or_a_pipe_in_place_of_the_auth_log_is_none(log: Path) -> None:
    log.symlink_to("/etc/hostname")
    with pytest.raises(Denied):
        Root(logs=(log,)).read_auth_log(1, 0)
    log.unlink()
    os.mkfifo(log)
    with pytest.raises(Denied):
        Root(logs=(log,)).read_auth_log(1, 0)
