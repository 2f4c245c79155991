from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bridge.errors import Outage
from bridge.inbound.timers import Errands, every, until_done

HOUR, MOMENT = timedelta(hours=1), timedelta(milliseconds=1)


async def ended(task: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait([task], timeout=60)
    return bool(done)


async def test_a_loop_that_is_woken_and_ended_in_the_same_moment_ends() -> None:
    bell, turns = asyncio.Event(), 0

    async def step() -> None:
        nonlocal turns
        turns += 1

    task = asyncio.create_task(every(HOUR, step, name="step", wake=bell))
    await asyncio.sleep(0.01)
    bell.set()
    await asyncio.sleep(0)
    task.cancel()
    assert await ended(task)
    assert task.cancelled()


async def test_a_bell_that_rings_while_the_step_runs_is_not_missed() -> None:
    bell, turns = asyncio.Event(), 0

    async def step() -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            bell.set()

    task = asyncio.create_task(every(HOUR, step, name="step", wake=bell))
    await asyncio.sleep(0.02)
    task.cancel()
    assert turns == 2


@pytest.mark.parametrize("fault", [Outage("x", "y"), ValueError("unforeseen")])
async def test_a_step_that_fails_is_run_again(
    fault: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = 0

    async def step() -> None:
        nonlocal turns
        turns += 1
        if turns < 4:
            raise fault

    task = asyncio.create_task(every(MOMENT, step, name="step"))
    while turns < 6:  # noqa: ASYNC110 - the loop under test has no other sign of life
        await asyncio.sleep(0.005)
    task.cancel()
    assert capsys.readouterr().out.count("works again") == 1


async def test_a_first_step_is_tried_until_it_works() -> None:
    turns = 0

    async def step() -> None:
        nonlocal turns
        turns += 1
        if turns < 3:
            raise Outage("database", "not there")

    await until_done(MOMENT, step, name="step")
    assert turns == 3


async def test_errands_are_waited_for_and_then_given_up() -> None:
    errands, ends = Errands(), list[str]()

    async def run(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)  # 0 is over in a turn, however long the loop stands still
            ends.append("done")
        except asyncio.CancelledError:
            ends.append("given up")
            raise

    errands.start(run(0))
    errands.start(run(60))
    await errands.finish(within=timedelta(seconds=0.1))
    await asyncio.sleep(0)
    assert ends == ["done", "given up"]
