"""One round: a truth is told while something goes wrong, and then the chats are read."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.chaos.bridges import Keeper, Nursery
from tests.chaos.clock import BentClock
from tests.chaos.cluster import Cluster
from tests.chaos.invariant import Finding, judge_chat
from tests.chaos.line import open_line
from tests.chaos.reading import count_windows, read_chat, read_figures
from tests.chaos.setting import set_environ
from tests.chaos.troubles import Scene, Trouble, kill_at_random, make_trouble
from tests.chaos.truth import Extent, Group, draw_truth
from tests.fakes.local_telegram import ADA, ALERTS, ON_CALL, OPERATIONS, open_local_telegram
from tests.ports import free_port

RUNNING: Final = 20.0  # the bridge's seconds in one of the machine's while things go wrong
IN_STORM: Final = 2.0
AFTERWARDS: Final = 300.0  # and once all is told: ten minutes' patience is two seconds
LONG = 3.0  # seconds: about how long things go wrong
PAUSE = 0.5  # seconds: the longest between two turns of a group
QUIET_WITHIN = 120.0  # seconds; what is not shown by then is lost
STILL = 0.5  # seconds: how long it must have stayed right
_CALM: Final = {Trouble.NONE}


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What a round has come to."""

    seed: int
    trouble: Trouble
    alerts: int
    webhooks: int
    kills: int
    messages: int
    windows: int
    """In how many moments a message may have been shown twice."""
    surplus: int
    """How many were."""
    lost: tuple[str, ...]
    faults: tuple[str, ...]
    """What else must not be."""
    seconds: float

    @property
    def is_sound(self) -> bool:
        """Say whether the invariant holds."""
        return not self.lost and not self.faults and self.surplus <= self.windows


@dataclass(kw_only=True)
class Stage(Scene):
    """A round while it runs."""

    groups: list[Group]
    cluster: Cluster
    fallback: int

    @property
    def truth(self) -> dict[str, bool]:
        """Alert → whether it fires."""
        subjects = [subject for group in self.groups for subject in group.subjects]
        return {each.name: each.is_firing for each in subjects if each.episodes}


def choose_trouble(seed: int) -> Trouble:
    """Give every kind its turn."""
    kinds = list(Trouble)
    return kinds[seed % len(kinds)]


async def run_round(
    seed: int,
    nursery: Nursery,
    folder: Path,
    *,
    trouble: Trouble | None = None,
    seconds: float = LONG,
) -> Tally:
    """Play one round and judge it; the seed says all that is chosen.

    Things go wrong for about so many seconds.
    """
    began = time.monotonic()
    chosen = trouble or choose_trouble(seed)
    async with _set(seed, nursery, folder, chosen) as stage:
        watching = asyncio.create_task(stage.keeper.watch())
        try:
            late = await _play(stage, chosen, seconds)
            findings, faults = await _settle(stage)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        windows = await count_windows(stage.local, [*stage.keeper.ends, *stage.cuts])
        messages = await _count_messages(stage)
    return Tally(
        seed=seed,
        trouble=chosen,
        alerts=len(stage.truth),
        webhooks=stage.cluster.deliveries.accepted,
        kills=len(stage.keeper.ends),
        messages=messages,
        windows=windows,
        surplus=sum(len(each.surplus) for each in findings.values()),
        lost=tuple(f"{chat}: {name}" for chat, each in findings.items() for name in each.lost),
        faults=(*late, *faults, *stage.cluster.deliveries.refused, *stage.keeper.crashes),
        seconds=time.monotonic() - began,
    )


