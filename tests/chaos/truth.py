"""What really happens in a round: which alerts fire and end, and when. Drawn by a seed.

Each group goes through turns. In a turn some of its alerts change, each once, so that whatever is
reported of one turn agrees, in any order. The next turn begins when all has been accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

SEVERITIES: Final = ("critical", "warning", "info")
# The round's alerts begin here on; well in the past, as the bridge's clock runs fast.
BEGAN: Final = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
AS_BEFORE = 0.2  # how often an alert fires again with its old `startsAt`, as Alertmanager 0.25 may


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One firing of one alert."""

    starts: datetime
    ends: datetime | None = None


@dataclass(kw_only=True)
class Subject:
    """One alert, and its episodes so far."""

    name: str
    host: str
    group: str
    severity: str
    echo: str
    """Which late report its members repeat: see `cluster.py`."""
    episodes: list[Episode] = field(default_factory=list)

    @property
    def is_firing(self) -> bool:
        """Say how it is now."""
        return bool(self.episodes) and self.episodes[-1].ends is None

    def change(self, at: datetime, chance: Random) -> None:
        """Fire, or end."""
        if self.is_firing:
            self.episodes[-1] = Episode(starts=self.episodes[-1].starts, ends=at)
        elif self.episodes and chance.random() < AS_BEFORE:
            self.episodes.append(Episode(starts=self.episodes[-1].starts))
        else:
            self.episodes.append(Episode(starts=at))


@dataclass(kw_only=True)
class Group:
    """One group of alerts; `turns` are the alerts that change in each."""

    name: str
    subjects: list[Subject]
    turns: list[list[Subject]]


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much happens."""

    groups: int
    members: int
    """The most alerts of one group."""
    turns: int


def draw_truth(chance: Random, extent: Extent) -> list[Group]:
    """Draw the groups of a round and the turns they go through."""
    groups = []
    number = 0
    for index in range(extent.groups):
        group = Group(name=f"box-{index:02}", subjects=[], turns=[])
        for _ in range(chance.randint(1, extent.members)):
            number += 1
            group.subjects.append(
                Subject(
                    name=f"Trial{number:04}",
                    host=group.name,
                    group=group.name,
                    severity=chance.choice(SEVERITIES),
                    echo=chance.choice(("late fire", "late fire once over", "late end")),
                )
            )
        for turn in range(chance.randint(1, extent.turns)):
            most = len(group.subjects)
            changing = chance.sample(group.subjects, chance.randint(1, most))
            # At first something has to happen to everybody.
            group.turns.append(group.subjects[:] if turn == 0 else changing)
        groups.append(group)
    return groups


def moment(turn: int, chance: Random) -> datetime:
    """Say when a turn happens: minutes apart, at no round figure."""
    return BEGAN + timedelta(minutes=10 * turn, milliseconds=chance.randrange(500_000))
