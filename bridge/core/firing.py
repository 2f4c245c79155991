"""What fires now, as somebody who asks is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.core.alerts import Severity
from bridge.core.cards import Member


@dataclass(frozen=True, kw_only=True)
class FiringAlert:
    """One alert that fires."""

    member: Member
    acked_by: str = ""
    """Who has said that they see to it; empty where nobody has."""


@dataclass(frozen=True, kw_only=True)
class FiringFacts:
    """Everything that fires and exists for whoever asks."""

    alerts: tuple[FiringAlert, ...]
    """The worst first, then the newest; no more than was asked for."""
    counts: Mapping[Severity, int]
    """How many fire, by severity, those left out among them."""
    muted: int = 0
    """Of those, how many Alertmanager keeps quiet about."""
    host: str = ""
    """The one host that was asked about; empty for all."""

    @property
    def total(self) -> int:
        """How many fire."""
        return sum(self.counts.values())

    @property
    def left_out(self) -> int:
        """How many fire beyond those given."""
        return self.total - len(self.alerts)
