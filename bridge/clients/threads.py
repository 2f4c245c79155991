"""Calls that only a synchronous library can make, each in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from bridge.errors import Outage

Answer = TypeVar("Answer")


def call_apart(
    party: str, call: Callable[[], Answer], end: Callable[[], None], *, name: str
) -> asyncio.Future[Answer]:
    """Run a call in a thread of its own; `end` follows it, also when nobody waits any more.

    A call that hangs for ever must keep neither a pool nor the end of the program waiting: hence
    a daemon, and one for each call.

    Raises:
        Outage: the machine has no thread left; `end` has been called.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def settle(said: Answer | None, fault: Exception | None) -> None:
        end()
        if answer.done():
            return
        if fault is not None:
            answer.set_exception(fault)
        else:
            answer.set_result(said)  # type: ignore[arg-type]  # None only if that is the answer

    def run() -> None:
        said, fault = None, None
        try:
            said = call()
        except Exception as raised:  # noqa: BLE001 - passed on to whoever waits
            fault = raised
        with suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(settle, said, fault)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:
        end()
        raise Outage(party, "cannot be called: this machine has no thread left") from None
    return answer
