"""What is watched beside the delivery: the pipeline before us, and Telegram behind us."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta

from bridge import limits
from bridge.clock import Clock
from bridge.core.cards import CardFacts
from bridge.core.outbox import Failed, Sent, Verdict
from bridge.core.readiness import Readiness
from bridge.core.reconciling import Memory
from bridge.core.second_way import Digest, SecondWay
from bridge.core.watchdog import Watchdog
from bridge.flows.ping_heartbeat import ping_heartbeat
from bridge.flows.reconcile_alerts import reconcile_alerts
from bridge.flows.send_elsewhere import Confirm, Pen, send_elsewhere
from bridge.flows.watch_pipeline import watch_pipeline
from bridge.logs import create_log
from bridge.parties import Watched
from bridge.settings import Settings
from bridge.store.cards import touch_cards_of
from bridge.store.reconciling import Reconciling
from bridge.store.state import State
from bridge.stores import Stores
from bridge.views.renderer import MessageRenderer

Step = tuple[str, timedelta, Callable[[], Awaitable[object]]]
"""A name for the log, how often, and what is done."""
_log = create_log(__name__)


class Watch:
    """Keeps an eye on everything that could fail without a sound."""

    def __init__(
        self,
        settings: Settings,
        watched: Watched,
        stores: Stores,
        *,
        clock: Clock,
        renderer: MessageRenderer,
        confirm: Confirm,
        wake: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._watched = watched
        self._stores = stores
        self._clock = clock
        self._renderer = renderer
        self._confirm = confirm
        self._wake = wake
        self._state = State(stores.database)
        self._episodes = Reconciling(stores.database, touch_cards_of, stores.hearing)
        self._memory = Memory()
        self._troubles: tuple[str, ...] = ()
        self._watchdog = Watchdog(settings.watchdog_patience)
        self._second_way = SecondWay(settings.notify_after)
        self._readiness = Readiness()
        self._chance = random.Random()  # noqa: S311 - jitter, no secret

    @property
    def steps(self) -> list[Step]:
        """List what the clock has to drive, once the store is open."""
        steps: list[Step] = [("watchdog", limits.WATCHDOG_PASS, self._watch_pipeline)]
        if self._watched.alertmanagers:
            steps.append(("reconcile", limits.RECONCILE_PASS, self._reconcile))
        if self._watched.second_ways is not None:
            steps.append(("second_way", limits.SECOND_WAY_PASS, self._send_elsewhere))
        if self._watched.heartbeat is not None:
            steps.append(("heartbeat", limits.HEARTBEAT_PASS, self._ping))
        return steps

    @property
    def is_pipeline_silent(self) -> bool:
        """Say whether alerts may no longer reach us."""
        return self._watchdog.is_silent

    def note_pipelines(self, pipelines: Iterable[str]) -> None:
        """Learn that the Watchdog of these fires."""
        for pipeline in pipelines:
            self._watchdog.saw(self._clock.now(), pipeline)

    def note_verdict(self, verdict: Verdict) -> None:
        """Learn from an attempt to show a message."""
        failed = verdict.reason and Failed(verdict.reason)
        self._second_way.note_outcome(failed or Sent(0), self._clock.now())

    def note_readiness(self, readiness: Readiness) -> None:
        """Learn from a look at everything we depend on."""
        self._readiness = readiness
        is_well = not readiness.problems.get("telegram", "not asked")
        self._second_way.note_probe(self._clock.now(), is_well=is_well)

    async def _watch_pipeline(self) -> None:
        await watch_pipeline(
            self._watchdog,
            memory=self._state,
            notices=self._stores.destinations,
            now=self._clock.now(),
        )
        self._wake()

    async def _reconcile(self) -> None:
        done = await reconcile_alerts(
            self._memory,
            alertmanagers=self._watched.alertmanagers,
            episodes=self._episodes,
            journal=self._stores.journal,
            now=self._clock.now(),
        )
        self._memory = done.memory
        if done.troubles != self._troubles:
            self._troubles = done.troubles
            for trouble in done.troubles:
                _log.warning(trouble, action="reconcile")
        if done.ended or done.missed or done.mutings:
            _log.info(
                "put right what webhooks had not told",
                action="reconcile",
                ended=done.ended,
                missed=done.missed,
                muted=len(done.mutings),
            )
            self._wake()

    async def _send_elsewhere(self) -> None:
        if self._watched.second_ways is None:
            return
        await send_elsewhere(
            self._second_way,
            queue=self._stores.outbox,
            ways=self._watched.second_ways,
            pen=Pen(self._confirm, self._render_digest),
            notices=self._stores.destinations,
            memory=self._state,
            clock=self._clock.now,
            chance=self._chance.random,
        )
        self._wake()

    def _render_digest(self, facts: Sequence[CardFacts], now: datetime) -> Digest:
        return self._renderer.render_digest(
            facts,
            limit=limits.DIGEST_CHARACTERS,
            language=self._settings.language,
            zone=self._settings.timezone,
            now=now,
        )

    async def _ping(self) -> None:
        if self._watched.heartbeat is not None:
            await ping_heartbeat(
                self._watched.heartbeat,
                readiness=self._readiness,
                is_silent=self._watchdog.is_silent,
            )
