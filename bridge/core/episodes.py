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
    after: datetime | None = None
    """When the episode before it ended; None for the first one of an alert."""
    claimed_at: datetime | None = None
    """The `startsAt` that began it, where its beginning is another.

    Alertmanager may fire again with the old `startsAt`; the end before is then the true beginning.
    And a clock that runs ahead may claim a beginning that is still to come; the claim is then taken
    for the moment we heard it, or every later firing would look old.
    """
    restarted_at: datetime | None = None
    """The latest `startsAt` reported while it was open, where that is not its beginning.

    Either members of a cluster differ by moments, or it ended and fired again unseen: an end that
    lies before this is then not the end of what fires now.
    """

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
        if _is_of_the_one_before(latest, alert):
            return Step.KEEP, latest
        return _changed(latest, _with_facts(latest, alert, ended_at=None))
    # Older than what the episode that has ended itself claimed: a late report, proven stale.
    if alert.started_at < (latest.claimed_at or latest.started_at):
        return Step.KEEP, latest
    return Step.BEGIN, _begin_again(latest, alert)


def _fold_resolved(latest: Episode | None, alert: Alert) -> tuple[Step, Episode]:
    if latest is None:
        return Step.BEGIN, _begin(alert)
    ended_at = alert.ended_at or alert.started_at
    if latest.is_open:
        # An end before the beginning belongs to an earlier episode.
        begun_at = latest.restarted_at or latest.claimed_at or latest.started_at
        if ended_at < begun_at or (latest.after and ended_at <= latest.after):
            return Step.KEEP, latest
        return Step.CHANGE, _with_facts(latest, alert, ended_at=ended_at)
    # An episode that lies wholly after the one we know began and ended unseen.
    if latest.ended_at is not None and alert.started_at >= latest.ended_at < ended_at:
        return Step.BEGIN, _begin_again(latest, alert)
    return Step.KEEP, latest


def _is_of_the_one_before(latest: Episode, alert: Alert) -> bool:
    """Say whether a late report tells of an earlier firing than the one that is open."""
    if latest.after is None or alert.started_at >= latest.after:
        return False
    return alert.started_at != latest.claimed_at


def _begin(alert: Alert) -> Episode:
    credible = _not_after_hearing(alert.started_at, alert)
    return Episode(
        labels=alert.labels,
        annotations=alert.annotations,
        started_at=alert.started_at,
        ended_at=alert.ended_at,
        generator_url=alert.generator_url,
        fingerprint=alert.fingerprint,
        claimed_at=credible if credible != alert.started_at else None,
    )


def _begin_again(before: Episode, alert: Alert) -> Episode:
    if before.ended_at is None:
        return _begin(alert)
    after = _not_after_hearing(before.ended_at, alert)
    begun = replace(_begin(alert), after=after)
    if alert.started_at >= after:
        return begun
    return replace(begun, started_at=after, claimed_at=alert.started_at)


def _not_after_hearing(moment: datetime, alert: Alert) -> datetime:
    """Bring a moment that only a wrong clock can name down to when we heard of it."""
    return min(moment, alert.received_at) if alert.received_at else moment


def _with_facts(latest: Episode, alert: Alert, *, ended_at: datetime | None) -> Episode:
    """Take the report's facts; replicas may know an earlier beginning, never a later one."""
    started_at = min(latest.started_at, alert.started_at)
    if latest.after:
        started_at = max(started_at, latest.after)
    reported_at = _not_after_hearing(alert.started_at, alert)
    newest = max(latest.restarted_at or latest.claimed_at or latest.started_at, reported_at)
    return replace(
        latest,
        restarted_at=newest if newest > started_at else None,
        annotations=alert.annotations or latest.annotations,
        started_at=started_at,
        ended_at=ended_at,
        generator_url=alert.generator_url or latest.generator_url,
        fingerprint=alert.fingerprint or latest.fingerprint,
    )


def _changed(before: Episode, after: Episode) -> tuple[Step, Episode]:
    return (Step.KEEP, before) if after == before else (Step.CHANGE, after)