@asynccontextmanager
async def _set(seed: int, nursery: Nursery, folder: Path, trouble: Trouble) -> AsyncIterator[Stage]:
    """Build everything a round needs, and take it down."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a test's folder
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(open_local_telegram(folder / "telegram"))
        line = await stack.enter_async_context(open_line(urlsplit(local.sandbox.url).port or 0))
        made = await local.post("/chats", kind="group", title="Those who stand in", members=[ADA])
        clock = BentClock(folder / "clock")
        clock.run(IN_STORM if trouble is Trouble.STORM else RUNNING)
        port = free_port()
        fallback = int(made["chat"]["id"])
        environ = set_environ(
            folder,
            port,
            api_base=f"http://127.0.0.1:{line.port}",
            bot_token=local.sandbox.bot_token,
            chats=f"{ADA},{ON_CALL},{OPERATIONS}/{ALERTS}",
            fallback=fallback,
        )
        keeper = Keeper(nursery, folder, port, environ)
        await keeper.start()
        stack.push_async_callback(keeper.end)
        await keeper.until_up()
        yield Stage(
            chance=chance,
            local=local,
            line=line,
            keeper=keeper,
            clock=clock,
            groups=draw_truth(chance, _choose_extent(trouble)),
            cluster=Cluster(seed, lambda: keeper.door),
            fallback=fallback,
        )


def _choose_extent(trouble: Trouble) -> Extent:
    if trouble is Trouble.STORM:
        return Extent(groups=40, members=8, turns=2)
    return Extent(groups=6, members=5, turns=5)


async def _play(stage: Stage, trouble: Trouble, seconds: float) -> list[str]:
    """Let it all happen; say what did not come to an end."""
    deeds = [
        stage.cluster.tell(stage.groups, pause=PAUSE),
        make_trouble(trouble, stage, seconds),
    ]
    if trouble not in _CALM and (trouble is Trouble.KILLS or stage.chance.random() < 1 / 2):
        deeds.append(kill_at_random(stage, seconds))
    try:
        await asyncio.gather(*deeds)
        await stage.line.mend()
        stage.keeper.is_bound = False
        await stage.keeper.until_up()
    except TimeoutError:
        return ["a webhook was not accepted, or a bridge not up, for longer than anybody waits"]
    finally:
        stage.clock.run(AFTERWARDS)
    return []


async def _settle(stage: Stage) -> tuple[dict[str, Finding], list[str]]:
    """Wait until the invariant holds and goes on to hold, or for as long as anybody would."""
    right_since: float | None = None
    end = time.monotonic() + QUIET_WITHIN
    while True:
        findings, faults = await _look(stage)
        now = time.monotonic()
        is_right = not faults and not any(each.lost for each in findings.values())
        is_right = is_right and await _is_few(stage, findings)
        right_since = (right_since or now) if is_right else None
        if now > end or (right_since is not None and now - right_since > STILL):
            return findings, faults
        await asyncio.sleep(0.1)


async def _is_few(stage: Stage, findings: dict[str, Finding]) -> bool:
    surplus = sum(len(each.surplus) for each in findings.values())
    return surplus == 0 or surplus <= await count_windows(
        stage.local, [*stage.keeper.ends, *stage.cuts]
    )


async def _look(stage: Stage) -> tuple[dict[str, Finding], list[str]]:
    """Hold every chat against the truth, and the bridge's own figures against nought."""
    truth = stage.truth
    findings = {"Ada": judge_chat(truth, await read_chat(stage.local, ADA))}
    stand_in = await read_chat(stage.local, stage.fallback)
    findings["stand-ins"] = Finding(surplus=judge_chat(truth, stand_in).surplus)
    findings["On call"] = await _look_at_group(stage, truth)
    topic = await read_chat(stage.local, OPERATIONS)
    if stage.is_topic_gone:
        # What was over before went with its topic; what fires must be told elsewhere.
        fires = {name: True for name, is_on in truth.items() if is_on}
        elsewhere = judge_chat(fires, [*topic, *stand_in])
        findings["Operations"] = Finding(lost=elsewhere.lost)
    else:
        findings["Operations"] = judge_chat(truth, topic)
    faults = read_figures(await stage.keeper.figures())
    if stage.is_topic_gone:  # what its people should hear waits for it
        faults = [each for each in faults if "messages_waiting" not in each]
    return findings, faults


async def _look_at_group(stage: Stage, truth: dict[str, bool]) -> Finding:
    before = await read_chat(stage.local, ON_CALL)
    if not stage.moved_to:
        return judge_chat(truth, before)
    # People read both as one history. What has changed since can be told in the new one alone.
    after = await read_chat(stage.local, stage.moved_to)
    told = judge_chat(truth, [*before, *after], still_kept=False)
    return Finding(lost=told.lost, surplus=judge_chat(truth, after).surplus)


async def _count_messages(stage: Stage) -> int:
    chats = [ADA, ON_CALL, OPERATIONS, stage.fallback]
    return sum([len(await read_chat(stage.local, chat)) for chat in chats])
