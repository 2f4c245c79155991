"""A storm to let loose, and what each way made of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from math import inf

from benchmarks.bridges import GROUP
from benchmarks.outage import Key, read_keys
from benchmarks.printing import share_of
from benchmarks.telegrams import ChatLog

NATIVE, BRIDGE = "native", "bridge"
FIRST_CRITICAL_SECONDS, VISIBLE_SECONDS = 3.0, 10.0  # the bars


@dataclass(frozen=True, kw_only=True)
class Storm:
    """What is measured."""

    alerts: int = 2000
    groups: int = 300
    seconds: float = 60
    watch_seconds: float = 120
    """For how long the chats are watched."""
    patience_seconds: float = 0
    """How much longer they are watched for what is not visible yet."""
    seed: int = 7
    ways: tuple[str, ...] = (NATIVE, BRIDGE)
    is_direct: bool = False
    generation: str = "stable"
    """Of Alertmanager: `stable` is 0.25, `current` 0.33."""
    group_wait: int = 1
    group_interval: int = 5
    native_chat: int = GROUP


@dataclass
class Way:
    """What one way has shown."""

    name: str
    began: float
    planned: Collection[Key]
    critical: Key
    log: ChatLog
    arrived: dict[Key, float] = field(default_factory=dict)
    """When each alert reached the receivers, in seconds since the epoch."""
    seen: dict[Key, float] = field(default_factory=dict)
    """When each alert came to be visible, in seconds since the epoch."""

    def read(self, text: str, is_caption: bool, at: float) -> None:  # noqa: FBT001 - a callback
        """Note what a text shows."""
        for key in read_keys(text, is_caption=is_caption):
            if key in self.planned:
                self.seen.setdefault(key, at)

    @property
    def waits(self) -> list[float]:
        """Seconds from arrival to being visible, in order; endless for what was never visible."""
        return sorted(map(self.wait_of, self.arrived))

    @property
    def first_critical(self) -> float:
        """Seconds until the first critical alert was visible."""
        return self.wait_of(self.critical)

    @property
    def lost(self) -> int:
        """How many alerts arrived and were never visible."""
        return len(self.arrived.keys() - self.seen.keys())

    @property
    def refused(self) -> int:
        """How many calls were answered 429."""
        return len(self.log.refused)

    def wait_of(self, key: Key) -> float:
        """Give the seconds from an alert's arrival to its being visible."""
        if key not in self.arrived or key not in self.seen:
            return inf
        return max(0.0, self.seen[key] - self.arrived[key])

    def share_of_waits(self, share: float) -> float:
        """Give the seconds within which that share of the alerts was visible."""
        return share_of(self.waits, share) if self.arrived else inf

    def visible_after(self, seconds: float) -> int:
        """Count the alerts visible so long after the storm began."""
        return sum(at - self.began <= seconds for at in self.seen.values())

    def groups_visible_after(self, seconds: float) -> int:
        """Count the groups of which anything was visible so long after the storm began."""
        return len({host for (host, _), at in self.seen.items() if at - self.began <= seconds})

    def problems(self) -> list[str]:
        """Say which bars do not hold."""
        first, worst = self.first_critical, self.share_of_waits(1.0)
        found = {
            f"{self.lost} alerts were never visible": self.lost > 0,
            f"the first critical alert: {write_seconds(first)}": first > FIRST_CRITICAL_SECONDS,
            f"the slowest alert: {write_seconds(worst)}": worst > VISIBLE_SECONDS,
            f"{self.refused} calls were answered 429": self.refused > 1,
        }
        return [sentence for sentence, is_so in found.items() if is_so]


@dataclass(frozen=True)
class StormResult:
    """The figures of a storm, a way each."""

    storm: Storm
    ways: dict[str, Way]


def write_seconds(value: float) -> str:
    """Write a span, or that there is none."""
    return "never" if value == inf else f"{value:.2f} s"
