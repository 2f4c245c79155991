"""The root helper: does for the agent the three things that only root can, and nothing else.

    python -m agent.rooted --user opswire-agent [--agent-port 8001] [--socket PATH]

It listens on a unix socket that only root and the agent's user can open, asks the kernel who is on
the other end, reads one bounded request, answers, and hangs up. It has no network, no shell and no
settings that the agent could write.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import pwd
import signal
import socket
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from agent.errors import AgentError, Denied
from agent.limits import (
    HIGHEST_PORT,
    ROOT_ANSWER_BYTES,
    ROOT_AT_ONCE,
    ROOT_REQUEST_BYTES,
    ROOT_REQUEST_SECONDS,
)
from agent.listeners import PROTECTED_PORTS
from agent.root_verbs import VERBS, Root

SOCKET: Final = Path("/run/opswire-agent/root.sock")
_PEER: Final = struct.Struct("3i")
"""struct ucred: process, user, group (unix(7))."""
_log = logging.getLogger(__name__)


class Server:
    """Answers one user on a unix socket."""

    def __init__(self, path: Path, user: int, root: Root) -> None:
        self._path = path
        self._user = user
        self._root = root
        self._room = threading.BoundedSemaphore(ROOT_AT_ONCE)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)

    def open(self) -> None:
        """Take the socket's place; whatever stood there before is gone."""
        self._path.unlink(missing_ok=True)
        # Nobody may open it before it is the agent's.
        before = os.umask(0o177)
        try:
            self._socket.bind(str(self._path))
        finally:
            os.umask(before)
        if self._user != os.geteuid():
            os.chown(self._path, self._user, -1)
        self._socket.listen(ROOT_AT_ONCE)

    def serve(self) -> None:
        """Answer until closed."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if not self._room.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Stop answering, and leave nothing behind."""
        self._path.unlink(missing_ok=True)
        # Wakes whoever waits in accept, which closing alone does not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _attend(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(ROOT_REQUEST_SECONDS)
                user = read_peer(connection)
                if user != self._user:
                    _log.warning("user %d is not the agent's and gets no answer", user)
                    return
                connection.sendall(self._answer(_receive(connection)))
        except OSError as fault:
            _log.warning("a request was not answered: %s", fault)
        finally:
            self._room.release()

    def _answer(self, request: bytes | None) -> bytes:
        try:
            answer = {"told": self._perform(request)}
        except Denied as refusal:
            answer = {"denied": {"rule": refusal.rule, "sentence": refusal.sentence}}
        except (AgentError, OSError) as fault:
            answer = {"denied": {"rule": "root", "sentence": str(fault)}}
        body = json.dumps(answer).encode("ascii")
        if len(body) > ROOT_ANSWER_BYTES:
            body = json.dumps(
                {"denied": {"rule": "root", "sentence": "the answer is too long"}}
            ).encode("ascii")
        return body + b"\n"

    def _perform(self, request: bytes | None) -> dict[str, Any]:
        try:
            read = json.loads(request or b"")
        except (ValueError, RecursionError):
            raise Denied("argument", "the request is too long, or no JSON") from None
        name = read.get("verb") if isinstance(read, dict) else None
        verb = VERBS.get(name) if isinstance(name, str) else None
        if verb is None:
            raise Denied("argument", "there is no such verb")
        return verb(self._root, read)


def read_peer(connection: socket.socket) -> int:
    """Ask the kernel which user is on the other end of a unix socket."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(raw)[1])


def _receive(connection: socket.socket) -> bytes | None:
    """Read one line; None if it is longer than a request may be."""
    received = bytearray()
    while not received.endswith(b"\n"):
        piece = connection.recv(64 * 1024)
        if not piece or len(received) + len(piece) > ROOT_REQUEST_BYTES:
            return None
        received += piece
    return bytes(received)


def _make_folder(folder: Path) -> None:
    """Make the socket's folder, open to the agent whatever this shell's own files are."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    folder.chmod(0o755)


def main(words: Sequence[str] | None = None) -> int:
    """Run the helper until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m agent.rooted", description=__doc__)
    parser.add_argument("--user", required=True, help="the agent's user")
    parser.add_argument("--agent-port", type=int, action="append", default=[])
    parser.add_argument("--socket", type=Path, default=SOCKET)
    given = parser.parse_args(words)
    try:
        user = pwd.getpwnam(given.user).pw_uid
    except KeyError:
        parser.error(f"there is no user {given.user}")
    if any(not 0 < each <= HIGHEST_PORT for each in given.agent_port):
        parser.error("a port is a number from 1 to 65535")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    own = dict.fromkeys(given.agent_port, "the agent's own")
    _make_folder(given.socket.parent)
    server = Server(given.socket, user, Root(protected={**PROTECTED_PORTS, **own}))
    server.open()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: server.close())
    _log.info("listens on %s for user %s", given.socket, given.user)
    server.serve()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
