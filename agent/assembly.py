"""How the agent's parts come together: what each may need, and work that goes on beside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

from agent.handlers import Handler
from agent.metrics import Metrics
from agent.premises import Premises
from agent.settings import Settings
from agent.wire import Verb

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What every part of the agent may need."""

    settings: Settings
    premises: Premises
    metrics: Metrics
    clock: Callable[[], float]


BuildHandlers = Callable[[Parts, AsyncExitStack], Awaitable[Mapping[Verb, Handler]]]
"""Makes what answers orders; what has to be ended is pushed onto the stack."""


def keep(stack: AsyncExitStack, work: Coroutine[Any, Any, None], *, name: str) -> None:
    """Let work go on beside the orders until the stack is closed; say so if it ends by itself."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_tell_of_end)

    async def stop() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):  # the log has it already
            await task

    stack.push_async_callback(stop)


def _tell_of_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        _log.error("%s ended, and only a restart brings it back", task.get_name(), exc_info=fault)
