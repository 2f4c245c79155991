"""Whatever happens, nothing is lost and everything shown is true in the end."""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.store.histories import History
from tests.store.stage import ADA, BOB, OPS, Stage

SEEDS = range(int(os.environ.get("HISTORIES", "8")))


@pytest.mark.parametrize("seed", SEEDS)
async def test_in_any_history_every_alert_is_accounted_for_and_shown_as_it_is_in_the_end(
    stage: Stage, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - a history, no secret
    stage.hear(subscribed=(OPS, ADA), fallback=BOB if seed % 2 else None)
    history = History(stage, chance)
    history.begin(groups=chance.choice((3, 12, 40)), members=chance.choice((1, 4, 12)))
    await history.run(steps=150)
    await history.settle_down()
    await history.judge()
