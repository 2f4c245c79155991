"""Real agents and a bridge: enrolled, asked, stopped, killed; what the chat says of it is true."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.local_telegram import ADA, LocalTelegram
from tests.live.conftest import PATIENCE, Programs, until
from tests.live.fleet import (
    BORIS,
    MALLORY,
    SLEEPER,
    Fleet,
    nothing_sleeps,
    one_sleeps,
    sleepers,
    two_sleep,
)
from tests.ports import free_port

pytestmark = pytest.mark.live


@pytest.fixture
async def fleet(tmp_path: Path, programs: Programs, local: LocalTelegram) -> AsyncIterator[Fleet]:
    tmp_path.chmod(0o755)  # noqa: ASYNC240 - a folder of a test
    fleet = Fleet(tmp_path, programs, local)
    (tmp_path / "agents.txt").write_text("# ours\nServer 127.0.0.1:9100 group=web\n")
    await fleet.start_bridge()
    await fleet.enrol("Server")
    await fleet.start_agent("Server")
    yield fleet
    await until(nothing_sleeps, seconds=3)


def allow(fleet: Fleet, word: str, name: str = "Server") -> None:
    """Write a host's ceiling."""
    path = fleet.folder / f"ceiling-{name}"
    path.write_text(word + "\n")
    path.chmod(0o644)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a ceiling belongs to root")


async def test_a_command_runs_on_an_enrolled_host_and_is_written_down(fleet: Fleet) -> None:
    inventory = (fleet.folder / "agents.txt").read_text()
    assert (
        inventory == f"# ours\nServer 127.0.0.1:9100 127.0.0.1:{fleet.ports['Server']} group=web\n"
    )
    message = await fleet.ask("/op_exec Server uptime", "exit code 0")
    assert "load average" in message["text"]
    assert message["inline_keyboard"] is None
    refused = await fleet.ask("/op_exec Server rm -r /", "does not do that")
    assert "exit code" not in refused["text"]
    audit = await fleet.ask("/audit 10", "/op_exec Server uptime")
    assert "begun" in audit["text"]
    assert "exit status 0" in audit["text"]
    record = (fleet.folder / "agent-Server" / "record").read_text()
    assert "uptime" in record


async def test_a_code_works_once_and_shows_in_no_log(fleet: Fleet) -> None:
    fleet.list_host("web-2", 9202)
    code = await fleet.enrol("web-2")
    again = await asyncio.to_thread(
        fleet.run, "agent", "enrol", told=code + "\n", **fleet.own("web-2")
    )
    assert again.returncode != 0
    assert "used" in again.stderr
    secret = code.removeprefix("opswire1.")
    for log in fleet.folder.rglob("*.log"):
        assert secret not in log.read_text(errors="replace")
    assert (fleet.folder / "agent-web-2").stat().st_mode & 0o077 == 0


async def test_who_may_not_runs_nothing(fleet: Fleet) -> None:
    await fleet.ask(f"/adduser {BORIS} viewer", "viewer")
    before = await fleet.say("/op_exec Server uptime", BORIS)
    await fleet.last(before, "🚫", BORIS)
    before = await fleet.say("/op_exec Server uptime", MALLORY)
    await fleet.last(before, "🚫", MALLORY)
    record = fleet.folder / "agent-Server" / "record"
    assert not record.exists() or "uptime" not in record.read_text()


@needs_root
async def test_stop_ends_a_command_and_everything_it_has_begun(fleet: Fleet) -> None:
    allow(fleet, "shell")
    line = f"(setsid sleep {SLEEPER} &) ; sleep {SLEEPER} & wait; sleep {SLEEPER}"
    question = await fleet.ask(f"/op_exec Server 5m {line}", "shell as it stands")
    await fleet.press(question, "Yes")
    running = await fleet.last(0, "running for")
    await until(two_sleep, seconds=PATIENCE)
    await fleet.press(running, "Stop")
    await fleet.last(0, "stopped after")
    await until(nothing_sleeps, seconds=2)


@needs_root
async def test_time_is_up_and_nothing_is_left(fleet: Fleet) -> None:
    allow(fleet, "shell")
    question = await fleet.ask(f"/op_exec Server 2s sleep {SLEEPER}", "shell as it stands")
    began = time.monotonic()
    await fleet.press(question, "Yes")
    await fleet.last(0, "time was up")
    assert time.monotonic() - began < 12  # two seconds, the end of it, and the pace of a chat
    assert not sleepers()


@needs_root
async def test_a_bridge_that_dies_takes_its_commands_along_and_says_so_when_it_is_back(
    fleet: Fleet,
) -> None:
    allow(fleet, "shell")
    question = await fleet.ask(f"/op_exec Server 5m sleep {SLEEPER}", "shell as it stands")
    await fleet.press(question, "Yes")
    running = await fleet.last(0, "running for")
    await until(one_sleeps, seconds=PATIENCE)
    assert fleet.bridge is not None
    await fleet.bridge.kill()
    await until(nothing_sleeps, seconds=5)
    await fleet.start_bridge()

    async def has_ended() -> bool:
        texts = [each for each in await fleet.read() if each["message_id"] == running["message_id"]]
        return "stopped after" in texts[0]["text"]

    await until(has_ended, seconds=PATIENCE)
    audit = await fleet.ask("/audit 10", "told after a restart")
    assert audit["text"].count("told after a restart") == 1


