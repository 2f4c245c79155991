"""What a person reads when the bridge cannot start, or starts into trouble."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.local_telegram import LocalTelegram
from tests.live.conftest import PATIENCE, Programs, plain_client, until
from tests.ports import free_port
from tests.programs import ROOT

pytestmark = pytest.mark.live
BOT_TOKEN = "7000000001:AAplantedTokenOfTheTests-0123456789ab"


def start(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a bridge that is expected to end by itself."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "STATE_DIR": str(folder / "state"),
        "SERVER_PORT": str(free_port()),
        "AGENTS_PORT": str(free_port()),
        "BOT_TOKEN": BOT_TOKEN,
        "ALERT_CHAT_ID": "-100",
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "bridge"],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_without_a_token_it_says_where_to_get_one_and_what_runs_without(tmp_path: Path) -> None:
    ended = start(tmp_path, BOT_TOKEN="")
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    for word in ("BOT_TOKEN", "@BotFather", "./start.sh"):
        assert word in line


def test_all_wrong_settings_are_said_at_once_and_no_secret_with_them(tmp_path: Path) -> None:
    ended = start(
        tmp_path, BOT_TOKEN="hunter2", SERVER_PORT="http", ALERT_CHAT_ID="ops", TIMEZONE="Mars"
    )
    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    named = [line.split(":")[0] for line in lines]
    assert sorted(named) == ["ALERT_CHAT_ID", "BOT_TOKEN", "SERVER_PORT", "TIMEZONE"]
    assert "hunter2" not in ended.stderr


def test_a_taken_port_is_one_sentence_that_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = start(tmp_path, SERVER_PORT=str(taken.getsockname()[1]))
    assert ended.returncode == os.EX_TEMPFAIL  # a service tries again
    assert "SERVER_PORT" in ended.stderr
    assert "taken by another program" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_address_that_is_not_up_yet_is_worth_another_start(tmp_path: Path) -> None:
    # Of the block for documentation (RFC 5737): no machine has it.
    ended = start(tmp_path, SERVER_HOST="192.0.2.7", SERVER_PORT=str(free_port()))
    assert ended.returncode == os.EX_TEMPFAIL
    assert "SERVER_HOST" in ended.stderr


def test_a_state_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = start(tmp_path, STATE_DIR=str(tmp_path / "file" / "state"))
    assert ended.returncode == 2
    assert "STATE_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_second_bridge_in_the_same_folder_is_refused(
    programs: Programs, local: LocalTelegram
) -> None:
    await programs.bridge(local, free_port())
    ended = start(programs.folder)
    assert ended.returncode == os.EX_TEMPFAIL
    assert "another bridge is running" in ended.stderr


async def test_the_state_of_another_bot_or_server_is_refused_with_the_way_out(
    programs: Programs, local: LocalTelegram
) -> None:
    bridge = await programs.bridge(local, free_port())
    await bridge.end()
    own, other = local.sandbox.bot_token, BOT_TOKEN.replace("7000000001", "7000000002")
    url = local.sandbox.url
    for server, token, named in (
        (url, other, ("bot 7000000001 on this machine", "bot 7000000002 on this machine")),
        ("https://bots.example", own, ("on this machine", "on bots.example")),
    ):
        ended = start(programs.folder, BOT_TOKEN=token, TELEGRAM_API_BASE=server)
        assert ended.returncode == 2
        line = ended.stderr.splitlines()[-1]
        for word in ("BOT_TOKEN", "belongs to", *named, "another STATE_DIR"):
            assert word in line
        assert "Traceback" not in ended.stderr
        assert token.split(":")[1] not in ended.stderr + ended.stdout
    assert await local.calls("sendMessage") == []


async def test_an_unreachable_telegram_leaves_it_up_and_readyz_says_so_without_the_token(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    nowhere = f"http://127.0.0.1:{free_port()}"
    bridge = await programs.bridge(local, port, BOT_TOKEN=BOT_TOKEN, TELEGRAM_API_BASE=nowhere)
    url = f"http://127.0.0.1:{port}/readyz"
    async with plain_client(PATIENCE) as client:

        async def says_so() -> bool:
            return "Telegram" in (await client.get(url)).json()["checks"].get("telegram", "")

        await until(says_so, seconds=PATIENCE)
    await bridge.end()
    assert BOT_TOKEN.split(":")[1] not in bridge.log.read_text()


async def test_a_wrong_token_leaves_it_up_and_readyz_says_how_to_mend_it(
    programs: Programs, local: LocalTelegram
) -> None:
    port = free_port()
    await programs.bridge(local, port, BOT_TOKEN=BOT_TOKEN)
    url = f"http://127.0.0.1:{port}/readyz"
    async with plain_client(PATIENCE) as client:

        async def says_so() -> bool:
            return "@BotFather" in (await client.get(url)).json()["checks"].get("telegram", "")

        await until(says_so, seconds=PATIENCE)


async def test_what_it_generates_is_for_its_owner_alone(
    programs: Programs, local: LocalTelegram
) -> None:
    await programs.bridge(local, free_port(), WEBHOOK_TOKEN="")
    state = programs.folder / "state"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "webhook_token").stat().st_mode) == 0o600


def test_help_is_quick_and_loads_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['bridge', '--help']\n"
        "try:\n    import runpy; runpy.run_module('bridge', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(sorted({'aiogram', 'matplotlib', 'sqlalchemy', 'fastapi'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "README has the table" in " ".join(done.stdout.split())
