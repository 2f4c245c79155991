"""However a command tries to stay, nothing of it is left."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from agent import limits
from agent.jobs import Jobs
from agent.nursery import Born, Nursery
from agent.wire import Started, Why
from tests.agent.hearing import hear_end, shell
from tests.agent.matrix import ESCAPES
from tests.agent.processes import Processes, list_children

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("lone_agent.py")
END_SECONDS = 2.0
LOADED_SECONDS = 1.0
"""What a machine that does other things as well may take longer."""

ATTACKS = (
    "kill -9 $PPID; setsid sleep 600 & sleep 600",
    "kill -STOP $PPID; kill -STOP $(cut -d' ' -f4 /proc/$PPID/stat); exec sleep 600",
)
FENCED = pytest.mark.skipif(
    tuple(map(int, platform.release().split(".")[:2])) < (6, 12), reason="Landlock knows no signals"
)
escapes = pytest.mark.parametrize("line", ESCAPES.values(), ids=ESCAPES.keys())
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
async def jobs(tmp_path: Path, ordinary: str, way: str) -> AsyncIterator[Jobs]:
    async with Nursery(user=ordinary, has_namespaces=way == "namespace") as nursery:
        jobs = Jobs(tmp_path, nursery=nursery, clock=time.time)
        yield jobs
        await jobs.close()


@escapes
async def test_when_its_time_is_up_nothing_of_a_job_is_left(
    jobs: Jobs, processes: Processes, line: str
) -> None:
    began = time.monotonic()
    ended = await hear_end(jobs.run("a", shell(line, seconds=0.4)))
    assert processes.list_all() == set(), processes.describe()
    assert ended.why is Why.TIME
    assert time.monotonic() - began < 0.4 + END_SECONDS + LOADED_SECONDS
    assert not ended.stuck


@escapes
async def test_when_somebody_stops_it_nothing_of_a_job_is_left(
    jobs: Jobs, processes: Processes, line: str
) -> None:
    async with aclosing(jobs.run("a", shell(line))) as events:
        async for event in events:
            if isinstance(event, Started):
                await asyncio.sleep(0.2)
                began = time.monotonic()
                assert await jobs.cancel("a")
        assert processes.list_all() == set(), processes.describe()
    ended = await hear_end(jobs.follow("a"))
    assert ended.why is Why.STOPPED
    assert time.monotonic() - began < END_SECONDS + LOADED_SECONDS


@escapes
async def test_when_nobody_hears_it_any_more_nothing_of_a_job_is_left(
    jobs: Jobs, processes: Processes, line: str
) -> None:
    async with aclosing(jobs.run("a", shell(line))) as events:
        assert isinstance(await anext(events), Started)
        await processes.wait_until_some()
        await asyncio.sleep(0.2)
    await processes.wait_until_none(END_SECONDS + LOADED_SECONDS)
    ended = await hear_end(jobs.follow("a"))
    assert ended.why is Why.GONE


@pytest.mark.parametrize("line", ["sleep 600 & exit 3", "(setsid sleep 600 &) ; exit 3"])
async def test_what_a_command_leaves_behind_when_it_exits_is_ended(
    jobs: Jobs, processes: Processes, line: str
) -> None:
    ended = await hear_end(jobs.run("a", shell(line)))
    assert processes.list_all() == set(), processes.describe()
    assert (ended.why, ended.code) == (Why.DONE, 3)


async def test_what_a_listener_that_is_cancelled_had_asked_for_is_ended(
    jobs: Jobs, processes: Processes
) -> None:
    task = asyncio.create_task(hear_end(jobs.run("a", shell("sleep 600"))))
    await processes.wait_until_some()
    task.cancel()
    await asyncio.wait({task})
    await processes.wait_until_none(END_SECONDS + LOADED_SECONDS)


@pytest.mark.parametrize("line", ATTACKS)
async def test_a_job_cannot_end_what_stands_above_it(
    jobs: Jobs, processes: Processes, line: str
) -> None:
    ended = await hear_end(jobs.run("a", shell(line, seconds=0.3)))
    assert ended.why is Why.TIME
    assert processes.list_all() == set()


@FENCED
async def test_a_job_cannot_end_another_one(jobs: Jobs, processes: Processes) -> None:
    task = asyncio.create_task(hear_end(jobs.run("a", shell("sleep 0.6; exit 8"))))
    await processes.wait_until_some()
    ended = await hear_end(jobs.run("b", shell("kill -9 -1; kill -9 $$")))
    assert ended.signal == "SIGKILL"
    assert (await task).code == 8


@pytest.mark.parametrize("line", [ESCAPES["a session of its own"], ESCAPES["a fork bomb"]])
async def test_when_a_runner_is_killed_its_job_goes_with_it(
    jobs: Jobs, processes: Processes, line: str
) -> None:
    async with aclosing(jobs.run("a", shell(line))) as events:
        assert isinstance(await anext(events), Started)
        await asyncio.sleep(0.2)
        os.kill(find_runner(jobs), signal.SIGKILL)
        *_, ended = [each async for each in events]
    assert getattr(ended, "why", None) is Why.LOST
    await processes.wait_until_none(END_SECONDS + LOADED_SECONDS)
    again = await hear_end(jobs.run("b", shell("exit 4")))
    assert again.code == 4


async def test_a_runner_that_hangs_does_not_hang_the_agent(
    jobs: Jobs, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bear = jobs._nursery.bear

    async def bear_one_that_hangs(*words: Any, **wishes: Any) -> Born:
        born = await bear(*words, **wishes)
        os.kill(find_runner(jobs), signal.SIGSTOP)
        return born

    monkeypatch.setattr(jobs._nursery, "bear", bear_one_that_hangs)
    # It is given up after 0.3 s, long before its own time is up.
    monkeypatch.setattr(limits, "JOB_WATCH_SECONDS", 0.3 - 600 - limits.JOB_END_SECONDS)
    ended = await hear_end(jobs.run("a", shell("sleep 600", seconds=600)))
    assert ended.why is Why.TIME
    assert ended.stuck
    await processes.wait_until_none(END_SECONDS + LOADED_SECONDS)


@pytest.mark.parametrize("line", [*ESCAPES.values()], ids=ESCAPES.keys())
async def test_when_the_agent_is_killed_nothing_of_its_jobs_is_left(
    tmp_path: Path, ordinary: str, way: str, processes: Processes, line: str
) -> None:
    agent = subprocess.Popen(  # noqa: ASYNC220 - nothing else goes on here
        [sys.executable, PROGRAM, tmp_path, ordinary, way, "600", line],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    with agent:
        assert agent.stdout is not None
        assert json.loads(agent.stdout.readline()) == "started"
        await processes.wait_until_some()
        await asyncio.sleep(0.2)
        agent.kill()
    await processes.wait_until_none(END_SECONDS + LOADED_SECONDS)


@ROOT_ONLY
@FENCED
async def test_an_agent_that_is_not_root_leaves_nothing_either(
    shared: Path, ordinary: str, processes: Processes
) -> None:
    user = pwd.getpwnam(ordinary)
    python = find_python(user)
    agent = subprocess.run(  # noqa: ASYNC221 - the same
        [python, PROGRAM, shared, ordinary, "namespace", "0.4", *ESCAPES.values(), *ATTACKS],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        capture_output=True,
        check=True,
        timeout=600,
    )
    told = [json.loads(each) for each in agent.stdout.splitlines()]
    ends = [each for each in told if each != "started"]
    assert len(ends) == len(ESCAPES) + len(ATTACKS)
    for escape, end in zip(ESCAPES, ends, strict=False):
        assert (end["why"], end["stuck"], end["beside"]) == ("time", False, 0), escape
        assert end["seconds"] < 0.4 + END_SECONDS + LOADED_SECONDS, escape
    for end in ends[len(ESCAPES) :]:
        assert (end["why"], end["stuck"], end["beside"]) == ("time", False, 0)
    await processes.wait_until_none(END_SECONDS + LOADED_SECONDS)


def find_runner(jobs: Jobs) -> int:
    """Find the runner of the one job there is: the fork server has one child."""
    (found,) = list_children(jobs._nursery.pid)
    return found


def find_python(user: pwd.struct_passwd) -> str:
    """Find an interpreter that another user may run, of a version that will do."""
    for each in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run(
                [each, "-c", "import asyncio; asyncio.timeout"],
                user=user.pw_uid,
                group=user.pw_gid,
                cwd="/",
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return each
    pytest.skip("no Python of 3.11 that another user may run")
