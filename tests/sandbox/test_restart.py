from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sandbox.server import RunningSandbox, open_sandbox
from sandbox.settings import Settings, SettingsError, read_settings
from sandbox.state import clock
from tests.sandbox.conftest import ADA, PATIENCE, Control, Wire, draw_png

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


async def test_a_restart_keeps_everything(settings: Settings) -> None:
    async with open_sandbox(settings) as first, aiohttp.ClientSession() as session:
        wire, control = Wire(session, first), Control(session, first)
        markup = {"inline_keyboard": [[{"text": "Ack", "callback_data": "ack"}]]}
        await wire.call("sendMessage", chat_id=ADA, text="card", reply_markup=markup)
        form = aiohttp.FormData({"chat_id": str(ADA)})
        form.add_field("photo", draw_png(), filename="chart.png")
        async with session.post(f"{wire.url}/sendPhoto", data=form) as answer:
            photo = (await answer.json())["result"]["photo"][0]
        await wire.call("setMyCommands", commands=[{"command": "help", "description": "Help"}])
        await control.say("unconfirmed")
        where = {"chat_id": ADA, "message_id": 1, "person_id": ADA}
        query = (await control.post("/press", **where, row=0, column=0))["query_id"]
        await control.post("/clock", advance_seconds=-5)
        await control.post("/pacing", enabled=False, group_per_minute=7)
        before = await control.get("/transcript")

    async with open_sandbox(settings) as second, aiohttp.ClientSession() as session:
        wire, control = Wire(session, second), Control(session, second)
        assert (second.bot_token, second.page_token) == (first.bot_token, first.page_token)
        assert await control.get("/transcript") == before
        updates = (await wire.call("getUpdates"))["result"]
        assert updates[0]["message"]["text"] == "unconfirmed"
        assert (await wire.call("answerCallbackQuery", callback_query_id=query))["ok"]
        assert (await wire.call("getFile", file_id=photo["file_id"]))["ok"]
        assert (await wire.call("getMyCommands"))["result"][0]["command"] == "help"
        state = await control.get("/state")
        assert state["pacing"]["group_per_minute"] == 7
        assert -6 < state["clock"]["offset_seconds"] < -4
        assert (await wire.call("sendMessage", chat_id=ADA, text="x"))["result"]["message_id"] == 4


@pytest.mark.parametrize("turns", range(8))
async def test_who_is_taken_in_as_it_closes_is_let_go_of(settings: Settings, turns: int) -> None:
    with contextlib.ExitStack() as stack:
        async with open_sandbox(settings) as sandbox:
            host, _, port = sandbox.url.removeprefix("http://").rpartition(":")
            called = socket.create_connection((host, int(port)), timeout=PATIENCE)
            caller = stack.enter_context(called)
            for _ in range(turns):  # of the loop; with each the call comes a step further
                await asyncio.sleep(0)
        stack.enter_context(contextlib.suppress(ConnectionResetError))
        assert await asyncio.to_thread(caller.recv, 1) == b""


async def test_confirmed_updates_stay_confirmed_and_ids_go_on(settings: Settings) -> None:
    async with open_sandbox(settings) as first, aiohttp.ClientSession() as session:
        await Control(session, first).say("seen")
        wire = Wire(session, first)
        seen = (await wire.call("getUpdates"))["result"][0]["update_id"]
        await wire.call("getUpdates", offset=seen + 1)

    async with open_sandbox(settings) as second, aiohttp.ClientSession() as session:
        await Control(session, second).say("fresh")
        (update,) = (await Wire(session, second).call("getUpdates"))["result"]
        assert update["message"]["text"] == "fresh"
        assert update["update_id"] == seen + 1


async def test_a_world_that_began_anew_is_heard_by_a_bot_that_remembers_the_former_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sandbox(settings) as first, aiohttp.ClientSession() as session:
        await Control(session, first).say("once")
        wire = Wire(session, first)
        seen = (await wire.call("getUpdates"))["result"][0]["update_id"]
    shutil.rmtree(settings.state_dir)
    later = clock.Clock().now() + timedelta(minutes=1)
    monkeypatch.setattr(clock, "_machine_time", lambda: later)
    async with open_sandbox(settings) as second, aiohttp.ClientSession() as session:
        await Control(session, second).say("again")
        (update,) = (await Wire(session, second).call("getUpdates", offset=seen + 1))["result"]
        assert update["update_id"] > seen


async def test_the_state_is_for_its_owner_alone(
    sandbox: RunningSandbox, settings: Settings, wire: Wire
) -> None:
    await wire.call("sendMessage", chat_id=ADA, text="x")

    assert sandbox.bot_token.startswith("7000000001:")
    for name in ("bot_token", "page_token", "telegram.db", "telegram.db-wal"):
        mode = stat.S_IMODE((settings.state_dir / name).stat().st_mode)
        assert mode == 0o600, name
    assert stat.S_IMODE(settings.state_dir.stat().st_mode) == 0o700


