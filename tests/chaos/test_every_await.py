"""A bridge ends at every await, and at statements all along, and what it promised is shown."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.chaos.bridges import Nursery
from tests.chaos.points import Outcome, open_ground, render_outcome, sweep

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]
# The long form ends a bridge at every one; here as many as half a minute allows.
AWAITS, STATEMENTS = 45, 8


async def swept(kind: str, most: int, nursery: Nursery, folder: Path) -> list[Outcome]:
    async with AsyncExitStack() as stack:
        places = [folder / str(number) for number in range(2)]
        grounds = [await stack.enter_async_context(open_ground(nursery, each)) for each in places]
        return await sweep(kind, grounds, most=most)


async def test_a_bridge_that_ends_at_any_await_has_lost_nothing(
    nursery: Nursery, tmp_path: Path
) -> None:
    outcomes = await swept("await", AWAITS, nursery, tmp_path)
    assert [render_outcome("await", each) for each in outcomes if not each.is_sound] == []
    ended_in = {each.where.partition(":")[0].rpartition("/")[0] for each in outcomes if each.where}
    assert {"/clients", "/store"} <= ended_in


async def test_a_bridge_that_ends_inside_a_transaction_has_lost_nothing(
    nursery: Nursery, tmp_path: Path
) -> None:
    outcomes = await swept("statement", STATEMENTS, nursery, tmp_path)
    assert [render_outcome("statement", each) for each in outcomes if not each.is_sound] == []
    assert sum(bool(each.where) for each in outcomes) > STATEMENTS / 2
