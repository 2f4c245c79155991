"""The outside is told that the bridge lives and can deliver."""

from __future__ import annotations

from typing import Protocol

from bridge.core.readiness import Readiness
from bridge.core.watchdog import may_vouch


class Heartbeat(Protocol):
    """Somebody outside who notices when nothing comes."""

    async def ping(self) -> None:
        """Raise Outage unless it was heard."""
        ...


async def ping_heartbeat(heartbeat: Heartbeat, *, readiness: Readiness, is_silent: bool) -> bool:
    """Ping, but only while alerts get through; answer whether it did.

    Raises:
        Outage: nobody heard it.
    """
    if not may_vouch(readiness, is_silent=is_silent):
        return False
    await heartbeat.ping()
    return True
