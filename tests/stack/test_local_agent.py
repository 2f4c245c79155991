"""The agent of this machine becomes known to the bridge, however long that takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from bridge.core.host_codes import SENTENCES, Misuse
from bridge.limits import CODE_LIFE
from deploy.stack import local_agent
from deploy.stack.local_agent import (
    AGAIN_SECONDS,
    LONGEST_WAIT_SECONDS,
    Bridge,
    NotYet,
    become_known,
    make_code,
)

AWAY = "not enrolled: the bridge's door at 127.0.0.1:8003 cannot be reached (refused)"


@dataclass
class World:
    """A bridge that says this and that, and a clock that only sleeping moves on."""

    says: list[str | Exception] = field(default_factory=list)
    """To each try of a code; after the last one it lets the agent in."""
    tries: list[str] = field(default_factory=list)
    codes: int = 0
    waits: list[float] = field(default_factory=list)
    now: float = 0.0
    has_come: bool = False

    def make(self) -> str:
        self.codes += 1
        return f"code {self.codes}"

    def take(self, code: str) -> str:
        self.tries.append(code)
        said = self.says[len(self.tries) - 1] if len(self.tries) <= len(self.says) else ""
        if isinstance(said, Exception):
            raise said
        return said

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def run(
        self,
        make_code: Callable[[], str] | None = None,
        take_code: Callable[[str], str] | None = None,
    ) -> None:
        bridge = Bridge(
            is_known=lambda: self.has_come,
            make_code=make_code or self.make,
            take_code=take_code or self.take,
        )
        become_known(bridge, clock=lambda: self.now, sleep=self.sleep)


def test_an_agent_that_is_known_asks_for_no_code() -> None:
    world = World(has_come=True)
    world.run()
    assert (world.codes, world.tries, world.waits) == (0, [], [])


def test_while_the_bridge_is_not_up_one_code_is_tried_ever_less_often(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World(says=[AWAY] * 12)
    world.run()
    assert world.tries == ["code 1"] * 13
    assert world.waits[:5] == [AGAIN_SECONDS * 2**each for each in range(5)]
    assert set(world.waits[5:]) == {LONGEST_WAIT_SECONDS}
    assert capsys.readouterr().out.splitlines() == [
        f"the agent is not known to the bridge yet; still trying: {AWAY}"
    ]


def test_a_day_without_success_makes_no_heap_of_codes() -> None:
    life = CODE_LIFE.total_seconds()
    world = World(says=[AWAY] * (24 * 3600 // int(LONGEST_WAIT_SECONDS)))
    world.run()
    assert world.now / life < world.codes < 1.3 * world.now / life


@pytest.mark.parametrize("misuse", [each for each in Misuse if each is not Misuse.DEAD_KEY])
def test_a_code_that_is_dead_is_not_shown_again(misuse: Misuse) -> None:
    world = World(says=[AWAY, f"not enrolled: the bridge says no: {SENTENCES[misuse]}"])
    world.run()
    assert world.tries == ["code 1", "code 1", "code 2"]


@pytest.mark.parametrize("fault", [SENTENCES[Misuse.DEAD_KEY], "line 3 of agents.txt: no address"])
def test_what_the_bridge_refuses_beside_the_code_costs_no_other_code(fault: str) -> None:
    world = World(says=[f"not enrolled: the bridge says no: {fault}"])
    world.run()
    assert world.tries == ["code 1", "code 1"]


def test_a_code_is_let_go_before_it_is_too_old() -> None:
    assert CODE_LIFE.total_seconds() > local_agent.CODE_SECONDS


def test_another_reason_is_told_and_the_same_one_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow = TimeoutExpired(["agent"], 60)
    World(says=[AWAY, AWAY, "the inventory has bad lines", slow, slow, OSError()]).run()
    told = [line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()]
    assert told == [AWAY.rpartition(": ")[2], "the inventory has bad lines", "TimeoutExpired",
                    "OSError"]  # fmt: skip


def test_what_came_in_although_nobody_said_so_is_not_let_in_again() -> None:
    world = World()

    def take(_code: str) -> str:
        world.has_come = True
        raise TimeoutExpired(["agent"], 60)

    world.run(take_code=take)
    assert world.codes == 1


def test_a_console_that_gives_no_code_is_asked_again() -> None:
    world, refused = World(), [NotYet("the state folder is another bot's"), NotYet("again")]

    def make() -> str:
        if refused:
            raise refused.pop()
        return world.make()

    world.run(make_code=make)
    assert (world.codes, len(world.waits)) == (1, 2)


def test_the_consoles_own_words_say_why_there_is_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = tmp_path / "python"
    console.write_text("#!/bin/sh\necho noise >&2\necho 'web 1 cannot be a name' >&2\nexit 1\n")
    console.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(console))
    with pytest.raises(NotYet, match=r"^web 1 cannot be a name$"):
        make_code("web 1", "", {})
