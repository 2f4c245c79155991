"""What the manual says to type beside a running stack, typed beside a running stack."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.live.conftest import until
from tests.live.test_first_light import Terminal, copy_project, put_on_path, started

pytestmark = pytest.mark.live

CALM_SECONDS = 240  # a busy machine takes minutes until everything has looked at everything
ADDRESS = re.compile(r"✓ bridge +(127\.0\.0\.1:\d+)")


async def test_what_the_manual_says_to_type_beside_a_running_stack_works(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    path = put_on_path("stable", tmp_path / "bin")
    terminal = Terminal(project, path)
    async with started(project, path):
        said = ""

        async def doctor_is_content() -> bool:
            nonlocal said
            code, said = await terminal.call("doctor")
            return code == 0

        with contextlib.suppress(TimeoutError):
            await until(doctor_is_content, seconds=CALM_SECONDS, step=2)
        assert "everything is well" in said
        said = await terminal.say("test-alert", "critical")
        assert "the bridge has its end" in said
        found = ADDRESS.search(await terminal.say("status"))
        assert found is not None
        ready = await type_there(project, f"curl -s http://{found[1]}/readyz")
        assert '"status":"ready"' in ready
        assert "1001" in await terminal.say("console", "people", "list")
        assert "-2001" in await terminal.say("console", "chats", "list")
        backup = str(tmp_path / "opswire.zip")
        assert f"{backup} holds" in await terminal.say("console", "backup", backup)
        await terminal.say("stop", "bridge")
        said = await terminal.say("console", "restore", "--dry-run", backup)
        assert "Nothing was changed" in said
        assert "All of it is back" in await terminal.say("console", "restore", backup)
        assert "bridge is up" in await terminal.say("start", "bridge")
        assert "sound" in await terminal.say("console", "audit", "verify")
        await terminal.say("down")
        assert "nothing runs" in (await terminal.call("status"))[1]


async def type_there(project: Path, line: str) -> str:
    """Type a line in the project's folder; it has to succeed."""
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", line],
        cwd=project,
        env={"PATH": os.environ["PATH"], "HOME": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)
