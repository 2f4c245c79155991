"""The agent's own figures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.metrics import Metrics
from agent.parts import build_handlers
from agent.policy import Ceiling
from tests.agent.parties import TOKEN, caller, enrol_host, running

LEVELS = [each.value for each in Ceiling]


def test_the_ceiling_that_is_shown_is_the_one_of_this_moment() -> None:
    owner = {"says": "actions"}
    metrics = Metrics("1")
    metrics.watch_ceiling(LEVELS, lambda: owner["says"])
    for word in ("actions", "monitor", "shell"):
        owner["says"] = word
        figures = metrics.render().decode()
        shown = [
            f'opswire_agent_ceiling{{level="{each}"}} {float(each == word)}' for each in LEVELS
        ]
        assert all(line in figures for line in shown)


def test_the_ceiling_is_read_once_whenever_somebody_asks() -> None:
    asked: list[str] = []

    def read() -> str:
        asked.append("asked")
        return "actions"

    metrics = Metrics("1")
    metrics.watch_ceiling(LEVELS, read)
    assert asked == []
    metrics.render()
    assert asked == ["asked"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a ceiling belongs to root")
async def test_an_owner_who_lowers_the_ceiling_is_believed_without_any_order(
    tmp_path: Path,
) -> None:
    host, ceiling = enrol_host(tmp_path / "agent"), tmp_path / "ceiling"
    agent = running(
        host,
        build_handlers,
        AGENT_CEILING_FILE=str(ceiling),
        AGENT_ROOT_SOCKET=str(tmp_path / "none.sock"),
    )
    async with agent, caller(host, tmp_path) as client:
        for word in ("", "monitor\n", "shell\n", "nonsense\n"):
            if word:
                ceiling.write_text(word)
                ceiling.chmod(0o644)
            answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
            level = {"": "actions", "nonsense": "monitor"}.get(word.strip(), word.strip())
            assert f'opswire_agent_ceiling{{level="{level}"}} 1.0' in answer.text
