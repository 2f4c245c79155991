"""A small story told to a bridge that ends itself at one point of it, and to the one after it.

The story has every path of receiving and delivering: a first card, an edit with a new firing
alert, and the end of all. It is the same every time, so that counting up the points ends the bridge
at every one of them in turn.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.bridges import Keeper, Nursery
from tests.chaos.clock import BentClock
from tests.chaos.cluster import MEMBERS, Cluster
from tests.chaos.invariant import Finding, judge_chat
from tests.chaos.reading import read_chat, read_figures
from tests.chaos.setting import set_environ
from tests.chaos.truth import Group, Subject
from tests.fakes.local_telegram import ON_CALL, LocalTelegram, open_local_telegram
from tests.ports import free_port

KINDS: Final = ("await", "statement")
RATE: Final = 20.0
DELAY: Final = 0.02  # seconds
PAUSE: Final = 0.1  # seconds: the longest between two turns, so that most are shown apart
BEYOND: Final = 5  # points
QUIET_WITHIN: Final = 120.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an end at one point has come to."""

    at: int
    where: str
    """The line of ours, or the statement; empty when the story was over before the point."""
    finding: Finding
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Say whether all is shown, and at most one message twice: that of the one end."""
        return not self.finding.lost and not self.faults and len(self.finding.surplus) <= 1


class Ground:
    """One sandbox and a migrated database, lent to one story after the other."""

    def __init__(self, nursery: Nursery, local: LocalTelegram, folder: Path) -> None:
        self._nursery = nursery
        self._local = local
        self._folder = folder
        self._pattern: Path | None = None

    async def run_point(self, kind: str, at: int) -> Outcome:
        """Tell the story to a bridge that ends at that point, and judge what is shown."""
        await self._local.post("/reset")
        folder = self._folder / f"{kind}-{at}"
        keeper = self._keeper(folder)
        note = folder / "doom"
        keeper.doom = {"kind": kind, "at": at, "note": str(note)}
        groups = [_write_story()]
        async with _watched(keeper):
            await _tell(keeper, groups, at)
            finding, faults = await self._settle(keeper, groups)
        where = note.read_text() if note.exists() else ""
        shutil.rmtree(folder)
        return Outcome(at=at, where=where, finding=finding, faults=tuple(faults))

    async def count_points(self, kind: str) -> int:
        """Count the points of a story that is told to its end."""
        await self._local.post("/reset")
        folder = self._folder / f"{kind}-counted"
        keeper = self._keeper(folder)
        note = folder / "doom"
        keeper.doom = {"kind": kind, "at": 0, "note": str(note)}
        groups = [_write_story()]
        async with _watched(keeper):
            await _tell(keeper, groups, 0)
            await self._settle(keeper, groups)
        counted = int(note.read_text())
        shutil.rmtree(folder)
        return counted

    async def prepare(self) -> None:
        """Let a bridge make the database once: that takes longer than a whole story."""
        keeper = self._keeper(self._folder / "pattern")
        await keeper.start()
        await keeper.until_up()
        await keeper.end()
        self._pattern = keeper.folder / "state"

    def _keeper(self, folder: Path) -> Keeper:
        folder.mkdir(parents=True)
        if self._pattern is not None:
            shutil.copytree(self._pattern, folder / "state")
        BentClock(folder / "clock").run(RATE)
        port = free_port()
        sandbox = self._local.sandbox
        environ = set_environ(
            folder,
            port,
            api_base=sandbox.url,
            bot_token=sandbox.bot_token,
            chats=str(ON_CALL),
        )
        return Keeper(self._nursery, folder, port, environ)

    async def _settle(self, keeper: Keeper, groups: list[Group]) -> tuple[Finding, list[str]]:
        truth = {each.name: each.is_firing for group in groups for each in group.subjects}
        end = time.monotonic() + QUIET_WITHIN
        while True:
            faults = [*read_figures(await keeper.figures()), *keeper.crashes]
            finding = judge_chat(truth, await read_chat(self._local, ON_CALL))
            is_right = not faults and not finding.lost and len(finding.surplus) <= 1
            if is_right or time.monotonic() > end:
                return finding, faults
            await asyncio.sleep(0.05)


@asynccontextmanager
async def open_ground(nursery: Nursery, folder: Path) -> AsyncIterator[Ground]:
    """Prepare what stories need."""
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(open_local_telegram(folder / "telegram"))
        ground = Ground(nursery, local, folder)
        await ground.prepare()
        yield ground


@asynccontextmanager
async def _watched(keeper: Keeper) -> AsyncIterator[None]:
    """Keep a bridge running until it is known what the chats show."""
    await keeper.start()
    watching = asyncio.create_task(keeper.watch())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await keeper.end()


async def _tell(keeper: Keeper, groups: list[Group], seed: int) -> None:
    door = keeper.door
    cluster = Cluster(seed, lambda: door, members=MEMBERS[:1], longest_delay=DELAY)
    await cluster.tell(groups, pause=PAUSE)


def _write_story() -> Group:
    first, second, third = (
        Subject(
            name=f"Trial{number:04}",
            host="box-00",
            group="box-00",
            severity=severity,
            echo="late end",
        )
        for number, severity in enumerate(("warning", "critical", "info"), start=1)
    )
    turns = [[first, second], [first, third], [second, third], [first]]
    return Group(name="box-00", subjects=[first, second, third], turns=turns)


async def sweep(
    kind: str,
    grounds: Sequence[Ground],
    *,
    most: int | None = None,
    seed: int = 0,
    say: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """End a bridge at every point, or at `most` of them, spread over all and others by each seed.

    A point behind the last of a counted story is told as well: no two stories are quite the same.
    """
    # A story that the machine delays has more points, of passes that find nothing to be done.
    last = min(await asyncio.gather(*(each.count_points(kind) for each in grounds))) + BEYOND
    points = iter(_choose_points(seed, last, most or last))
    outcomes: list[Outcome] = []

    async def run_some(ground: Ground) -> None:
        for at in points:
            outcome = await ground.run_point(kind, at)
            outcomes.append(outcome)
            say(outcome)

    await asyncio.gather(*map(run_some, grounds))
    return sorted(outcomes, key=lambda outcome: outcome.at)


def render_outcome(kind: str, outcome: Outcome) -> str:
    """Write one line about an end, and what is wrong with it."""
    where = " ".join(outcome.where.split())[:100] or "the story was over"
    wrong = [f"lost: {each}" for each in outcome.finding.lost]
    wrong += [*outcome.faults, *outcome.finding.notes]
    return "\n      ".join([f"{kind} {outcome.at}: {where}", *wrong])


def _choose_points(seed: int, last: int, count: int) -> list[int]:
    if count >= last:
        return list(range(1, last + 1))
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    width = last / count
    return [1 + int(width * index + chance.uniform(0, width)) for index in range(count)]
