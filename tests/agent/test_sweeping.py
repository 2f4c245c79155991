"""How soon each step towards the end of a job comes, by a clock that a test moves."""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import dataclass, field

import pytest

from agent import fork_server, limits, runner, sweeping
from agent.confining import Rights
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

    def has_any(self) -> bool:
        return self.reap()


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


@pytest.fixture
def removed(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that were removed since."""
    folders: list[str] = []
    monkeypatch.setattr(fork_server, "time", world)
    monkeypatch.setattr(runner, "remove", folders.append)
    return folders


def test_what_a_killed_runner_has_left_is_killed_again_until_nothing_is_left_and_then_tidied_up(
    world: World, removed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = socket.socketpair()
    with own, other:
        rights = Rights(user=0, group=0, groups=[], hidden="")
        server = fork_server._ForkServer(own, rights, has_namespaces=False)
        monkeypatch.setattr(server, "_below", Scripted(world))
        monkeypatch.setattr(server, "_wait", lambda seconds, **_: world.wait(seconds))
        server._left = ["/of-the-job"]
        world.stall, world.dies_after = 5.0, 10.0
        server._reap()
        assert [each for _, each in world.told] == [signal.SIGKILL]
        assert removed == []
        assert server._left == ["/of-the-job"], "the next look tries again"
        world.now += world.dies_after
        server._reap()
    for each in (server._home, server._wakes, server._waker):
        os.close(each)
    assert removed == ["/of-the-job"]
    assert server._left == []
