"""Listens to jobs as the agent's door does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from agent.jobs import Command
from agent.wire import Ended, Event, Output


def shell(line: str, *, seconds: float = 120.0) -> Command:
    return Command(argv=("/bin/sh", "-c", line), shown=line, seconds=seconds)


async def hear(events: AsyncIterator[Event]) -> list[Event]:
    return [each async for each in events]


async def hear_end(events: AsyncIterator[Event]) -> Ended:
    return end_of(await hear(events))


def end_of(events: Sequence[Event]) -> Ended:
    last = events[-1]
    assert isinstance(last, Ended)
    return last


def text_of(events: Sequence[Event], *, is_error: bool | None = None) -> str:
    return "".join(
        each.text
        for each in events
        if isinstance(each, Output) and is_error in (None, each.is_error)
    )
