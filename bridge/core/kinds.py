"""What alerts are about: the kinds that a chat may switch off, and those that a chart can show."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from bridge.core.cards import CardFacts


class AlertKind(enum.Enum):
    """What an alert is about, by the word that people type."""

    CPU = "cpu"
    MEM = "mem"
    DISK = "disk"
    SWAP = "swap"
    LOAD = "load"
    DOWN = "down"
    """Something does not answer."""
    LOGIN = "login"
    """Somebody logs in on a host, leaves it, or is refused."""
    OTHER = "other"


CHARTABLE: Final = frozenset({AlertKind.CPU, AlertKind.MEM, AlertKind.DISK, AlertKind.LOAD})
"""Kinds with a chart of their own."""

_RESOURCES: Final = {
    "cpu": AlertKind.CPU,
    "mem": AlertKind.MEM,
    "memory": AlertKind.MEM,
    "disk": AlertKind.DISK,
    "filesystem": AlertKind.DISK,
    "swap": AlertKind.SWAP,
    "load": AlertKind.LOAD,
    "login": AlertKind.LOGIN,
}
"""Values of the label `resource`, by which our rules say what runs short."""
_DOWN: Final = "Down"


def kind_of(labels: Mapping[str, str]) -> AlertKind:
    """Say what an alert is about.

    The label `resource` says so, and a name that ends in `Down`. Nothing is guessed from other
    names: what is taken for a kind that a chat has switched off would not be heard there.
    """
    resource = labels.get("resource", "").casefold()
    if resource in _RESOURCES:
        return _RESOURCES[resource]
    return AlertKind.DOWN if labels.get("alertname", "").endswith(_DOWN) else AlertKind.OTHER


class ChartSubject(NamedTuple):
    """Which chart shows what is behind an alert."""

    host: str
    kind: AlertKind
    started_at: datetime
    ended_at: datetime | None
    """When the alert was over; None while it fires."""


def choose_chart(facts: CardFacts) -> ChartSubject | None:
    """Choose the chart behind a card: that of its first alert which has one; None without any."""
    for member in facts.members:
        host, kind = member.labels.get("host", ""), kind_of(member.labels)
        if host and kind in CHARTABLE:
            return ChartSubject(host, kind, member.started_at, member.ended_at)
    return None
