"""What a person reads when the agent cannot start, and what it costs to ask it for help."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.folder import own_folder
from tests.agent.parties import Enrolment, enrol_host
from tests.programs import ROOT

HEAVY = {
    *("aiogram", "matplotlib", "pandas", "numpy", "sqlalchemy", "httpx", "structlog", "bridge"),
    *("uvloop", "httptools", "websockets", "dotenv", "aiohttp"),
    "cryptography.x509",
}


@pytest.fixture
def host(tmp_path: Path) -> Enrolment:
    return enrol_host(tmp_path / "state")


def environ(**settings: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}


def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *words],
        env=environ(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_says_its_version_and_what_it_takes() -> None:
    assert run("--version").stdout == "opswire agent 0.1.0\n"
    said = run("--help").stdout
    for word in ("enrol", "AGENT_PORT", "AGENT_STATE_DIR", "AGENT_CEILING_FILE"):
        assert word in said
    assert "--code-file" in run("enrol", "--help").stdout


def test_all_wrong_settings_are_said_at_once(tmp_path: Path) -> None:
    ended = run(AGENT_PORT="http", AGENT_JOB_USER="root", AGENT_STATE_DIR=str(tmp_path))
    assert ended.returncode == 2
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == [
        "AGENT_PORT",
        "AGENT_JOB_USER",
    ]


def test_a_host_that_is_not_enrolled_is_told_how_to_be(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        ended = run(AGENT_STATE_DIR=str(folder))
        assert ended.returncode == 2
        [line] = ended.stderr.splitlines()
        for word in ("AGENT_STATE_DIR", "no bridge knows this host", "python -m agent enrol"):
            assert word in line


@pytest.mark.parametrize("name", ["key.pem", "bridge.pub", "enrolled.json"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"-----BEGIN PRIVATE KEY-----\nAAAA"])
def test_a_damaged_folder_is_one_sentence(host: Enrolment, name: str, content: bytes) -> None:
    (host.folder / name).write_bytes(content)
    ended = run(**host.environ())
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert "is damaged" in line
    assert "/reinstall" in line


def test_another_name_than_the_enrolled_one_is_refused(host: Enrolment) -> None:
    ended = run(**host.environ(AGENT_ID="web-2"))
    assert ended.returncode == 2
    assert "AGENT_ID: this host is enrolled as 'web-1'" in ended.stderr


def test_a_taken_port_is_one_sentence(host: Enrolment) -> None:
    with socket.create_server(("127.0.0.1", host.port)):
        ended = run(**host.environ())
    assert ended.returncode == os.EX_TEMPFAIL  # a service tries again
    assert "AGENT_PORT" in ended.stderr
    assert "taken by another program" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_address_that_is_not_up_yet_is_worth_another_start(host: Enrolment) -> None:
    # Of the block for documentation (RFC 5737): no machine has it.
    ended = run(**host.environ(AGENT_HOST="192.0.2.7"))
    assert ended.returncode == os.EX_TEMPFAIL
    assert "AGENT_HOST" in ended.stderr


def test_a_second_agent_in_the_same_folder_is_refused(host: Enrolment) -> None:
    with own_folder(host.folder):
        ended = run(**host.environ())
    assert ended.returncode == os.EX_TEMPFAIL
    assert "another agent is running" in ended.stderr


def test_a_key_that_others_can_read_is_complained_of(host: Enrolment) -> None:
    (host.folder / "key.pem").chmod(0o644)
    process = subprocess.Popen(
        [sys.executable, "-m", "agent"],
        env=environ(**host.environ()),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "chmod 600" in _wait_until_it_listens(process)
    _stop(process)


def test_it_listens_until_it_is_told_to_stop_and_says_both_plainly(host: Enrolment) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "agent"],
        env=environ(**host.environ()),
        stderr=subprocess.PIPE,
        text=True,
    )
    said = _wait_until_it_listens(process)
    assert "the agent of web-1 listens" in said
    assert "Traceback" not in said + _stop(process)
    assert process.returncode == 0


def test_asking_for_help_loads_nothing_heavy() -> None:
    assert not _loaded("import agent.__main__") & {"fastapi", "uvicorn", "cryptography", *HEAVY}


def test_a_running_agent_has_loaded_nothing_heavy(host: Enrolment) -> None:
    settings = ", ".join(f"{name}={value!r}" for name, value in host.environ().items())
    loaded = _loaded(
        "import asyncio\n"
        "from agent.app import Server, create_config, open_agent\n"
        "from agent.parts import build_handlers\n"
        "from agent.settings import Settings\n"
        "async def look():\n"
        f"    known = Settings.load(dict({settings}))\n"
        "    async with open_agent(known, build=build_handlers) as agent:\n"
        "        Server(create_config(agent.api, agent.premises))\n"
        "asyncio.run(look())\n"
    )
    assert loaded & HEAVY == set()


def _loaded(code: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        env=environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(ended.stdout.split())


def _wait_until_it_listens(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "listens" in line:
            break
    return said


def _stop(process: subprocess.Popen[str]) -> str:
    process.terminate()
    _, said = process.communicate(timeout=60)
    return said
