"""One running sandbox: state, world, routes and the listening socket, opened and closed."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import ValidationError

from sandbox import pages
from sandbox.answers import answer_failures
from sandbox.botapi.pushing import Pusher
from sandbox.botapi.routes import BotApi
from sandbox.checks.intake import LARGEST_BODY_BYTES
from sandbox.control.guard import guard
from sandbox.control.routes import ControlApi
from sandbox.settings import SettingsError, prepare_state_dir, read_tokens
from sandbox.state.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sandbox.settings import Settings, Tokens

_CLOSING_SECONDS = 0.5  # held calls and event streams are told to end before this runs
_BACKLOG = 128  # connections that wait to be taken
_TURNS = 3  # of the loop, from the moment a connection is taken until the runner knows of it


@dataclass(frozen=True)
class RunningSandbox:
    """Where a sandbox can be reached, with its secrets and its world."""

    url: str
    bot_token: str
    page_token: str
    world: World

    @property
    def page_url(self) -> str:
        """The chat page's address; the token stands in the fragment, which is never sent."""
        return f"{self.url}/#token={self.page_token}"


@contextlib.asynccontextmanager
async def open_sandbox(settings: Settings) -> AsyncIterator[RunningSandbox]:
    """Run a sandbox; at the end everything is written and closed."""
    prepare_state_dir(settings.state_dir)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_hold_alone(settings.state_dir))
        tokens = read_tokens(settings.state_dir)
        world = _open_world(settings, tokens)
        stack.callback(world.close)
        runner = web.AppRunner(
            _create_app(world, tokens, settings),
            access_log=None,  # its lines would hold the bot token, which stands in the path
            logger=_create_log(),
            shutdown_timeout=_CLOSING_SECONDS,
            handle_signals=False,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        door = await _listen(runner, settings)
        stack.push_async_callback(_shut, door)
        port = door.sockets[0].getsockname()[1]
        pushing = asyncio.create_task(Pusher(world, settings.webhook_retry_seconds).run())
        stack.push_async_callback(_end, pushing)
        stack.callback(_let_go, world)
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield RunningSandbox(f"http://{shown}:{port}", tokens.bot, tokens.page, world)


@contextlib.contextmanager
def _hold_alone(state_dir: Path) -> Iterator[None]:
    """Keep a second sandbox out of the state folder; the lock ends with the process."""
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context((state_dir / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(
                f"Another sandbox runs in {state_dir}: end it, or set SANDBOX_STATE_DIR elsewhere."
            ) from error
        except OSError as error:
            raise _unusable(state_dir, error) from error
        yield


def _open_world(settings: Settings, tokens: Tokens) -> World:
    try:
        return World(settings.state_dir, tokens.bot_id, paced=settings.paced)
    except OSError as error:
        raise _unusable(settings.state_dir, error) from error
    except (sqlite3.Error, ValidationError) as error:
        raise SettingsError(
            f"The history in {settings.state_dir} cannot be read ({type(error).__name__}): "
            "move the folder away, or set SANDBOX_STATE_DIR to another one."
        ) from error


def _unusable(state_dir: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"The state folder {state_dir} cannot be used ({error.strerror}): "
        "set SANDBOX_STATE_DIR to a folder that can be written."
    )


def _create_log() -> logging.Logger:
    """Create the log of broken requests: told without their cause, which quotes the path."""
    log = logging.getLogger("sandbox.connections")
    log.addFilter(_hide_cause)
    return log


def _hide_cause(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True


def _create_app(world: World, tokens: Tokens, settings: Settings) -> web.Application:
    app = web.Application(
        middlewares=[answer_failures, guard(tokens.page, settings.host)],
        client_max_size=LARGEST_BODY_BYTES,
    )
    app.add_routes(BotApi(world, tokens.bot).routes())
    app.add_routes(ControlApi(world).routes())
    app.add_routes(pages.routes())
    return app


async def _listen(runner: web.AppRunner, settings: Settings) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    if runner.server is None:
        raise RuntimeError("the runner is not set up")
    try:
        return await loop.create_server(
            runner.server, settings.host, settings.port, backlog=_BACKLOG
        )
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise SettingsError(
            f"The sandbox cannot listen on {where} ({error.strerror}): "
            "choose another port with SANDBOX_PORT (0: any free one) or address with SANDBOX_HOST."
        ) from error


async def _shut(door: asyncio.Server) -> None:
    """Take nobody any more; the runner knows of all who were taken, and lets go of them.

    Of a server that is closed in between, asyncio leaves a connection that it has just taken open.
    """
    for each in door.sockets:
        asyncio.get_running_loop().remove_reader(each.fileno())
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    door.close()


def _let_go(world: World) -> None:
    """End held polls and event streams, so that closing waits for nobody."""
    world.updates.end_polls(webhook=False)
    world.events.close()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
