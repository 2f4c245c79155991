"""How the bridge itself is, for `/stats`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bridge import __version__
from bridge.core.readiness import Readiness
from bridge.core.stats import StatsFacts
from bridge.metrics import Metrics
from bridge.store.people import People
from bridge.stores import Stores


async def tell_stats(
    stores: Stores,
    metrics: Metrics,
    people: People,
    *,
    readiness: Callable[[], Readiness],
    started_at: datetime,
) -> StatsFacts:
    """Gather queues, deliveries and health."""
    backlog = await stores.journal.backlog()
    depth = await stores.outbox.depth()
    oldest = [at for at in (depth.oldest, backlog.oldest) if at is not None]
    broken = await stores.destinations.broken()
    return StatsFacts(
        version=__version__,
        started_at=started_at,
        checks=readiness().problems,
        waiting=depth.waiting + backlog.webhooks,
        unheard=depth.unheard,
        oldest=min(oldest, default=None),
        unaccounted=(await stores.records.balance()).total,
        sends=metrics.sums(metrics.sends, "outcome"),
        commands=sum(metrics.sums(metrics.commands, "outcome").values()),
        alerts=sum(metrics.sums(metrics.alerts, "status").values()),
        hearing=len(await stores.chats.find_subscribed()),
        broken={str(each): reason for each, reason in broken.items()},
        people=len(await people.all()),
    )
