"""How soon each step towards the end of a job comes, by a clock that a test moves."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

import pytest

from agent import limits, sweeping
from agent.sweeping import Below


@dataclass
class World:
    """Processes below one, and the time."""

    now: float = 0.0
    heeds: bool = False
    """Whether they end when they are asked to."""
    dies_after: float = 0.001
    """How long the kernel takes to end who was killed, in seconds."""
    stall: float = 0.0
    """For how long this very process stands still, once it has asked them."""
    dead_at: float = float("inf")
    told: list[tuple[float, signal.Signals]] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now = min(self.now + seconds, max(self.now + 0.001, self.dead_at))
        self.now, self.stall = self.now + self.stall, 0.0


class Scripted(Below):
    def __init__(self, world: World) -> None:
        super().__init__(lambda *_: None)
        self._world = world

    def reap(self) -> bool:
        return self._world.now < self._world.dead_at

    def tell(self, *signums: signal.Signals) -> None:
        world = self._world
        world.told += [(world.now, each) for each in signums]
        if signal.SIGKILL in signums or world.heeds:
            world.dead_at = min(world.dead_at, world.now + world.dies_after)

    def freeze(self) -> None:
        """Leave them."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(sweeping, "time", world)
    return world


def test_whoever_heeds_the_asking_is_not_killed(world: World) -> None:
    world.heeds = True
    assert not Scripted(world).end(world.wait)
    assert [each for _, each in world.told] == [signal.SIGTERM, signal.SIGCONT]
    assert world.now < limits.JOB_GRACE_SECONDS


def test_whoever_does_not_is_killed_after_the_grace_and_all_is_over_within_two_seconds(
    world: World,
) -> None:
    assert not Scripted(world).end(world.wait)
    killed = [at for at, each in world.told if each == signal.SIGKILL]
    assert killed == pytest.approx([limits.JOB_GRACE_SECONDS])
    assert world.now < 2.0


def test_what_the_kernel_keeps_is_killed_until_the_time_is_up_and_told_within_two_seconds(
    world: World,
) -> None:
    world.dies_after = 3600.0
    assert Scripted(world).end(world.wait)
    assert len([each for _, each in world.told if each == signal.SIGKILL]) > 10
    assert limits.JOB_END_SECONDS < world.now < 2.0


def test_nobody_is_called_stuck_whom_nobody_killed(world: World) -> None:
    world.stall = 5.0
    assert not Scripted(world).end(world.wait)
    assert [each for _, each in world.told][-1] == signal.SIGKILL


def test_what_is_left_is_killed_again_however_late_it_is(world: World) -> None:
    below = Scripted(world)
    assert not below.kill(world.wait, world.now - 0.001)
    assert [each for _, each in world.told] == [signal.SIGKILL]
