"""The way to the root helper; where there is none, the answer says so."""

from __future__ import annotations

import base64
import binascii
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agent.errors import Denied
from agent.limits import ROOT_ANSWER_BYTES, ROOT_ANSWER_SECONDS
from agent.listeners import PROTECTED_PORTS, Outcome
from agent.ports import Holder
from agent.root_verbs import Piece, Root
from agent.rooted import SOCKET, read_peer

_ROOT: Final = 0


class RootAbsent(Denied):
    """There is no root helper, or it gives no answer."""

    def __init__(self, sentence: str) -> None:
        super().__init__("root", sentence)


def open_root(
    path: Path = SOCKET, protected: Mapping[int, str] = PROTECTED_PORTS
) -> Root | RootDoor:
    """Give what does the three verbs: this program if it is root, else the way to the helper."""
    return Root(protected=protected) if os.geteuid() == _ROOT else RootDoor(path)


class RootDoor:
    """Asks the root helper; each call may take as long as its verb does."""

    def __init__(self, path: Path = SOCKET, *, user: int = _ROOT) -> None:
        self._path = path
        self._user = user
        """Whose answers count: nobody else may pass for the helper."""

    def name_sockets(self, inodes: frozenset[int]) -> dict[int, Holder]:
        """Say which process holds each socket.

        Raises:
            Denied: there is no helper, or it refuses.
        """
        told = self._ask("name_sockets", inodes=sorted(inodes))
        try:
            return {
                int(inode): Holder(pid=int(pid), name=str(name))
                for inode, pid, name in told["holders"]
            }
        except (KeyError, TypeError, ValueError):
            raise RootAbsent("the root helper's answer makes no sense") from None

    def end_listener(self, port: int) -> Outcome:
        """End whatever listens on a TCP port.

        Raises:
            Denied: there is no helper, or it refuses.
        """
        told = self._ask("end_listener", port=port)
        try:
            return Outcome(
                port=int(told["port"]),
                ended=_read_holders(told["ended"]),
                killed=_read_holders(told["killed"]),
                is_free=told["free"] is True,
                again=_read_holders(told["again"]),
            )
        except (KeyError, TypeError, ValueError):
            raise RootAbsent("the root helper's answer makes no sense") from None

    def read_auth_log(self, inode: int, offset: int) -> Piece:
        """Read on in the auth log; see `Root.read_auth_log`.

        Raises:
            Denied: there is no helper, or no such log.
        """
        told = self._ask("read_auth_log", inode=inode, offset=offset)
        try:
            return Piece(
                inode=int(told["inode"]),
                offset=int(told["offset"]),
                size=int(told["size"]),
                content=base64.b64decode(told["content"], validate=True),
                is_last=told["is_last"] is True,
            )
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise RootAbsent("the root helper's answer makes no sense") from None

    def _ask(self, verb: str, **arguments: object) -> dict[str, Any]:
        request = json.dumps({"verb": verb, **arguments}).encode("ascii") + b"\n"
        try:
            answer = json.loads(self._exchange(request))
        except FileNotFoundError:
            raise RootAbsent("the root helper is not installed") from None
        except (OSError, ValueError) as fault:
            sentence = f"the root helper does not answer ({type(fault).__name__})"
            raise RootAbsent(sentence) from None
        if not isinstance(answer, dict) or not isinstance(answer.get("told"), dict):
            raise _read_refusal(answer)
        return dict(answer["told"])

    def _exchange(self, request: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ROOT_ANSWER_SECONDS)
            connection.connect(str(self._path))
            if read_peer(connection) != self._user:
                raise PermissionError
            connection.sendall(request)
            received = bytearray()
            while not received.endswith(b"\n"):
                piece = connection.recv(64 * 1024)
                if not piece or len(received) + len(piece) > ROOT_ANSWER_BYTES + 1:
                    raise ConnectionError
                received += piece
            return bytes(received)


def _read_refusal(answer: object) -> Denied:
    denied = answer.get("denied") if isinstance(answer, dict) else None
    if not isinstance(denied, dict):
        return RootAbsent("the root helper's answer makes no sense")
    return Denied(str(denied.get("rule", "root")), str(denied.get("sentence", "")))


def _read_holders(listed: list[dict[str, Any]]) -> tuple[Holder, ...]:
    return tuple(Holder(pid=int(each["pid"]), name=str(each["name"])) for each in listed)
