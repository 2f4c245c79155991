"""Where jobs are born: the agent's side of the fork server.

The agent itself does not fork: it is large, has threads, and knows keys. It starts the fork server
early and has it start every job. When that one ends, another follows; the jobs do not depend on it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from agent import fork_server, limits
from agent.confining import Rights
from agent.errors import AgentError
from agent.runner import UP

NOBODY: Final = "nobody"
_PROJECT: Final = str(Path(__file__).resolve().parents[1])
_BOOT: Final = f"""import sys
sys.path.append({_PROJECT!r})
from agent.fork_server import main
main()
"""
_WORD: Final = 64
"""No word of a runner or of the fork server is longer."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Born:
    """A job that runs; whoever has it closes its ends."""

    number: int
    output: int
    """The end of the pipe to read its standard output from."""
    errors: int
    control: socket.socket
    """What to tell its runner by, and to hear from it how the job ended."""

    def close(self) -> None:
        """Let go of it; without the control socket it ends."""
        for each in (self.output, self.errors):
            os.close(each)
        self.control.close()


class _Stillborn(Exception):
    """The fork server ended before it began with the job."""


class _Server:
    """One fork server, for as long as it lives."""

    def __init__(self, rights: Rights, python: str, *, has_namespaces: bool) -> None:
        self.started = time.monotonic()
        self.is_ready = asyncio.Event()
        self.is_gone = False
        self.door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.door.setblocking(False)
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - this very interpreter, and our own code
                [
                    *(python, "-I", "-S", "-c", _BOOT, rights.hidden),
                    *map(str, (theirs.fileno(), int(has_namespaces))),
                    *map(str, (rights.user, rights.group, *rights.groups)),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
            )

    async def send(self, message: bytes, ends: list[int]) -> None:
        """Send a message, with open files.

        Raises:
            OSError: it is gone.
        """
        while True:
            with suppress(BlockingIOError):
                socket.send_fds(self.door, [message], ends)
                return
            await asyncio.sleep(limits.READ_TICK_SECONDS)

    def end(self) -> None:
        """Be rid of it, in milliseconds: it ends when its door is closed, and is killed if not."""
        self.is_gone = True
        self.is_ready.set()
        self.door.close()
        self.process.kill()
        self.process.wait()


