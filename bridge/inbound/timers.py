"""The only loop, and the errands it sends out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from bridge.errors import BridgeError
from bridge.logs import create_log

_log = create_log(__name__)


async def every(
    interval: timedelta,
    step: Callable[[], Awaitable[object]],
    *,
    name: str,
    wake: asyncio.Event | None = None,
) -> None:
    """Run a step for ever, `interval` apart or as soon as `wake` is set; no fault ends the loop."""
    bell = wake or asyncio.Event()
    trouble = ""
    while True:
        bell.clear()
        trouble = await _run(step, name, trouble)
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets the bell.
        with suppress(TimeoutError):
            async with asyncio.timeout(interval.total_seconds()):
                await bell.wait()


async def until_done(
    interval: timedelta, step: Callable[[], Awaitable[object]], *, name: str
) -> None:
    """Run a step, `interval` apart, until it has worked once."""
    trouble = await _run(step, name, "")
    while trouble:
        await asyncio.sleep(interval.total_seconds())
        trouble = await _run(step, name, trouble)


async def _run(step: Callable[[], Awaitable[object]], name: str, trouble: str) -> str:
    """Run a step once; answer what troubles it, and log that only when it is news."""
    try:
        await step()
    except BridgeError as fault:
        if fault.sentence != trouble:
            _log.warning(fault.sentence, action=name)
        return fault.sentence
    except Exception:  # noqa: BLE001 - one of the three catch-alls: the loop outlives its steps
        _log.exception("failed unforeseen; it is tried again", action=name)
        return "unforeseen"
    if trouble:
        _log.info("works again", action=name)
    return ""


class Errands:
    """Work under way that nobody waits for; what fails is logged, and its lease runs out."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin an errand."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._end)

    async def finish(self, *, within: timedelta) -> None:
        """Wait for what is under way, then give up what still is."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within.total_seconds())
        for task in self._under_way:
            task.cancel()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if task.cancelled():
            return
        fault = task.exception()
        if isinstance(fault, BridgeError):
            _log.warning(fault.sentence, action="errand")
        elif fault is not None:
            _log.error("an errand failed unforeseen", action="errand", exc_info=fault)
