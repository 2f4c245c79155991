"""A storm against the real bridge and a local Telegram that enforces the published limits."""

from __future__ import annotations

import pytest

from benchmarks.storm import run_storm
from benchmarks.storms import BRIDGE, Storm
from tests.live.conftest import Programs

pytestmark = pytest.mark.live


async def test_a_storm_into_a_group_of_twenty_messages_a_minute_shows_every_alert(
    programs: Programs,
) -> None:
    """How soon is measured by benchmarks/storm.py; here it only has to happen."""
    storm = Storm(
        alerts=400,
        groups=80,
        seconds=15,
        watch_seconds=40,
        patience_seconds=200,
        ways=(BRIDGE,),
        is_direct=True,
    )
    way = (await run_storm(storm, programs)).ways[BRIDGE]
    assert len(way.arrived) == storm.alerts
    assert way.lost == 0
    assert way.refused <= 1
