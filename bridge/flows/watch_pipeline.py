"""A pipeline that has fallen silent is told to the chats, and so is its return."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from bridge.core.notices import NoticeFacts
from bridge.core.watchdog import FORGOTTEN, STATE_NAME, Watchdog
from bridge.errors import Outage
from bridge.logs import create_log

_log = create_log(__name__)


class Memory(Protocol):
    """Remembers a JSON value over a restart."""

    async def get(self, name: str) -> Any:
        """Recall it; None where there is none."""
        ...

    async def put(self, name: str, value: object, *, now: datetime) -> None:
        """Return once it is on disk."""
        ...


class Notices(Protocol):
    """Tells the chats that hear alerts."""

    async def put_notice(self, facts: NoticeFacts, *, now: datetime) -> None:
        """Return once it is on disk; a second time with the same beginning is an edit."""
        ...


async def watch_pipeline(
    watchdog: Watchdog, *, memory: Memory, notices: Notices, now: datetime
) -> None:
    """Look once, tell what is to be told, and remember it.

    What was last seen is on disk long before its absence is told, for the patience is the longer:
    after a crash in the telling the same silence is told again, as an edit of the same message.

    Raises:
        Outage: the store does not answer; the next look tells what this one could not.
    """
    try:
        # Each time: another bridge that shares the store may have heard what we have not.
        watchdog.merge(await memory.get(STATE_NAME))
    except Outage:
        if watchdog.is_restored:
            watchdog.look(now)  # we did look; else the patience would begin anew
        raise
    told = watchdog.look(now)
    left_out = watchdog.say_left_out()
    if left_out:
        _log.warning(
            "more pipelines than are watched: their Watchdogs should have fewer labels",
            action="pipelines_left_out",
            count=left_out,
        )
    if watchdog.is_unwritten(now):
        await _remember(watchdog, memory, now)
    for notice in told:
        await notices.put_notice(notice, now=now)
        watchdog.note_told(notice)
        _say(notice)
    if told:
        await _remember(watchdog, memory, now)


async def _remember(watchdog: Watchdog, memory: Memory, now: datetime) -> None:
    written = watchdog.write()
    await memory.put(STATE_NAME, written, now=now)
    watchdog.note_written(written, now)


def _say(notice: NoticeFacts) -> None:
    facts = {"pipeline": notice.subject, "since": notice.since.isoformat(timespec="seconds")}
    if notice.until is None:
        _log.error("the Watchdog no longer arrives", action="pipeline_silent", **facts)
    elif notice.detail == FORGOTTEN:
        _log.info("the Watchdog is no longer expected", action="pipeline_forgotten", **facts)
    else:
        _log.info("the Watchdog arrives again", action="pipeline_back", **facts)
