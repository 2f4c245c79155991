"""The books: whether every alert is accounted for, the figures, and letting go of what is old."""

from __future__ import annotations

from datetime import timedelta

from bridge.clock import Clock
from bridge.errors import Outage
from bridge.logs import create_log
from bridge.metrics import Metrics
from bridge.stores import Stores

_log = create_log(__name__)


class Books:
    """Keeps account of what was taken in and what became of it."""

    def __init__(
        self, stores: Stores, *, metrics: Metrics, clock: Clock, retention: timedelta
    ) -> None:
        self._records = stores.records
        self._journal = stores.journal
        self._outbox = stores.outbox
        self._metrics = metrics
        self._clock = clock
        self._retention = retention

    async def balance(self) -> None:
        """Account for every alert."""
        account = await self._records.balance()
        self._metrics.unaccounted.set(account.total)
        if account.total:
            _log.error("alerts are not accounted for", action="balance", account=str(account))
        self._metrics.unwanted.set((await self._records.unwanted()).alerts)

    async def purge(self) -> None:
        """Let go of old records."""
        before = self._clock.now() - self._retention
        while await self._records.purge(before=before):
            pass

    async def figures(self) -> bytes:
        """Write all metrics as they are now."""
        try:
            # The way in first: what is folded between the two looks is counted twice, not never.
            backlog = await self._journal.backlog()
            depth = await self._outbox.depth()
            await self.balance()
        except Outage:
            self._metrics.forget_depth()
        else:
            now = self._clock.now()
            oldest = [at for at in (depth.oldest, backlog.oldest) if at is not None]
            age = now - min(oldest, default=now)
            waiting = depth.waiting + backlog.webhooks
            self._metrics.note_depth(waiting, depth.unheard, age.total_seconds())
        return self._metrics.render()
