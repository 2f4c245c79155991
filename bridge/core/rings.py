"""Rings: the short replies that make a phone sound when a standing card gets worse.

An edit makes no sound, so a new firing alert in a card that is already shown needs a message of
its own. A new card is itself the ring.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridge.core.alerts import Severity
from bridge.core.cards import Member

EVERY_SEVERITY = frozenset(Severity)


class RingKind(enum.Enum):
    """Why the phone sounds, the most urgent first."""

    NEW = "new"
    """Alerts that fire since now."""
    WORSE = "worse"
    """Alerts that fired already and are now of a worse severity."""
    REPEAT = "repeat"
    """Alertmanager says again that it all still fires."""
    STORM = "storm"
    """New alerts that only the board shows."""
    RESOLVED = "resolved"
    """Everything in the card is over; rings only where the owner asks for it."""


@dataclass(frozen=True, kw_only=True)
class RingFacts:
    """What a ring says; `members` are those it is about and that still fire, the worst first."""

    kind: RingKind
    members: tuple[Member, ...]
    firing: int
    """How many alerts of the card, or of the board, fire in all."""
    at: datetime
    """When the news came."""


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """Which severities sound when; what does not sound is shown silently."""

    new: Collection[Severity] = field(default=EVERY_SEVERITY)
    worse: Collection[Severity] = field(default=EVERY_SEVERITY)
    repeat: Collection[Severity] = field(default=frozenset({Severity.CRITICAL}))
    resolved: Collection[Severity] = field(default=frozenset())


def is_worse(labels: Mapping[str, str], others: Iterable[Mapping[str, str]]) -> bool:
    """Say whether this alert is one of the others, but for a milder severity there.

    Two rules of one name that differ in their threshold and severity are two alerts to Prometheus
    and one that got worse to a person.
    """
    rank = Severity.of(labels).rank
    bare = _without_severity(labels)
    return any(
        Severity.of(other).rank > rank and _without_severity(other) == bare for other in others
    )


def worst(severities: Sequence[Severity]) -> Severity:
    """Find the worst of some severities."""
    return min(severities, key=lambda each: each.rank, default=Severity.OTHER)


def _without_severity(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "severity"}