class Nursery:
    """Starts jobs, each as one fork of a small process."""

    def __init__(
        self,
        *,
        user: str | None = None,
        hidden: Path | None = None,
        has_namespaces: bool = True,
        python: str = sys.executable,
    ) -> None:
        self._rights = find_rights(user, hidden)
        self._python = python
        self._has_namespaces = has_namespaces
        """Whether jobs have PID namespaces of their own, where the kernel allows it."""
        self._server: _Server | None = None
        self._numbers = count(1)
        self._is_closed = False
        self.started = 0
        """How many fork servers there have been."""

    async def __aenter__(self) -> Self:
        """Start the fork server; it is ready long before anybody asks for a job."""
        self._find_server()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Have the fork server end, once what it still sees to is over."""
        await self.close()

    @property
    def pid(self) -> int | None:
        """Tell which process the fork server is, if there is one."""
        return None if self._server is None else self._server.process.pid

    async def close(self) -> None:
        """End the fork server, and start no other; jobs that still run end with their sockets."""
        self._is_closed = True
        server, self._server = self._server, None
        if server is not None:
            asyncio.get_running_loop().remove_reader(server.door.fileno())
            server.door.close()
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(server.process.wait, 2 * limits.NURSERY_END_SECONDS)
            server.end()

    async def bear(self, arguments: tuple[str, ...], *, seconds: float, folder: str = "") -> Born:
        """Start a job, for so many seconds at most, in a folder or in one of its own.

        Raises:
            AgentError: it cannot be started; nothing of it has run.
            ValueError: these are no arguments of a program.
        """
        number = next(self._numbers)
        message = fork_server.pack_start(
            number, seconds, os.fsencode(folder), tuple(map(os.fsencode, arguments))
        )
        for _ in range(limits.BIRTH_ATTEMPTS):
            try:
                async with asyncio.timeout(limits.BIRTH_SECONDS):
                    return await self._try(number, message)
            except _Stillborn:
                continue
            except TimeoutError:
                break
        raise AgentError("this host cannot start a program just now")

    async def abandon(self, number: int) -> None:
        """Have the runner of a job killed, which does not answer any more."""
        if self._server is not None:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(limits.BIRTH_SECONDS):
                    await self._server.send(fork_server.pack_end(number), [])

    async def _try(self, number: int, message: bytes) -> Born:
        server = self._find_server()
        await server.is_ready.wait()
        with _open_ends(number) as (born, theirs):
            try:
                await server.send(message, theirs)
            except OSError as fault:
                if isinstance(fault, ConnectionError) and not server.is_gone:
                    # It is dead, and the loop has not heard of it: the next attempt is another's.
                    self._let_go(server)
                raise _Stillborn from fault
            finally:
                for each in theirs:
                    os.close(each)
            loop = asyncio.get_running_loop()
            try:
                is_up = await loop.sock_recv(born.control, _WORD) == UP
            except ConnectionError as fault:
                raise _Stillborn from fault
            if not is_up:
                raise _Stillborn
            return born

    def _find_server(self) -> _Server:
        """Give the fork server, or start one."""
        if self._is_closed:
            raise AgentError("the agent is ending")
        if self._server is None:
            try:
                self._server = _Server(
                    self._rights, self._python, has_namespaces=self._has_namespaces
                )
            except OSError as fault:
                raise AgentError(f"this host cannot start a program ({fault.strerror})") from fault
            self.started += 1
            asyncio.get_running_loop().add_reader(
                self._server.door.fileno(), self._hear, self._server
            )
        return self._server

    def _hear(self, server: _Server) -> None:
        """Hear that it is ready, or that it has ended."""
        try:
            word = server.door.recv(_WORD)
        except BlockingIOError:
            return
        except OSError:
            word = b""
        if word:
            server.is_ready.set()
            return
        self._let_go(server)
        _log.warning("the fork server has ended; another follows")
        is_hasty = time.monotonic() - server.started < limits.NURSERY_BREAK_SECONDS
        asyncio.get_running_loop().call_later(
            limits.NURSERY_BREAK_SECONDS if is_hasty else 0.0, self._follow
        )

    def _follow(self) -> None:
        with suppress(AgentError):  # whoever orders the next job hears of it
            self._find_server()

    def _let_go(self, server: _Server) -> None:
        asyncio.get_running_loop().remove_reader(server.door.fileno())
        if self._server is server:
            self._server = None
        server.end()


def find_rights(user: str | None, hidden: Path | None = None) -> Rights:
    """Find who jobs will be: the agent itself, or somebody else where it is root.

    Args:
        user: Who they are where the agent is root.
        hidden: A folder that is closed to them even where its files are their user's.

    Raises:
        AgentError: there is no such user, or it is root.
    """
    folder = str(hidden.resolve()) if hidden else ""
    if os.geteuid() != 0:
        return Rights(os.getuid(), os.getgid(), os.getgroups(), folder)
    name = user or NOBODY
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise AgentError(f"there is no user {name} to run jobs as") from None
    if found.pw_uid == 0:
        raise AgentError(f"jobs never run as root, and {name} is root")
    groups = os.getgrouplist(name, found.pw_gid)
    return Rights(found.pw_uid, found.pw_gid, groups, folder)


@contextmanager
def _open_ends(number: int) -> Iterator[tuple[Born, list[int]]]:
    """Open what joins the agent with a job: its ends, and those to be sent; closed on a fault."""
    output, to_output = os.pipe2(os.O_CLOEXEC)
    errors, to_errors = os.pipe2(os.O_CLOEXEC)
    control, to_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.setblocking(False)
    for each in (output, errors):
        os.set_blocking(each, False)
    born = Born(number=number, output=output, errors=errors, control=control)
    try:
        yield born, [to_output, to_errors, to_control.detach()]
    except BaseException:
        born.close()
        raise
