"""A newcomer's first minutes: one command, a chat page, an outage and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.stack.binaries import PROGRAMS
from tests.live.conftest import real, until
from tests.programs import ROOT

pytestmark = pytest.mark.live

PAGE = re.compile(r"chat page: (http://127\.0\.0\.1:\d+)/#token=(\S+)")
START_SECONDS = 240  # the packages come over a shared line; the goal of 60 s is in benchmarks/
CARD_SECONDS = 105  # the promise: exporter stopped → card
END_SECONDS = CALM_SECONDS = 240  # a busy machine takes minutes for it


def copy_project(folder: Path) -> Path:
    """Copy what a clone would hold, as the files are now."""
    target = folder / "opswire"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        # One that another test has laid there may be gone again.
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(source, target / name)
    return target


def put_thresholds_out_of_reach(project: Path) -> None:
    """Let no card tell of what else keeps this machine busy or has filled its disk."""
    rules = project / "prometheus" / "rules" / "hosts.yml"
    text, count = re.subn(r"expr: [0-9.]+ (\* group by)", r"expr: 1e9 \1", rules.read_text())
    assert count == 4, "of processors, memory, disk and load"
    rules.write_text(text)


def put_on_path(generation: str, folder: Path) -> str:
    """Let a start find the programs of one generation on its PATH."""
    folder.mkdir()
    for name in PROGRAMS:
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{real(generation, name)}" "$@"\n')
        script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@asynccontextmanager
async def started(project: Path, path: str) -> AsyncIterator[tuple[str, str]]:
    """Run ./start.sh with nothing set, and answer the page's address and token."""
    log = project.parent / "start.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            "./start.sh",
            "--native",  # an engine that happens to run here is tested elsewhere
            cwd=project,
            env={**os.environ, "PATH": path},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:

        async def page_is_printed() -> bool:
            assert process.returncode is None, log.read_text()
            return PAGE.search(log.read_text()) is not None

        await until(page_is_printed, seconds=START_SECONDS)
        found = PAGE.search(log.read_text())
        assert found is not None
        yield found[1], found[2]
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), END_SECONDS)


@dataclass(frozen=True)
class Terminal:
    """Another terminal in the project's folder, with the same PATH."""

    project: Path
    path: str

    async def say(self, *words: str) -> str:
        """Call start.sh for something that must succeed."""
        code, said = await self.call(*words)
        assert code == 0, said
        return said

    async def call(self, *words: str) -> tuple[int | None, str]:
        """Call start.sh: exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            "./start.sh",
            *words,
            cwd=self.project,
            env={**os.environ, "PATH": self.path},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        return process.returncode, said


def test_the_shipped_waits_leave_five_of_the_105_seconds_that_a_card_may_take() -> None:
    """The next test measures it once; these say that it holds at the worst moment to begin."""
    prometheus = (ROOT / "prometheus" / "prometheus.yml").read_text()
    rules = (ROOT / "prometheus" / "rules" / "alerts.yml").read_text()
    waits = (
        (r"scrape_interval: (\d+)s", prometheus, 1),
        (r"evaluation_interval: (\d+)s", prometheus, 1),
        (r"alert: AgentDown\n.*\n\s+for: (\d+)m", rules, 60),
        (r"group_wait: (\d+)s", (ROOT / "alertmanager" / "alertmanager.yml").read_text(), 1),
    )
    total = 0
    for pattern, text, seconds in waits:
        found = re.search(pattern, text)
        assert found is not None, pattern
        total += int(found[1]) * seconds
    assert total <= 100


async def test_one_command_leads_to_a_page_and_a_stopped_exporter_to_a_card_and_its_end(
    generation: str, tmp_path: Path
) -> None:
    project = copy_project(tmp_path)
    put_thresholds_out_of_reach(project)
    path = put_on_path(generation, tmp_path / "bin")
    terminal = Terminal(project, path)
    async with (
        started(project, path) as (url, token),
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as page,
    ):
        assert "<title>" in (await page.get("/")).text
        bearer = {"Authorization": f"Bearer {token}"}

        async def cards() -> list[Any]:
            answer = await page.get("/control/chats/-2001/messages", headers=bearer)
            return [message for message in answer.json()["messages"] if message["from"]["is_bot"]]

        assert await cards() == []

        async def doctor_is_content() -> bool:
            # Prometheus may have asked the bridge before it was up; it asks again in 15 s.
            code, said = await terminal.call("doctor")
            return code == 0 and "✗" not in said

        await until(doctor_is_content, seconds=CALM_SECONDS, step=2)
        assert "card" in await terminal.say("stop", "node_exporter")
        await until(cards, seconds=CARD_SECONDS)
        [card] = await cards()
        assert card["rings"]
        for word in ("🔴 FIRING", "Server", "AgentDown", "node_exporter", "critical", "since "):
            assert word in card["text"]
        await terminal.say("start", "node_exporter")

        async def is_over() -> bool:
            return "RESOLVED" in (await cards())[0]["text"]

        await until(is_over, seconds=CALM_SECONDS)
        [card] = await cards()
        assert card["edits"] == 1
        assert "lasted" in card["text"]
    assert "nothing runs" in (await terminal.call("status"))[1]
