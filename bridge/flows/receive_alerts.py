"""A webhook becomes a row of the journal; the row is the promise."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bridge.core.alerts import count_members, require_version
from bridge.core.audience import Destination


class Journal(Protocol):
    """Keeps webhooks as they came."""

    async def put(
        self, body: bytes, *, addressed: Destination | None, source: str, now: datetime
    ) -> None:
        """Return once it is on disk."""
        ...


async def receive_alerts(
    body: bytes,
    decoded: object,
    *,
    addressed: Destination | None,
    source: str,
    journal: Journal,
    now: datetime,
) -> int:
    """Keep a webhook and answer how many members it has; whoever sent it may forget it then.

    What the members say is read afterwards: the answer does not wait for it.

    Raises:
        Mistake: the body is of another version.
        Outage: it could not be kept.
    """
    require_version(decoded)
    members = count_members(decoded)
    if members:
        await journal.put(body, addressed=addressed, source=source, now=now)
    return members
