"""A job runs once, in its bounds, and is told of truthfully."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import resource
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from agent import limits
from agent.errors import Denied
from agent.jobs import Command, Jobs
from agent.nursery import Nursery
from agent.wire import Ended, Output, Progress, Started, Why
from tests.agent.hearing import end_of, hear, hear_end, shell, text_of
from tests.agent.processes import Processes, list_children, wait_until


async def test_a_job_starts_writes_and_ends_with_its_code(jobs: Jobs) -> None:
    events = await hear(jobs.run("a", shell("echo out; echo err >&2; exit 7")))
    assert isinstance(events[0], Started)
    assert text_of(events, is_error=False) == "out\n"
    assert text_of(events, is_error=True) == "err\n"
    ended = end_of(events)
    assert (ended.why, ended.code, ended.signal, ended.bytes) == (Why.DONE, 7, "", 8)
    assert (ended.last, ended.left_out, ended.kept) == ("", 0, 0)


async def test_what_a_signal_ends_has_a_signal_and_no_code(jobs: Jobs) -> None:
    ended = await hear_end(jobs.run("a", shell("kill -SEGV $$")))
    assert (ended.why, ended.code, ended.signal) == (Why.DONE, None, "SIGSEGV")


async def test_output_comes_while_the_job_runs_in_the_order_written(
    jobs: Jobs, shared: Path
) -> None:
    heard = f"until [ -e {shared}/$w ]; do sleep 0.01; done"
    line = f"for w in o1 o2 o3; do echo $w; {heard}; w=e$w; echo $w >&2; {heard}; done"
    pieces = []
    async for event in jobs.run("a", shell(line)):
        if isinstance(event, Output):
            pieces.append(event)
            (shared / event.text.strip()).touch()  # until then it writes nothing more
    assert "".join(each.text for each in pieces) == "o1\neo1\no2\neo2\no3\neo3\n"
    assert [each.is_error for each in pieces] == [False, True] * 3


async def test_the_first_output_is_told_at_once(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PIECE_SECONDS", 60.0)  # as long as further ones may have to wait
    async with aclosing(jobs.run("a", shell("echo now; sleep 600"))) as events:
        began = time.monotonic()
        async for event in events:
            if isinstance(event, Output):
                break
        assert time.monotonic() - began < 30


async def test_a_program_that_is_not_there_ends_as_in_a_shell(jobs: Jobs) -> None:
    events = await hear(jobs.run("a", Command(argv=("no-such",), shown="no-such", seconds=60)))
    assert text_of(events, is_error=True) == "no-such: No such file or directory\n"
    assert end_of(events).code == 127
    events = await hear(jobs.run("b", Command(argv=("/etc/passwd",), shown="", seconds=60)))
    assert end_of(events).code == 126


async def test_arguments_arrive_as_they_are(jobs: Jobs) -> None:
    arguments = ("a b", "$(id)", "`id`", "*", "", "-n", "é🛰", "x\ny", "';--", "\\")
    command = Command(argv=("printf", "%s|", *arguments), shown="", seconds=60)
    assert text_of(await hear(jobs.run("a", command))) == "|".join(arguments) + "|"


async def test_what_no_program_takes_is_denied(jobs: Jobs) -> None:
    for number, argv in enumerate(
        [("echo", "a\0b"), (), ("echo", "\ud800"), ("echo", "x" * 10**6)]
    ):
        with pytest.raises(Denied) as denied:
            await hear(jobs.run(str(number), Command(argv=argv, shown="", seconds=60)))
        assert denied.value.rule == "argument"
    assert jobs.running == 0


async def test_a_job_has_nothing_of_the_agents_environment(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SECRET", "planted")
    command = Command(argv=("env",), shown="env", seconds=60)
    lines = text_of(await hear(jobs.run("a", command))).splitlines()
    names = {each.partition("=")[0] for each in lines}
    assert names == {"PATH", "LANG", "HOME"}
    assert "LANG=C.UTF-8" in lines


async def test_a_job_has_no_input_and_no_open_file_of_the_agent(jobs: Jobs) -> None:
    assert (
        text_of(await hear(jobs.run("a", shell("cat; readlink /proc/self/fd/0")))) == "/dev/null\n"
    )
    listed = text_of(await hear(jobs.run("b", shell("ls /proc/self/fd")))).split()
    assert listed == ["0", "1", "2", "3"]  # the last is what lists them


async def test_a_job_works_in_a_folder_of_its_own_which_goes_with_it(
    jobs: Jobs, tmp_path: Path
) -> None:
    line = "pwd; echo $HOME; stat -c %a .; mkdir -p a/b; touch a/b/c; ln -s / a/root; ln -s / d"
    where, home, mode = text_of(await hear(jobs.run("a", shell(line)))).split()
    assert where == home
    assert mode == "700"
    await wait_until(lambda: not Path(where).exists())
    given = Command(argv=("pwd",), shown="pwd", seconds=60, folder="/usr")
    assert text_of(await hear(jobs.run("b", given))) == "/usr\n"
    absent = Command(argv=("pwd",), shown="pwd", seconds=60, folder=str(tmp_path / "none"))
    events = await hear(jobs.run("c", absent))
    assert end_of(events).code == 125
    assert text_of(events) == "opswire: No such file or directory\n"


async def test_a_job_is_never_root_and_cannot_become_it(jobs: Jobs) -> None:
    line = "id -u; grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/self/status"
    user, *status = text_of(await hear(jobs.run("a", shell(line)))).split("\n")
    assert user != "0"
    assert f"Uid:\t{user}\t{user}\t{user}\t{user}" in status
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status


async def test_a_job_sees_the_hosts_processes_and_their_owners(jobs: Jobs) -> None:
    line = f"cat /proc/1/comm; stat -c %u /proc/1 /proc/{os.getpid()}"
    comm, *owners = text_of(await hear(jobs.run("a", shell(line)))).split()
    assert comm == name_of(1)
    assert owners == ["0", str(os.getuid())]


async def test_signals_are_as_a_login_shell_has_them(jobs: Jobs) -> None:
    status = text_of(await hear(jobs.run("a", shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"))))
    assert [each.split()[1] for each in status.splitlines()] == ["0" * 16] * 2


async def test_the_limits_apply(jobs: Jobs) -> None:
    table = text_of(await hear(jobs.run("a", shell("cat /proc/self/limits", seconds=70))))
    limited = {each[:26].strip(): each[26:].split()[:2] for each in table.splitlines()}
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for name, most in (
        ("Max address space", limits.JOB_ADDRESS_BYTES),
        ("Max processes", limits.JOB_PROCESSES),
        ("Max file size", limits.JOB_FILE_BYTES),
        ("Max open files", min(limits.JOB_FILES, hard)),
        ("Max core file size", 0),
        ("Max cpu time", 70 * (os.cpu_count() or 1) + 1),
    ):
        assert limited[name] == [str(most)] * 2, name


async def test_a_file_that_grows_too_large_ends_its_writer(jobs: Jobs) -> None:
    line = "head -c 70M /dev/zero > big; echo $?; stat -c %s big"
    code, size = text_of(await hear(jobs.run("a", shell(line)))).split("\n")[-3:-1]
    assert code != "0"
    assert int(size) == limits.JOB_FILE_BYTES


async def test_memory_that_is_too_much_is_not_given(jobs: Jobs) -> None:
    ended = await hear_end(jobs.run("a", shell("dd if=/dev/zero of=/dev/null bs=5G count=1")))
    assert ended.code == 1


async def test_a_job_cannot_have_more_processes_than_its_share(jobs: Jobs) -> None:
    line = "i=0; while [ $i -lt 400 ]; do echo x; sleep 60 & i=$((i + 1)); done"
    events = await hear(jobs.run("a", shell(line)))
    assert "fork" in text_of(events, is_error=True)
    assert 200 < len(text_of(events, is_error=False).split()) <= limits.JOB_PROCESSES


async def test_the_same_job_twice_runs_once(jobs: Jobs, shared: Path) -> None:
    place = shared / "ran"
    line = shell(f"echo x >> {place}; echo ran; sleep 0.3; echo over")
    first, second = await asyncio.gather(hear(jobs.run("a", line)), hear(jobs.run("a", line)))
    third = await hear(jobs.run("a", line))
    assert place.read_text() == "x\n"
    assert first == second == third
    assert text_of(first) == "ran\nover\n"


async def test_one_of_two_listeners_may_leave(jobs: Jobs) -> None:
    task = asyncio.create_task(hear(jobs.run("a", shell("sleep 0.4; echo heard"))))
    await asyncio.sleep(0.1)
    async with aclosing(jobs.follow("a")) as events:
        assert isinstance(await anext(events), Started)
    assert text_of(await task) == "heard\n"


async def test_after_a_restart_a_known_job_is_told_of_and_does_not_run(
    tmp_path: Path, nursery: Nursery
) -> None:
    jobs = Jobs(tmp_path, nursery=nursery, clock=time.time)
    before = await hear_end(jobs.run("a", shell("echo once; exit 5")))
    await jobs.close()
    jobs = Jobs(tmp_path, nursery=nursery, clock=time.time)
    started, ended = await hear(jobs.run("a", shell("echo twice")))
    assert isinstance(started, Started)
    assert started.shown == "echo once; exit 5"
    assert isinstance(ended, Ended)
    assert (ended.code, ended.digest, ended.left_out) == (5, before.digest, before.bytes)
    await jobs.close()


async def test_a_job_that_ran_when_the_agent_ended_is_lost_and_does_not_run(
    tmp_path: Path, nursery: Nursery
) -> None:
    (tmp_path / "record").write_text('{"note":"begun","job":"a","at":1.0,"shown":"reboot"}\n')
    jobs = Jobs(tmp_path, nursery=nursery, clock=time.time)
    started, ended = await hear(jobs.run("a", shell("echo again")))
    assert isinstance(started, Started)
    assert started.at == 1.0
    assert isinstance(ended, Ended)
    assert (ended.why, ended.code) == (Why.LOST, None)
    await jobs.close()


async def test_what_cannot_be_put_on_record_does_not_run(
    jobs: Jobs, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdatasync", fail)
    with pytest.raises(Denied) as denied:
        await hear(jobs.run("a", shell(f"touch {shared}/ran")))
    assert denied.value.rule == "record"
    assert not (shared / "ran").exists()


async def test_more_jobs_than_the_host_takes_are_refused(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JOBS_AT_ONCE", 2)
    tasks = [asyncio.create_task(hear_end(jobs.run(job, shell("sleep 600")))) for job in "ab"]
    await wait_until(lambda: jobs.running == 2)
    with pytest.raises(Denied) as denied:
        await hear(jobs.run("c", shell("echo")))
    assert denied.value.rule == "busy"
    assert await jobs.cancel("a")
    assert (await tasks[0]).why is Why.STOPPED
    assert (await hear_end(jobs.run("d", shell("exit 0")))).code == 0
    await jobs.cancel("b")
    await tasks[1]
    assert jobs.running == 0


async def test_what_is_not_known_is_neither_followed_nor_stopped_nor_fetched(jobs: Jobs) -> None:
    with pytest.raises(Denied):
        await hear(jobs.follow("a"))
    with pytest.raises(Denied):
        jobs.fetch("a")
    assert not await jobs.cancel("a")


async def test_a_job_stopped_before_it_is_there_ends_all_the_same(
    jobs: Jobs, processes: Processes
) -> None:
    task = asyncio.create_task(hear_end(jobs.run("a", shell("sleep 600"))))
    await asyncio.sleep(0)
    assert await jobs.cancel("a")
    assert (await task).why is Why.STOPPED
    assert not processes.list_all()


async def test_ten_megabytes_are_counted_digested_and_kept_in_bounds(jobs: Jobs) -> None:
    whole = b"".join(b"%07d\n" % number for number in range(10 * 1024**2 // 8))
    events = await hear(jobs.run("a", shell("seq -f %07.0f 0 1310719")))
    ended = end_of(events)
    assert ended.bytes == len(whole)
    assert ended.digest == hashlib.sha256(whole).hexdigest()
    assert text_of(events).encode() == whole[: limits.HEAD_BYTES]
    assert ended.last.encode() == whole[-limits.TAIL_BYTES :]
    assert ended.left_out == len(whole) - limits.HEAD_BYTES - limits.TAIL_BYTES
    assert ended.kept == limits.KEPT_BYTES
    assert jobs.fetch("a") == whole[: limits.KEPT_BYTES]


async def test_an_endless_output_that_nobody_reads_neither_fills_the_memory_nor_blocks(
    jobs: Jobs,
) -> None:
    await hear(jobs.run("warm", shell("yes | head -c 3000000")))
    before = resident_kilobytes()
    async with aclosing(jobs.run("a", shell("yes", seconds=600))) as events:
        assert isinstance(await anext(events), Started)
        written = jobs._live["a"]._transcript
        await wait_until(lambda: written.bytes > 5 * 1024**2 and written.progress is not None)
        await jobs.cancel("a")
        await wait_until(lambda: jobs.running == 0)
        rest = [each async for each in events]
    ended = end_of(rest)
    assert ended.why is Why.STOPPED
    assert ended.bytes > 5 * 1024**2
    assert any(isinstance(each, Progress) for each in rest)
    assert resident_kilobytes() - before < 8 * 1024


async def test_a_pipe_that_somebody_else_holds_does_not_hold_the_job(
    jobs: Jobs, shared: Path
) -> None:
    held = -1
    line = f"echo begun; until [ -e {shared}/held ]; do sleep 0.01; done"
    async with asyncio.timeout(30), aclosing(jobs.run("a", shell(line))) as events:
        async for event in events:
            if isinstance(event, Output):
                held = os.open(find_pipe(jobs), os.O_WRONLY | os.O_NONBLOCK)
                (shared / "held").touch()
    os.close(held)


async def test_what_is_in_the_pipes_at_the_end_is_read_however_late_the_agent_is(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "READ_TICK_BYTES", 1)
    monkeypatch.setattr(limits, "READ_TICK_SECONDS", 1.0)  # once it has read, it rests too long
    monkeypatch.setattr(limits, "JOB_DRAIN_SECONDS", 0.0)
    ended = await hear_end(jobs.run("a", shell("head -c 100000 /dev/zero; printf x >&2")))
    assert ended.bytes == 100_001


async def test_twenty_jobs_at_once_are_kept_apart(jobs: Jobs) -> None:
    heard = await asyncio.gather(
        *(
            hear(jobs.run(str(number), shell(f"echo {number}; exit {number}")))
            for number in range(20)
        )
    )
    assert [text_of(events) for events in heard] == [f"{number}\n" for number in range(20)]
    assert [end_of(events).code for events in heard] == list(range(20))


async def test_two_hundred_jobs_leave_no_zombie_and_no_open_file(
    jobs: Jobs, processes: Processes
) -> None:
    await hear(jobs.run("warm", shell("exit 0")))
    server = jobs._nursery.pid
    open_files = count_files(os.getpid()), count_files(server)
    for number in range(200):
        await hear(jobs.run(str(number), Command(argv=("true",), shown="true", seconds=60)))
    await wait_until(lambda: not list_children(server))
    assert not processes.list_all()
    assert (count_files(os.getpid()), count_files(server)) == open_files


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def count_files(pid: int | None) -> int:
    gc.collect()  # what other tests have left is not counted
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_kilobytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError


def find_pipe(jobs: Jobs) -> str:
    """Find the end of the pipe that the one job there is writes into."""
    (runner,) = list_children(jobs._nursery.pid)
    (command,) = list_children(runner)
    return f"/proc/{command}/fd/1"
