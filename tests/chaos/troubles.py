"""What goes wrong in a round, one kind at a time; kills come on top of most."""

from __future__ import annotations

import asyncio
import enum
import resource
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from tests.chaos.bridges import Keeper
from tests.chaos.clock import BentClock
from tests.chaos.line import Line
from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, LocalTelegram


class Trouble(enum.Enum):
    """What a round is about."""

    NONE = "nothing but late, repeated and partial webhooks"
    KILLS = "kills alone"
    AWAITS = "ends at chosen awaits"
    STATEMENTS = "ends at chosen statements"
    RATE_LIMIT = "429"
    FAILURE = "500"
    PROXY = "502 with a page"
    BAD_MESSAGE = "400 for the text"
    FORBIDDEN = "403 for a while"
    SLOW = "late answers"
    SILENT = "no answer, nothing done"
    SILENT_DONE = "no answer, but done"
    DROPPED = "connection closed, nothing done"
    DROPPED_DONE = "connection closed, but done"
    UNREACHABLE = "Telegram unreachable for a while"
    BLOCKED = "chat blocked, then unblocked"
    KICKED = "kicked from the group, then back"
    MIGRATED = "group becomes a supergroup"
    TOPIC = "topic deleted for good"
    LOCKED = "database locked by another program"
    FULL = "disk full"
    READ_ONLY = "database read-only at a start"
    CLOCK = "the clock jumps"
    STORM = "more alerts than a chat carries"


FAULTS: Final[dict[Trouble, dict[str, Any]]] = {
    Trouble.RATE_LIMIT: {"kind": "429", "retry_after": 5},
    Trouble.FAILURE: {"kind": "500"},
    Trouble.PROXY: {"kind": "502_html"},
    Trouble.BAD_MESSAGE: {
        "kind": "error",
        "code": 400,
        "description": "Bad Request: can't parse entities: unsupported start tag",
    },
    Trouble.FORBIDDEN: {
        "kind": "error",
        "code": 403,
        "description": "Forbidden: bot is not a member of the supergroup chat",
    },
    Trouble.SLOW: {"kind": "slow", "seconds": 0.4},
    Trouble.SILENT: {"kind": "timeout", "seconds": 0.3, "performed": False},
    Trouble.SILENT_DONE: {"kind": "timeout", "seconds": 0.3, "performed": True},
    Trouble.DROPPED: {"kind": "drop", "performed": False},
    Trouble.DROPPED_DONE: {"kind": "drop", "performed": True},
}
METHODS: Final = (
    *("sendMessage", "sendDocument", "editMessageText"),
    *("editMessageCaption", "editMessageMedia"),
)
_FILES: Final = ("opswire.db", "opswire.inbox.db")
JUMPS: Final = tuple(timedelta(seconds=each) for each in (-40, -5, 30, 600, 3600))


@dataclass(kw_only=True)
class Scene:
    """Everybody who can be made trouble."""

    chance: Random
    local: LocalTelegram
    line: Line
    keeper: Keeper
    clock: BentClock
    moved_to: int = 0
    """The supergroup that the group has become."""
    is_topic_gone: bool = False
    cuts: list[float] = field(default_factory=list)
    """When the line was cut, in seconds since 1970."""
    note: list[str] = field(default_factory=list)


async def make_trouble(trouble: Trouble, scene: Scene, seconds: float) -> None:
    """Let it go wrong for about so long, and right again."""
    if trouble in FAULTS:
        await _inject(FAULTS[trouble], scene, seconds)
    elif trouble in _DEEDS:
        await _DEEDS[trouble](scene, seconds)


async def kill_at_random(scene: Scene, seconds: float) -> None:
    """End the bridge at moments nobody chose."""
    for _ in range(scene.chance.randint(1, 3)):
        await asyncio.sleep(scene.chance.uniform(0.05, seconds / 2))
        await scene.keeper.kill(away=scene.chance.choice((0.0, 0.0, 0.2, 0.6)))


async def _inject(fault: dict[str, Any], scene: Scene, seconds: float) -> None:
    for _ in range(scene.chance.randint(3, 6)):
        method, count = scene.chance.choice(METHODS), scene.chance.randint(1, 3)
        await scene.local.post("/faults", **fault, method=method, count=count)
        await asyncio.sleep(scene.chance.uniform(0, seconds / 4))
    await scene.local.control.delete("/faults")


async def _doom(kind: str, highest: int, scene: Scene, seconds: float) -> None:
    """Let several bridges end themselves, each at a point of its own."""
    for _ in range(scene.chance.randint(3, 5)):
        at = scene.chance.randint(1, highest)
        note = str(scene.keeper.folder / "doom")
        scene.keeper.doom = {"kind": kind, "at": at, "note": note}
        await scene.keeper.kill()
        await asyncio.sleep(seconds / 4)


