"""The agents' door, open: a second server in the same process, with TLS and nothing else on it.

Whoever reaches it may open connections and say nothing. So it takes each itself, before TLS, and
no more of them than the rest of the process can do without.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from socket import socket
from typing import Any, Final, Protocol

import uvicorn
from fastapi import FastAPI

from agent.callers import Crowd, name_caller
from bridge import limits
from bridge.logs import create_log
from bridge.premises import bind
from bridge.settings import Settings

GRACE_SECONDS: Final = 2  # chosen: what a host tells is short, and told again
FULL_SECONDS: Final = 1  # chosen: a process without descriptors may have some then
_log = create_log(__name__)


class Keys(Protocol):
    """Whose certificate is shown."""

    def create_door_context(self) -> ssl.SSLContext:
        """Make what TLS is spoken with, or raise Outage."""
        ...


@asynccontextmanager
async def open_door(settings: Settings, keys: Keys, app: FastAPI) -> AsyncIterator[int]:
    """Let agents in until the context ends; answer the port.

    Raises:
        SettingsError: the address cannot be had; it names the setting that moves it.
        Outage: the keys cannot be read.
    """
    context = keys.create_door_context()
    with bind(settings.agents_host, settings.agents_port, "AGENTS") as door:
        server = _Server(_configure(app, context))
        port = int(door.getsockname()[1])
        serving = asyncio.create_task(server.serve(sockets=[door]))
        serving.add_done_callback(lambda _: server.is_open.set())
        try:
            await server.is_open.wait()
            _log.info(
                "agents come in", action="agents_door", url=f"https://{settings.agents_address}"
            )
            yield port
        finally:
            server.should_exit = True
            await serving


def _configure(app: FastAPI, context: ssl.SSLContext) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # who calls is who calls: a header could name anybody
        lifespan="off",
        limit_concurrency=limits.DOOR_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    config.load()
    config.ssl = context  # uvicorn's own would also speak what is older than TLS 1.3
    return config


class _Server(uvicorn.Server):
    """Serves whom the door has room for; signals are the business of the bridge's own server."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_open = asyncio.Event()
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._crowd = Crowd(
            most=min(limits.DOOR_CONNECTIONS, descriptors // limits.DOOR_SHARE),
            most_of_one=limits.DOOR_CONNECTIONS_OF_ONE,
        )
        self._watching: set[asyncio.Task[None]] = set()
        self._guests: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Say when it is open."""
        await super().startup([])
        for door in sockets or ():
            door.setblocking(False)
            _start(self._watch(door), self._watching)
        self.is_open.set()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Take nobody any more, then let those end who are there."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await super().shutdown(sockets)
        for task in self._guests:
            task.cancel()
        await asyncio.gather(*self._guests, return_exceptions=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield

    async def _watch(self, door: socket) -> None:
        """Take whoever comes, and let go at once of whom there is no room for."""
        while True:
            try:
                guest, address = await asyncio.get_running_loop().sock_accept(door)
            except OSError as fault:
                _log.warning("nobody can come in", action="agents_door", why=fault.strerror)
                await asyncio.sleep(FULL_SECONDS)
                continue
            who = name_caller(str(address[0]))
            if self._crowd.enter(who):
                _start(self._attend(guest, who), self._guests)
            else:
                guest.close()

    async def _attend(self, guest: socket, who: str) -> None:
        """Speak with one until they go, or have stayed for long enough."""
        gone = asyncio.Event()
        transport: asyncio.Transport | None = None
        try:
            async with asyncio.timeout(limits.DOOR_STAY_SECONDS):
                transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                    partial(self._create_protocol, gone),
                    guest,
                    ssl=self.config.ssl,
                    ssl_handshake_timeout=limits.DOOR_READ_SECONDS,
                )
                await gone.wait()
        except OSError:  # it speaks no TLS, or says nothing; TimeoutError is one
            pass
        finally:
            if transport is not None:
                transport.abort()
            self._crowd.leave(who)

    def _create_protocol(self, gone: asyncio.Event) -> asyncio.Protocol:
        """Make what speaks HTTP, as uvicorn would; it says when its connection is over."""
        protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        lost = protocol.connection_lost

        def leave(exc: Exception | None) -> None:
            gone.set()
            lost(exc)

        protocol.connection_lost = leave  # type: ignore[method-assign]
        return protocol


def _start(work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)
