"""Wherever a bridge ends, what was begun has one true end: in the chat and in the audit."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.wire import Why
from bridge.core.access import EVERYWHERE
from bridge.core.audit import Entry
from bridge.core.keyboards import Keyboard
from bridge.inbound.chat.running_jobs import Run
from bridge.store.audit import Audit
from bridge.store.host_tables import jobs
from bridge.views.voice import Voices
from tests.inbound.chat.lives import INVENTORY, Hosts, Life, QuickDatabase, Stage, wish

Story = Callable[[Life], Awaitable[None]]
MOST = 400
"""Awaits that no story has."""
NOT_OVER = ("asking the host", "running for", "waiting for", "ending what")


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[QuickDatabase]:
    database = QuickDatabase(f"sqlite:///{tmp_path}/bridge.db")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def create_stage(
    database: QuickDatabase, numbers: Iterator[int]
) -> AsyncIterator[Callable[[], Stage]]:
    stages: list[Stage] = []
    voices = Voices(lambda _, fault: pytest.fail(str(fault)))

    def create() -> Stage:
        stages.append(Stage(database, voices, next(numbers)))
        return stages[-1]

    yield create
    for each in stages:
        await each.bury()


def run(stage: Stage) -> Story:
    async def story(life: Life) -> None:
        [host, *_] = INVENTORY.hosts
        await life.running.begin(stage.ask("op_exec"), Run(host=host, command="df"))

    return story


def broadcast(stage: Stage) -> Story:
    async def story(life: Life) -> None:
        hosts = INVENTORY.hosts
        wanted = wish(*(each.name for each in hosts))
        await life.everywhere.begin(stage.ask("broadcast"), wanted, hosts, is_careful=False)

    return story


def close(stage: Stage) -> Story:
    stage.telegram.texts[stage.message_id] = ["Whatever listens on TCP port 80 will be ended."]

    async def story(life: Life) -> None:
        [host, *_] = INVENTORY.hosts
        await life.closing.begin(stage.ask("op_stop"), host, 80)

    return story


def stopped(begin: Callable[[Stage], Story]) -> Callable[[Stage], Story]:
    """Make the story of a command that somebody stops as soon as there is a button."""

    def create(stage: Stage) -> Story:
        stage.hosts.is_long = True
        story = begin(stage)

        async def both(life: Life) -> None:
            await story(life)
            while not any(isinstance(each, Keyboard) for each in stage.telegram.buttons.values()):  # noqa: ASYNC110 - counted turns
                await asyncio.sleep(0)
            [number] = life.live.numbers
            await life.live.stop(number, EVERYWHERE)

        return both

    return create


def stopped_at_once(begin: Callable[[Stage], Story]) -> Callable[[Stage], Story]:
    """Make the story of a command that somebody stops before any host was asked."""

    def create(stage: Stage) -> Story:
        stage.hosts.is_long = True
        story = begin(stage)

        async def both(life: Life) -> None:
            await story(life)
            [number] = life.live.numbers
            await life.live.stop(number, EVERYWHERE)

        return both

    return create


async def resume(life: Life) -> None:
    await life.resuming.resume()


async def bring_to_an_end(stage: Stage) -> None:
    """Let bridges come back until there is nothing left to tell."""
    for _ in range(4):
        await stage.live(resume)
        stage.now += timedelta(minutes=2)
        if not await left(stage):
            return
    raise AssertionError("something is never told")


async def left(stage: Stage) -> int:
    untold = select(jobs.c.id).where(jobs.c.told_at.is_(None))
    return len(await stage.database.read(lambda c: c.execute(untold).all()))


async def entries_of(stage: Stage) -> list[Entry]:
    newest = await Audit(stage.database, Path()).newest(10)
    return [entry for _, entry in newest if entry.what.endswith(stage.what)]


async def judge(stage: Stage) -> None:
    """See that there is one end, and that it is true."""
    entries = await entries_of(stage)
    shown = {each: texts[-1] for each, texts in stage.telegram.texts.items()}
    if not entries:
        assert not stage.hosts.jobs
        assert not stage.hosts.closed
        return
    assert len(entries) == 2, entries
    begun, ended = sorted(entries, key=lambda each: not each.detail.startswith("begun"))
    assert begun.detail.startswith("begun")
    assert not ended.detail.startswith("begun")
    ends = [text for text in shown.values() if not any(each in text for each in NOT_OVER)]
    assert len(ends) == 1, shown
    # A bridge may not have learnt the number of a message that it had just sent; nothing ran then.
    stale = len(shown) - len(ends)
    assert stale == 0 or (stale == 1 and not stage.hosts.starts and not stage.hosts.closed), shown
    # A file comes again where a bridge ends before it has noted that it was sent; once an end.
    assert len(stage.telegram.files) <= 1 + len(stage.dead)
    judge_words(stage.hosts, ends[0], ended.detail)


def judge_words(hosts: Hosts, text: str, detail: str) -> None:
    whys = list(hosts.jobs.values())
    if "TCP port" in text:
        assert ("is free" in text) is ("is free" in detail)
        assert hosts.closed <= 1
        if "is free" in text:
            assert hosts.closed == 1
        elif "Nothing was ended" in text:
            assert hosts.closed == 0
        else:
            assert "not known" in text
    elif "of 3 hosts" in text:
        good, known = whys.count(Why.DONE), len(whys)
        assert f"{good} of 3" in detail
        assert (f"✅ {good}" in text) is bool(good)
        stopped = whys.count(Why.GONE) + whys.count(Why.STOPPED)
        assert (f"⏹ {stopped} stopped" in text) is bool(stopped)
        rest = 3 - known
        assert (f"❔ {rest}" in text or f"⏹ {rest} not begun" in text) is bool(rest)
    elif "exit code 0" in text:
        assert whys == [Why.DONE]
        assert "done" in detail
    elif "stopped after" in text:
        assert whys in ([Why.GONE], [Why.STOPPED])
        assert "stopped" in detail
    elif "nothing ran" in text:
        assert whys == []
        assert "withdrawn" in detail
    else:
        assert "whether it ran is not known" in text
        assert whys == []
        assert "silent" in detail


STORIES = {
    "run": run,
    "broadcast": broadcast,
    "close": close,
    "run, stopped": stopped(run),
    "run, stopped at once": stopped_at_once(run),
    "broadcast, stopped": stopped(broadcast),
}


@pytest.mark.parametrize("name", STORIES)
async def test_a_bridge_that_ends_at_any_await_leaves_one_true_end(
    name: str, create_stage: Callable[[], Stage]
) -> None:
    died = 0
    for at in range(1, MOST):
        stage = create_stage()
        doom = await stage.live(STORIES[name](stage), until=at)
        died += doom.is_dead
        stage.now += timedelta(seconds=30)
        await bring_to_an_end(stage)
        try:
            await judge(stage)
        except AssertionError as fault:
            fault.add_note(f"the bridge had ended at await {at}")
            raise
        if not doom.is_dead:
            break
    assert not doom.is_dead, "the last one lived to its end"
    assert died >= 10


# Awaits of the first bridge: its order is out by then.
@pytest.mark.parametrize(("name", "awaits"), [("run", 9), ("broadcast", 14), ("close", 7)])
async def test_a_bridge_that_ends_while_it_tells_of_another_that_did_leaves_one_true_end(
    name: str, awaits: int, create_stage: Callable[[], Stage]
) -> None:
    for at in range(1, MOST):
        stage = create_stage()
        await stage.live(STORIES[name](stage), until=awaits)
        assert await left(stage) == 1
        assert stage.hosts.starts or stage.hosts.closed
        stage.now += timedelta(minutes=2)
        doom = await stage.live(resume, until=at)
        stage.now += timedelta(minutes=2)
        await bring_to_an_end(stage)
        try:
            await judge(stage)
        except AssertionError as fault:
            fault.add_note(f"the second bridge had ended at await {at}")
            raise
        if not doom.is_dead:
            break
    assert not doom.is_dead, "the last one lived to its end"
