"""A webhook becomes rows; the row is the promise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bridge.core.alerts import Notification, parse_webhook
from bridge.core.audience import Destination, choose_audience


class Outbox(Protocol):
    """Keeps what shall be shown."""

    async def put(
        self, notification: Notification, audience: Sequence[Destination], *, now: datetime
    ) -> None:
        """Return once it is on disk."""
        ...


async def receive_alerts(
    body: object,
    *,
    addressed: Destination | None,
    subscribed: Sequence[Destination],
    outbox: Outbox,
    now: datetime,
) -> Notification:
    """Read a webhook, choose who hears it, and keep it; whoever sent it may forget it then.

    Raises:
        Mistake: the body is of another version.
        Outage: it could not be kept.
    """
    notification = parse_webhook(body, now)
    if notification.alerts or notification.unreadable:
        await outbox.put(notification, choose_audience(subscribed, addressed), now=now)
    return notification
