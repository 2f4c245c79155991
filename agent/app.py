"""Builds the whole agent in order and takes it down in reverse; the only module that knows all.

It is one straight line on purpose: every step needs what the steps before it made, and each
teardown stands beside its construction.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from agent import __version__, limits
from agent import folder as kept
from agent.api import Desk, create_api
from agent.assembly import BuildHandlers, Parts
from agent.gate import Gate
from agent.metrics import Metrics
from agent.premises import Premises, open_premises
from agent.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A whole agent."""

    premises: Premises
    api: FastAPI
    metrics: Metrics


@asynccontextmanager
async def open_agent(
    settings: Settings,
    *,
    build: BuildHandlers,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Agent]:
    """Build the agent and keep its steps running until the context ends."""
    async with AsyncExitStack() as stack:
        premises = stack.enter_context(open_premises(settings, now=clock()))
        metrics = Metrics(__version__)
        parts = Parts(settings=settings, premises=premises, metrics=metrics, clock=clock)
        handlers = await build(parts, stack)
        gate = Gate(
            premises.enrolled.host,
            verify=premises.verify,
            nonces=premises.nonces,
            clock=clock,
            count=lambda reason: metrics.turned_away.labels(reason).inc(),
        )
        desk = Desk(
            gate=gate,
            handlers=handlers,
            sign=premises.sign,
            token=premises.token,
            metrics=metrics,
            clock=clock,
            look=lambda: {"host": premises.enrolled.host},
        )
        yield Agent(premises=premises, api=create_api(desk), metrics=metrics)


async def run(settings: Settings, *, build: BuildHandlers) -> None:
    """Run the agent until it is told to stop."""
    async with open_agent(settings, build=build) as agent:
        # What the libraries brought stays for good, and need not be looked through again.
        gc.collect()
        gc.freeze()
        await _serve(agent)


class Server(uvicorn.Server):
    """Serves until it is told to stop, and does nothing meanwhile: no looking ten times a second.

    It leaves the signals alone: they belong to the program, not to what it serves with.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def stop(self) -> None:
        """Tell it to stop."""
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        """Wait until it is told to stop."""
        await self._told.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _serve(agent: Agent) -> None:
    """Serve until we are told to stop."""
    server = Server(create_config(agent.api, agent.premises))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    known = agent.premises.enrolled
    _log.info("the agent of %s listens; its bridge finds it at %s", known.host, known.address)
    await server.serve(sockets=[agent.premises.door])
    if tasks := server.server_state.tasks:  # told that it is over, and not waited for yet
        await asyncio.wait(tasks, timeout=limits.STOP_SECONDS)


def create_config(api: FastAPI, premises: Premises) -> uvicorn.Config:
    """Say how the door is served: to those alone whose certificate the bridge's authority signed.

    The plain loop and parser are asked for by name: the faster ones weigh more than they save here.
    """
    config = uvicorn.Config(
        api,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        ssl_certfile=premises.folder / kept.CERTIFICATE,
        ssl_keyfile=premises.folder / kept.KEY,
        ssl_ca_certs=str(premises.authority),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
        limit_concurrency=limits.CONNECTIONS,
        timeout_keep_alive=limits.KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=limits.STOP_SECONDS,
    )
    config.load()
    if config.ssl is not None:  # it never is: three lines of the above are about it
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config