@needs_root
async def test_an_agent_that_dies_leaves_nothing_and_is_not_told_of_as_done(fleet: Fleet) -> None:
    allow(fleet, "shell")
    question = await fleet.ask(f"/op_exec Server 5m sleep {SLEEPER}", "shell as it stands")
    await fleet.press(question, "Yes")
    await fleet.last(0, "running for")
    await until(one_sleeps, seconds=PATIENCE)
    fleet.agents["Server"].process.send_signal(signal.SIGKILL)
    await until(nothing_sleeps, seconds=5)
    message = await fleet.last(0, "no answer")
    assert "exit code" not in message["text"]
    await fleet.start_agent("Server")
    await fleet.ask("/op_exec Server uptime", "exit code 0")


async def test_a_broadcast_asks_every_host_and_names_the_dead(fleet: Fleet) -> None:
    for number, name in enumerate(("web-1", "web-2")):
        fleet.list_host(name, 9201 + number)
        await fleet.enrol(name)
    await fleet.start_agent("web-1")
    message = await fleet.ask("/broadcast nproc", "3 of 3 hosts")
    assert "web-2" in message["text"]
    assert "not reached" in message["text"]
    assert "Server, web-1" in message["text"]


@needs_root
async def test_a_broadcast_is_stopped_everywhere_and_one_whose_bridge_dies_says_so(
    fleet: Fleet,
) -> None:
    fleet.list_host("web-1", 9201)
    await fleet.enrol("web-1")
    for name in ("Server", "web-1"):
        actions = fleet.folder / f"actions-{name}.yml"
        actions.write_text(f'"sleep {SLEEPER}":\n  seconds: 300\n  read_only: true\n')
        actions.chmod(0o644)
    await fleet.agents["Server"].kill()
    await fleet.start_agent("Server")
    await fleet.start_agent("web-1")

    before = await fleet.say(f"/broadcast sleep {SLEEPER}")
    running = await fleet.last(before, "0 of 2 hosts")
    await until(two_sleep, seconds=PATIENCE)
    await fleet.press(running, "Stop")
    stopped = await fleet.last(before, "2 stopped")
    assert stopped["message_id"] == running["message_id"]
    await until(nothing_sleeps, seconds=2)

    before = await fleet.say(f"/broadcast sleep {SLEEPER}")
    running = await fleet.last(before, "0 of 2 hosts")
    await until(two_sleep, seconds=PATIENCE)
    assert fleet.bridge is not None
    await fleet.bridge.kill()
    await until(nothing_sleeps, seconds=5)
    await fleet.start_bridge()
    ended = await fleet.last(before, "2 stopped")
    assert ended["message_id"] == running["message_id"]
    audit = await fleet.ask("/audit 10", "told after a restart")
    assert audit["text"].count("told after a restart") == 1


async def test_a_listener_is_seen_and_ended_once_somebody_confirms(fleet: Fleet) -> None:
    port = free_port()
    listener = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:

        async def is_listed() -> bool:
            message = await fleet.ask("/op_port Server", "🔌")
            return str(port) in message["text"]

        await until(is_listed, seconds=PATIENCE, step=0.5)
        question = await fleet.ask(f"/op_stop Server {port}", "will be ended")
        assert listener.returncode is None
        await fleet.press(question, "Yes")
        await fleet.last(0, "is free")
        assert await asyncio.wait_for(listener.wait(), PATIENCE) != 0
        protected = await fleet.ask(f"/op_stop Server {fleet.ports['Server']}", "will be ended")
        await fleet.press(protected, "Yes")
        await fleet.last(0, "it stays|protected")
    finally:
        if listener.returncode is None:
            listener.kill()
            await listener.wait()


async def test_a_login_reaches_the_chat_within_five_seconds(fleet: Fleet) -> None:
    await fleet.ask("/subscribe", str(ADA))
    log = fleet.folder / "auth-Server.log"
    log.touch()

    async def is_watched() -> bool:
        message = await fleet.ask("/login Server status", "👤")
        return str(log) in message["text"]

    await until(is_watched, seconds=PATIENCE, step=0.5)
    before = len(await fleet.read())
    with log.open("a") as file:
        said = "Accepted password for bob_x from 192.0.2.7 port 50022 ssh2"
        file.write(f"Nov 26 12:00:00 web sshd[77]: {said}\n")
    began = time.monotonic()
    message = await fleet.last(before, "bob_x", seconds=5)
    assert time.monotonic() - began <= 5
    assert "192.0.2.7" in message["text"]


async def test_a_deleted_host_is_gone_for_good(fleet: Fleet) -> None:
    question = await fleet.ask("/delete Server", "dies for good")
    await fleet.press(question, "Yes")
    await fleet.last(0, "is dead for good")
    assert "Server" not in (fleet.folder / "agents.txt").read_text()
    await fleet.ask("/op_exec Server uptime", "🔎")
