from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bridge import limits
from bridge.errors import Outage
from bridge.flows.check_readiness import check_readiness


async def fine() -> str | None:
    return None


async def test_a_party_that_fails_unforeseen_is_a_problem_and_hides_no_other() -> None:
    async def strange() -> str | None:
        raise RuntimeError("nobody foresaw this")

    async def down() -> str | None:
        raise Outage("database", "the disk is full")

    readiness = await check_readiness({"store": down, "telegram": strange, "audience": fine})
    assert not readiness.is_ready
    assert readiness.problems["store"] == "database: the disk is full"
    assert readiness.problems["audience"] is None
    problem = readiness.problems["telegram"]
    assert problem is not None
    assert "RuntimeError" in problem
    assert "nobody foresaw" not in problem


async def test_a_party_that_never_answers_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEALTH_PATIENCE", timedelta(milliseconds=20))

    async def hang() -> str | None:
        await asyncio.Event().wait()
        return None

    async with asyncio.timeout(60):
        readiness = await check_readiness({"store": hang, "audience": fine})
    assert not readiness.is_ready
    assert "no answer" in (readiness.problems["store"] or "")
