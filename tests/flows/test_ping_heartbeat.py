from __future__ import annotations

import pytest

from bridge.core.readiness import Readiness
from bridge.errors import Outage
from bridge.flows.ping_heartbeat import ping_heartbeat

WELL = Readiness({"store": None, "telegram": None, "audience": None})


class Listener:
    """Counts what it hears."""

    def __init__(self, *, is_deaf: bool = False) -> None:
        self.heard = 0
        self._is_deaf = is_deaf

    async def ping(self) -> None:
        if self._is_deaf:
            raise Outage("the heartbeat's address", "answers 500")
        self.heard += 1


async def test_a_bridge_that_can_deliver_is_heard() -> None:
    listener = Listener()
    assert await ping_heartbeat(listener, readiness=WELL, is_silent=False)
    assert listener.heard == 1


@pytest.mark.parametrize(
    ("readiness", "is_silent"),
    [
        (WELL, True),
        (Readiness(), False),
        (Readiness({**WELL.problems, "audience": "nobody hears alerts"}), False),
        (Readiness({**WELL.problems, "store": "the disk is full"}), False),
    ],
)
async def test_a_bridge_that_cannot_deliver_keeps_quiet_so_that_the_outside_notices(
    readiness: Readiness, *, is_silent: bool
) -> None:
    listener = Listener()
    assert not await ping_heartbeat(listener, readiness=readiness, is_silent=is_silent)
    assert listener.heard == 0


async def test_an_outside_that_does_not_hear_is_an_outage() -> None:
    with pytest.raises(Outage, match="500"):
        await ping_heartbeat(Listener(is_deaf=True), readiness=WELL, is_silent=False)
