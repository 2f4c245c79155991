"""The agents' door, open: a second server in the same process, with TLS and nothing else on it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from socket import socket
from typing import Final, Protocol

import uvicorn
from fastapi import FastAPI

from bridge import limits
from bridge.logs import create_log
from bridge.premises import bind
from bridge.settings import Settings

GRACE_SECONDS: Final = 2  # chosen: what a host tells is short, and told again
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
    """Serves until it is told to stop; signals are the business of the bridge's own server."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_open = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Say when it is open."""
        await super().startup(sockets)
        self.is_open.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield
