"""Rounds of chaos, one of each kind; `python -m tests.chaos` plays as many as one likes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.__main__ import render_tally
from tests.chaos.bridges import Nursery
from tests.chaos.rounds import run_round
from tests.chaos.troubles import Trouble

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]
SECONDS = 1.2  # how long things go wrong
SIDE_BY_SIDE = 4
KINDS = list(Trouble)
SEEDS = [range(at, min(at + SIDE_BY_SIDE, len(KINDS))) for at in range(0, len(KINDS), SIDE_BY_SIDE)]


@pytest.mark.parametrize(
    "seeds", SEEDS, ids=lambda seeds: ", ".join(KINDS[seed].name.lower() for seed in seeds)
)
async def test_every_alert_is_shown_as_it_is_whatever_goes_wrong(
    nursery: Nursery, tmp_path: Path, seeds: range
) -> None:
    tallies = await asyncio.gather(
        *(run_round(seed, nursery, tmp_path / str(seed), seconds=SECONDS) for seed in seeds)
    )
    assert [render_tally(each) for each in tallies if not each.is_sound] == []
