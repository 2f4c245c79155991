"""What must be ours before anything starts: the state folder, the webhook's token, the address."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge import limits
from bridge.errors import Outage, Refused
from bridge.restoring import Proves, finish_restoring
from bridge.settings import Fault, Settings, SettingsError

TOKEN_BYTES = 32  # chosen: 256 bits, 43 characters
TOKEN_FILE = "webhook_token"  # noqa: S105 - a file's name
LOCK_FILE = "bridge.lock"
CONSOLE_FILE = "console.lock"
BACKLOG = 2048  # uvicorn's own default
# Another program has the port, or the network that has the address is not up yet.
_PASSING = {errno.EADDRINUSE, errno.EADDRNOTAVAIL}


class Premises:
    """The state folder, locked; the token; the bound socket. Given back when the context ends."""

    def __init__(self, settings: Settings, proves: Proves) -> None:
        self._settings = settings
        self._proves = proves
        self._stack = ExitStack()
        self.token = ""
        self.socket: socket.socket

    def __enter__(self) -> Self:
        """Take everything.

        Raises:
            SettingsError: something cannot be had; it names the setting that moves it.
        """
        with ExitStack() as stack:
            folder = make_folder(self._settings.state_dir)
            stack.enter_context(hold(folder))
            finish_pending(folder, self._proves)
            given = self._settings.webhook_token
            self.token = given.reveal() if given else _make_token(folder / TOKEN_FILE)
            self.socket = stack.enter_context(
                bind(self._settings.server_host, self._settings.server_port, "SERVER")
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give everything back."""
        self._stack.close()


def make_folder(folder: Path) -> Path:
    """Make the state folder, closed to everybody else.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise _refusal(
            "STATE_DIR", f"{folder} cannot be made ({_words(fault)})", "a folder we may write"
        ) from fault
    return folder


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone; the lock ends with the process, however it ends.

    Raises:
        SettingsError: it cannot be had; it names the setting that moves it.
    """
    path = folder / LOCK_FILE
    try:
        lock = path.open("a")
    except OSError as fault:
        raise _unwritable(path, fault) from fault
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise _refusal(
                "STATE_DIR",
                f"another bridge is running with {folder}",
                "a folder of its own for each bridge; or end the other one",
                is_passing=True,
            ) from fault
        except OSError as fault:
            raise _unwritable(path, fault) from fault
        yield


@contextmanager
def sit_down(folder: Path, *, is_alone: bool = False) -> Iterator[None]:
    """Be at the console, beside others and a bridge; alone, where the stores are replaced.

    What is written to a store that is just being replaced would be gone with it.

    Raises:
        Refused: somebody else is there.
        SettingsError: the folder cannot be written.
    """
    path = folder / CONSOLE_FILE
    try:
        lock = path.open("a")
    except OSError as fault:
        raise _unwritable(path, fault) from fault
    with lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise Refused(
                "the console is in use: try again when that is done"
                if is_alone
                else "the database is being replaced or changed: try again when that is done"
            ) from fault
        yield


def finish_pending(folder: Path, proves: Proves) -> bool:
    """Finish what a restoration has begun in a folder that is held; answer whether there was one.

    Raises:
        SettingsError: it cannot be finished.
    """
    try:
        return finish_restoring(folder, proves)
    except Outage as fault:
        raise _refusal(
            "STATE_DIR",
            f"a backup was being restored, which cannot be finished ({fault.sentence})",
            "a folder we may write, and the database that was restored",
        ) from fault


def _make_token(path: Path) -> str:
    """Read the token, or make it at the first start, readable by its owner alone."""
    try:
        if path.exists() and (kept := path.read_text().strip()):
            return kept
        token = secrets.token_urlsafe(TOKEN_BYTES)
        fresh = path.with_suffix(".fresh")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(token + "\n")
        fresh.replace(path)
    except (OSError, UnicodeDecodeError) as fault:
        raise _refusal(
            "WEBHOOK_TOKEN", f"{path} cannot be read or made", "a token, or a folder we may write"
        ) from fault
    return token


def bind(host: str, port: int, party: str) -> socket.socket:
    """Bind the address now, so that a taken port is one clear sentence.

    Raises:
        SettingsError: it cannot be had; it names the setting of `party` that moves it.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except OSError as fault:
        raise _refusal(
            f"{party}_HOST",
            f"{host!r} is not an address here ({_words(fault)})",
            "an address",
            is_passing=fault.errno == socket.EAI_AGAIN,
        ) from fault
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
        door.listen(BACKLOG)
    except OSError as fault:
        door.close()
        taken = fault.errno == errno.EADDRINUSE
        variable = f"{party}_PORT" if taken or fault.errno == errno.EACCES else f"{party}_HOST"
        what = f"{host}:{port} is taken by another program" if taken else _words(fault)
        raise _refusal(
            variable,
            what,
            f"a free port; {party}_PORT moves it",
            is_passing=fault.errno in _PASSING,
        ) from fault
    return door


def take_descriptors() -> None:
    """Have as many files and connections open as the machine lets us.

    What a process is given at first is for those that would fail with more. A thousand hosts that
    are asked at once have a connection each, and alerts need some as well.
    """
    given, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.DESCRIPTORS if most == resource.RLIM_INFINITY else min(limits.DESCRIPTORS, most)
    if given != resource.RLIM_INFINITY and given < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _unwritable(path: Path, fault: OSError) -> SettingsError:
    return _refusal(
        "STATE_DIR", f"{path} cannot be written ({_words(fault)})", "a folder we may write"
    )


def _refusal(
    variable: str, fault: str, accepted: str, *, is_passing: bool = False
) -> SettingsError:
    return SettingsError((Fault(variable, fault, accepted, is_passing),))


def _words(fault: OSError) -> str:
    return (fault.strerror or type(fault).__name__).lower()