async def _doom_awaits(scene: Scene, seconds: float) -> None:
    await _doom("await", 120, scene, seconds)


async def _doom_statements(scene: Scene, seconds: float) -> None:
    await _doom("statement", 200, scene, seconds)


async def _cut(scene: Scene, seconds: float) -> None:
    for _ in range(2):
        await asyncio.sleep(scene.chance.uniform(0, seconds / 3))
        scene.cuts.append(time.time())
        await scene.line.cut()
        await asyncio.sleep(scene.chance.uniform(0.2, seconds / 3))
        await scene.line.mend()


async def _change_chat(chat_id: int, there: str, back: str, scene: Scene, seconds: float) -> None:
    await asyncio.sleep(scene.chance.uniform(0, seconds / 3))
    await scene.local.post(f"/chats/{chat_id}/{there}")
    await asyncio.sleep(scene.chance.uniform(seconds / 3, seconds))
    await scene.local.post(f"/chats/{chat_id}/{back}")


async def _block(scene: Scene, seconds: float) -> None:
    await _change_chat(ADA, "block", "unblock", scene, seconds)


async def _kick(scene: Scene, seconds: float) -> None:
    await _change_chat(ON_CALL, "kick", "add", scene, seconds)


async def _migrate(scene: Scene, seconds: float) -> None:
    await asyncio.sleep(scene.chance.uniform(0, seconds / 2))
    risen = await scene.local.post(f"/chats/{ON_CALL}/migrate")
    scene.moved_to = int(risen["chat"]["id"])


async def _delete_topic(scene: Scene, seconds: float) -> None:
    await asyncio.sleep(scene.chance.uniform(0, seconds / 2))
    await scene.local.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/delete")
    scene.is_topic_gone = True


async def _lock(scene: Scene, seconds: float) -> None:
    """Hold a file or both; the bridge waits five seconds for another writer, then answers 503."""
    await asyncio.sleep(scene.chance.uniform(0, seconds / 3))
    files = scene.chance.choice((_FILES[:1], _FILES[1:], _FILES))
    with ExitStack() as stack:
        held = []
        for name in files:
            path = scene.keeper.folder / "state" / name
            other = sqlite3.connect(path, timeout=60, isolation_level=None)
            held.append(stack.enter_context(closing(other)))
            other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(scene.chance.uniform(seconds / 6, seconds * 2.2))
        for other in held:
            other.execute("ROLLBACK")


async def _fill_disk(scene: Scene, seconds: float) -> None:
    """Let no file of the bridge grow: to it the disk is full."""
    for _ in range(2):
        await asyncio.sleep(scene.chance.uniform(0, seconds / 3))
        unlimited = resource.RLIM_INFINITY
        pid = scene.keeper.pid
        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, unlimited))
            await asyncio.sleep(scene.chance.uniform(0.3, seconds / 2))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        except ProcessLookupError:
            scene.note.append("the bridge was ended while its disk was full")


async def _forbid_writing(scene: Scene, seconds: float) -> None:
    """Let a bridge find its files read-only when it starts, and mend them under it."""
    await asyncio.sleep(scene.chance.uniform(0, seconds / 2))
    state = scene.keeper.folder / "state"
    files = [each for each in state.iterdir() if each.name.startswith(_FILES)]
    scene.keeper.is_bound = True
    for each in files:
        with suppress(FileNotFoundError):  # one that the database needs for a while
            each.chmod(0o400)
    state.chmod(0o500)
    await scene.keeper.kill()
    await asyncio.sleep(scene.chance.uniform(0.5, seconds))
    state.chmod(0o700)
    for each in files:
        with suppress(FileNotFoundError):
            each.chmod(0o600)


async def _jump(scene: Scene, seconds: float) -> None:
    for _ in range(3):
        await asyncio.sleep(scene.chance.uniform(0, seconds / 3))
        scene.clock.jump(scene.chance.choice(JUMPS))


_DEEDS: Final[dict[Trouble, Callable[[Scene, float], Awaitable[None]]]] = {
    Trouble.AWAITS: _doom_awaits,
    Trouble.STATEMENTS: _doom_statements,
    Trouble.UNREACHABLE: _cut,
    Trouble.BLOCKED: _block,
    Trouble.KICKED: _kick,
    Trouble.MIGRATED: _migrate,
    Trouble.TOPIC: _delete_topic,
    Trouble.LOCKED: _lock,
    Trouble.FULL: _fill_disk,
    Trouble.READ_ONLY: _forbid_writing,
    Trouble.CLOCK: _jump,
}
