"""Episodes: one firing of an alert, from its beginning to its end.

    nothing known ──firing──► open ──resolved──► closed ──firing──► the next episode
                  ──resolved─► closed at once (its beginning was missed; its end is shown)

At most one episode of an alert is open at a time. An alert that is absent from a webhook is not
over: Alertmanager sends subsets after a reload. When in doubt, firing wins, because Alertmanager
0.25 was seen to fire again with the `startsAt` of an episode that had ended by timeout.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.core.alerts import Alert, Status


@dataclass(frozen=True, kw_only=True)
class Episode:
    """What we hold of one firing of one alert."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    started_at: datetime
    ended_at: datetime | None
    generator_url: str = ""
    fingerprint: str = ""

    @property
    def is_open(self) -> bool:
        """Say whether it still fires."""
        return self.ended_at is None


class Step(enum.Enum):
    """What one report of an alert does to what we hold."""

    BEGIN = "begin"
    """A new episode, open or already over."""
    CHANGE = "change"
    """The latest episode gets other facts, or ends."""
    KEEP = "keep"
    """Nothing that we did not know."""


def fold(latest: Episode | None, alert: Alert) -> tuple[Step, Episode]:
    """Decide what a report means, given the latest episode of the same alert."""
    if alert.status is Status.FIRING:
        return _fold_firing(latest, alert)
    return _fold_resolved(latest, alert)


def _fold_firing(latest: Episode | None, alert: Alert) -> tuple[Step, Episode]:
    if latest is None:
        return Step.BEGIN, _begin(alert)
    if latest.is_open:
        return _changed(latest, _with_facts(latest, alert, ended_at=None))
    # Older than the episode that has already ended: a late report, proven stale.
    if alert.started_at < latest.started_at:
        return Step.KEEP, latest
    return Step.BEGIN, _begin(alert)


def _fold_resolved(latest: Episode | None, alert: Alert) -> tuple[Step, Episode]:
    if latest is None:
        return Step.BEGIN, _begin(alert)
    ended_at = alert.ended_at or alert.started_at
    if latest.is_open:
        # An end before the beginning belongs to an earlier episode.
        if ended_at < latest.started_at:
            return Step.KEEP, latest
        return Step.CHANGE, _with_facts(latest, alert, ended_at=ended_at)
    # An episode that lies wholly after the one we know began and ended unseen.
    if latest.ended_at is not None and alert.started_at >= latest.ended_at:
        return Step.BEGIN, _begin(alert)
    return Step.KEEP, latest


def _begin(alert: Alert) -> Episode:
    return Episode(
        labels=alert.labels,
        annotations=alert.annotations,
        started_at=alert.started_at,
        ended_at=alert.ended_at,
        generator_url=alert.generator_url,
        fingerprint=alert.fingerprint,
    )


def _with_facts(latest: Episode, alert: Alert, *, ended_at: datetime | None) -> Episode:
    """Take the report's facts; replicas may know an earlier beginning, never a later one."""
    return replace(
        latest,
        annotations=alert.annotations or latest.annotations,
        started_at=min(latest.started_at, alert.started_at),
        ended_at=ended_at,
        generator_url=alert.generator_url or latest.generator_url,
        fingerprint=alert.fingerprint or latest.fingerprint,
    )


def _changed(before: Episode, after: Episode) -> tuple[Step, Episode]:
    return (Step.KEEP, before) if after == before else (Step.CHANGE, after)