async def test_a_bot_token_may_be_chosen_beforehand(settings: Settings) -> None:
    settings.state_dir.mkdir()
    chosen = "4242424242:" + "a" * 35
    (settings.state_dir / "bot_token").write_text(chosen + "\n")

    async with open_sandbox(settings) as sandbox:
        assert sandbox.bot_token == chosen
        assert sandbox.world.bot.id == 4_242_424_242

    (settings.state_dir / "bot_token").write_text("4242424243:" + "a" * 35)
    with pytest.raises(SettingsError, match="another bot"):
        await enter(settings)


@pytest.mark.parametrize("name", ["bot_token", "page_token"])
async def test_a_token_file_without_a_token_is_named(settings: Settings, name: str) -> None:
    settings.state_dir.mkdir()
    (settings.state_dir / name).write_text("your_token_here")

    with pytest.raises(SettingsError, match=name):
        await enter(settings)


async def test_a_taken_port_is_named_with_the_way_out(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    port = int(sandbox.url.rpartition(":")[2])

    with pytest.raises(SettingsError, match=rf"{port}.*SANDBOX_PORT"):
        await enter(Settings(state_dir=tmp_path / "other", port=port))


async def test_a_second_sandbox_stays_out_of_the_folder(
    sandbox: RunningSandbox, settings: Settings
) -> None:
    with pytest.raises(SettingsError, match="Another sandbox runs"):
        await enter(settings)
    assert sandbox.url


async def test_a_history_that_is_none_is_named(settings: Settings) -> None:
    settings.state_dir.mkdir()
    (settings.state_dir / "telegram.db").write_bytes(b"no database" * 1000)

    with pytest.raises(SettingsError, match="cannot be read"):
        await enter(settings)


@pytest.mark.parametrize("port", ["http", "-1", "65536"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(SettingsError, match="SANDBOX_PORT"):
        read_settings({"SANDBOX_PORT": port})


def test_nothing_set_means_the_loopback() -> None:
    settings = read_settings({})

    assert (settings.host, settings.port) == ("127.0.0.1", 8081)
    assert settings.state_dir == Path("state/sandbox")


class Program:
    """`python -m sandbox` as a process."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--port", "0", "--state-dir", str(state_dir)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("chat page: http://127.0.0.1:"), line
        self.url, _, self.page_token = line.split()[-1].partition("/#token=")
        self.bot_token = (state_dir / "bot_token").read_text().strip()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    started = Program(tmp_path / "state")
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGKILL)


async def test_a_killed_sandbox_keeps_what_it_answered(program: Program) -> None:
    sent = await send_many(program, 30)
    await asyncio.to_thread(program.end, signal.SIGKILL)

    again = await asyncio.to_thread(Program, program.state_dir)
    try:
        async with aiohttp.ClientSession() as session:
            kept = await read_chat(session, again)
    finally:
        await asyncio.to_thread(again.end, signal.SIGTERM)
    assert kept == sent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_within_a_second_whoever_waits(
    program: Program, number: signal.Signals
) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{program.url}/bot{program.bot_token}/getUpdates?timeout=50"
        poll = asyncio.create_task(read_json(session, url))
        headers = {"Authorization": f"Bearer {program.page_token}"}
        async with session.get(f"{program.url}/control/events", headers=headers) as events:
            await events.content.readline()
            began = time.monotonic()
            code = await asyncio.to_thread(program.end, number)
            took = time.monotonic() - began
        await asyncio.gather(poll, return_exceptions=True)

    assert code == 0
    assert took < 1.5  # one second is promised; the interpreter's own end takes part of it


def test_help_and_version_answer_without_starting_anything() -> None:
    for flag, expected in (("--help", "SANDBOX_STATE_DIR"), ("--version", "opswire sandbox")):
        ran = subprocess.run(
            [sys.executable, "-m", "sandbox", flag],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert expected in ran.stdout


async def enter(settings: Settings) -> None:
    async with open_sandbox(settings):
        pass


async def send_many(program: Program, count: int) -> list[str]:
    async with aiohttp.ClientSession() as session:
        url = f"{program.url}/bot{program.bot_token}/sendMessage"
        headers = {"Authorization": f"Bearer {program.page_token}"}
        off = f"{program.url}/control/pacing"
        async with session.post(off, json={"enabled": False}, headers=headers) as answer:
            assert answer.status == 200
        for number in range(count):
            async with session.post(url, json={"chat_id": ADA, "text": str(number)}) as answer:
                assert (await answer.json())["ok"]
    return [str(number) for number in range(count)]


async def read_chat(session: aiohttp.ClientSession, program: Program) -> list[str]:
    headers = {"Authorization": f"Bearer {program.page_token}"}
    url = f"{program.url}/control/chats/{ADA}/messages"
    async with session.get(url, headers=headers) as answer:
        return [message["text"] for message in (await answer.json())["messages"]]


async def read_json(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return await answer.json()
