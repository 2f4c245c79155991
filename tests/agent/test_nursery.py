"""The fork server may end at any time; its jobs do not, and another follows."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from agent import fork_server, limits
from agent.errors import AgentError, Denied
from agent.jobs import Jobs
from agent.nursery import Nursery, find_rights
from agent.wire import Event, Started, Why
from tests.agent.hearing import end_of, hear, hear_end, shell, text_of
from tests.agent.processes import Processes, wait_until

ROOT = Path(__file__).parents[2]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


async def test_a_job_does_not_end_with_the_fork_server_that_started_it(
    jobs: Jobs, nursery: Nursery, shared: Path
) -> None:
    line = f"until [ -e {shared}/killed ]; do sleep 0.01; done; echo lives; exit 6"
    events: list[Event] = []
    async for event in jobs.run("a", shell(line)):
        events.append(event)
        if isinstance(event, Started):
            kill(nursery)
            (shared / "killed").touch()
    assert text_of(events) == "lives\n"
    assert end_of(events).code == 6


async def test_a_job_whose_fork_server_has_ended_can_still_be_stopped(
    jobs: Jobs, nursery: Nursery, processes: Processes
) -> None:
    async with aclosing(jobs.run("a", shell("setsid sleep 600 & sleep 600"))) as events:
        assert isinstance(await anext(events), Started)
        kill(nursery)
        await jobs.cancel("a")
        *_, ended = [each async for each in events]
    assert getattr(ended, "why", None) is Why.STOPPED
    assert not processes.list_all()


async def test_another_fork_server_follows_by_itself(jobs: Jobs, nursery: Nursery) -> None:
    await start(jobs, "a", "exit 0")
    await asyncio.sleep(limits.NURSERY_BREAK_SECONDS)
    before = kill(nursery)
    await wait_until(lambda: nursery.pid not in (None, before))
    assert nursery.started == 2
    assert (await hear_end(jobs.run("b", shell("exit 9")))).code == 9


async def test_a_job_ordered_from_a_dead_fork_server_is_started_by_the_next(
    jobs: Jobs, nursery: Nursery
) -> None:
    await start(jobs, "a", "exit 0")
    kill(nursery)
    assert (await hear_end(jobs.run("b", shell("exit 9")))).code == 9


async def test_a_fork_server_whose_end_was_not_heard_yet_is_followed_all_the_same(
    jobs: Jobs, nursery: Nursery
) -> None:
    await start(jobs, "a", "exit 0")
    dead = kill(nursery)
    os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the loop shall not turn
    born = await nursery.bear(("true",), seconds=60)
    born.close()
    assert nursery.started == 2


async def test_a_fork_server_that_hangs_is_told_of_and_nothing_runs_later(
    jobs: Jobs, nursery: Nursery, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(jobs, "a", "exit 0")
    assert nursery.pid is not None
    os.kill(nursery.pid, signal.SIGSTOP)
    with monkeypatch.context() as patch:
        patch.setattr(limits, "BIRTH_SECONDS", 0.2)
        with pytest.raises(Denied) as denied:
            await hear(jobs.run("b", shell(f"touch {shared}/ran")))
    assert denied.value.rule == "start"
    os.kill(nursery.pid, signal.SIGCONT)
    assert (await hear_end(jobs.run("c", shell("exit 9")))).code == 9
    assert not (shared / "ran").exists()


async def test_a_closed_nursery_starts_nothing(ordinary: str) -> None:
    nursery = Nursery(user=ordinary)
    async with nursery:
        before = nursery.pid
    assert before is not None
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)
    with pytest.raises(AgentError):
        await nursery.bear(("true",), seconds=1)


@ROOT_ONLY
@pytest.mark.parametrize("user", ["root", "no-such-user"])
def test_no_job_is_ever_root(user: str) -> None:
    with pytest.raises(AgentError):
        Nursery(user=user)


@ROOT_ONLY
def test_whatever_the_fork_server_is_told_it_runs_nothing_as_root(tmp_path: Path) -> None:
    """Even where the check before it failed, the last one holds."""
    program = (
        "import os, sys; sys.path.append(sys.argv[1]);"
        "from agent.confining import Rights, confine;"
        "confine(Rights(0, 0, []), seconds=1.0);"
        "open(sys.argv[2], 'w')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, ROOT, tmp_path / "ran"], capture_output=True, check=False
    )
    assert b"a job never runs as root" in ran.stderr
    assert not (tmp_path / "ran").exists()


@ROOT_ONLY
def test_without_a_name_jobs_are_nobody() -> None:
    assert find_rights(None).user == pwd.getpwnam("nobody").pw_uid


def test_the_fork_server_has_little_in_it() -> None:
    """What it has loaded, every runner has in its memory."""
    program = (
        "import sys; sys.path.append(sys.argv[1]); import agent.fork_server; print(*sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, ROOT],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"asyncio", "json", "logging", "dataclasses", "inspect", "ssl", "pathlib", "subprocess"}
    assert not heavy & set(run.stdout.split())


def test_what_is_no_argument_of_a_program_is_not_packed() -> None:
    for arguments in ((), (b"a\0b",), (b"x" * limits.BIRTH_BYTES,)):
        with pytest.raises(ValueError, match=r"no program|too long"):
            fork_server.pack_start(1, 1.0, b"", arguments)
    with pytest.raises(ValueError, match="no program"):
        fork_server.pack_start(1, 1.0, b"/\0", (b"true",))


async def start(jobs: Jobs, job: str, line: str) -> int | None:
    return (await hear_end(jobs.run(job, shell(line)))).code


def kill(nursery: Nursery) -> int:
    """Kill the fork server."""
    assert nursery.pid is not None
    pid = nursery.pid
    os.kill(pid, signal.SIGKILL)
    return pid
