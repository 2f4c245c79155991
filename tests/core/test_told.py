"""What a host says of itself may be anything."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.core.told import read_login_watch, read_sessions
from tests.fakes.clock import NOON


@pytest.mark.parametrize("since", [1e14, -1e14, 253_402_300_800, -1, 1e400, "now", True, None, {}])
def test_a_moment_that_no_calendar_has_is_not_known(since: object) -> None:
    assert read_login_watch({"since": since}).since == 0
    [session] = read_sessions({"sessions": [{"since": since}]})
    assert session.since == 0


@pytest.mark.parametrize("since", [1, NOON.timestamp(), 253_402_300_799.0])
def test_a_moment_is_one_that_can_be_told(since: float) -> None:
    known = read_login_watch({"since": since}).since
    assert datetime.fromtimestamp(known, UTC).timestamp() == since
