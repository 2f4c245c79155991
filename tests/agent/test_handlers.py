"""What each verb does, and what the host's ceiling keeps it from."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import limits
from agent.errors import Denied
from agent.handlers import Hands, create_handlers, ended_with
from agent.wire import (
    LINE_BYTES,
    Argument,
    Event,
    Order,
    Output,
    Started,
    Told,
    Verb,
    write_event,
)
from tests.agent.parties import NOON


@dataclass(frozen=True, kw_only=True)
class Command:
    argv: tuple[str, ...]
    shown: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Matched(Command):
    is_read_only: bool = True


@dataclass
class Everything:
    """All that the handlers act with; it notes what was asked of it."""

    level: str = "actions"
    fault: str = ""
    asked: list[Any] = field(default_factory=list)
    kept: bytes = b""
    is_watching: bool = True
    ended: list[str] = field(default_factory=list)

    # the jobs
    async def run(self, job: str, command: Command) -> AsyncIterator[Event]:
        self.asked.append(("run", job, command))
        try:
            yield Started(at=NOON, shown=command.shown)
            yield Output(at=NOON, is_error=False, text="…")
        finally:
            self.ended.append(job)

    async def follow(self, job: str) -> AsyncIterator[Event]:
        self.asked.append(("follow", job))
        yield Started(at=NOON, shown="df")

    async def cancel(self, job: str) -> bool:
        self.asked.append(("cancel", job))
        return job == "job-0"

    def fetch(self, job: str) -> bytes:
        self.asked.append(("fetch", job))
        return self.kept

    # the catalogue
    def match(self, text: str) -> Matched:
        if text == "restart-web":
            argv = ("/bin/systemctl", "restart", "nginx")
            return Matched(argv=argv, shown=text, seconds=7.0, is_read_only=False)
        if text != "df -h":
            raise Denied("catalogue", "no action is like that", nearest="df")
        return Matched(argv=("/bin/df", "-h"), shown="df -h", seconds=7.0)

    # the logins
    def status(self) -> dict[str, Any]:
        return {"on": self.is_watching}

    def switch(self, on: bool) -> None:  # noqa: FBT001 - the seam says so
        self.is_watching = on

    # the machine
    async def list_ports(self) -> dict[str, Any]:
        return {"ports": [22]}

    async def close_port(self, port: int) -> dict[str, Any]:
        self.asked.append(("close", port))
        return {"port": port}

    async def list_top(self, by: str, count: int) -> dict[str, Any]:
        return {"by": by, "count": count}

    async def list_sessions(self) -> dict[str, Any]:
        return {"sessions": []}

    def hands(self) -> Hands[Command]:
        return Hands(
            ceiling=lambda: (self.level, self.fault),
            remedy=lambda level: f"echo {level} | sudo tee /etc/opswire/ceiling",
            jobs=self,
            command=Command,
            catalogue=self,
            logins=self,
            machine=self,
            describe=lambda: {"version": "1"},
            clock=lambda: NOON,
        )

    async def ask(self, verb: Verb, **arguments: Argument) -> list[Event]:
        order = Order(
            host="web-1",
            job="job-1",
            verb=verb,
            issued=NOON,
            expires=NOON + 60,
            nonce="n",
            arguments=arguments,
        )
        return [event async for event in create_handlers(self.hands())[verb](order)]

    async def facts(self, verb: Verb, **arguments: Argument) -> dict[str, Any]:
        [told] = await self.ask(verb, **arguments)
        assert isinstance(told, Told)
        assert told.job == "job-1"
        return dict(told.facts)

    async def refusal(self, verb: Verb, **arguments: Argument) -> Denied:
        with pytest.raises(Denied) as denied:
            await self.ask(verb, **arguments)
        return denied.value


LOOKING: list[tuple[Verb, dict[str, Argument]]] = [
    (Verb.PORTS, {}),
    (Verb.TOP, {"by": "mem", "count": 5}),
    (Verb.SESSIONS, {}),
    (Verb.DESCRIBE, {}),
    (Verb.FOLLOW, {"of": "job-0"}),
    (Verb.FETCH, {"of": "job-0"}),
    (Verb.LOGINS, {}),
    (Verb.LOGINS, {"set": ""}),
    (Verb.CANCEL, {"of": "job-0"}),
]
ACTING: list[tuple[Verb, dict[str, Argument]]] = [
    (Verb.RUN, {"command": "df -h"}),
    (Verb.RUN, {"command": "df -h", "shell": False}),
    (Verb.CLOSE, {"port": 8080}),
    (Verb.LOGINS, {"set": "on"}),
    (Verb.LOGINS, {"set": "off"}),
]
SHELL: tuple[Verb, dict[str, Argument]] = (Verb.RUN, {"command": "df -h", "shell": True})


@pytest.mark.parametrize("level", ["monitor", "actions", "shell"])
@pytest.mark.parametrize(("verb", "arguments"), LOOKING)
async def test_looking_is_allowed_whatever_the_ceiling(
    level: str, verb: Verb, arguments: dict[str, Argument]
) -> None:
    assert await Everything(level).ask(verb, **arguments)


@pytest.mark.parametrize(("verb", "arguments"), ACTING)
async def test_acting_needs_a_ceiling_of_actions(
    verb: Verb, arguments: dict[str, Argument]
) -> None:
    for level in ("actions", "shell"):
        assert await Everything(level).ask(verb, **arguments)
    house = Everything("monitor")
    denied = await house.refusal(verb, **arguments)
    assert denied.rule == "ceiling"
    assert denied.remedy == "echo actions | sudo tee /etc/opswire/ceiling"
    assert house.asked == []
    assert house.is_watching


@pytest.mark.parametrize("level", ["monitor", "actions", "nonsense", ""])
async def test_a_shell_needs_a_ceiling_of_shell(level: str) -> None:
    house = Everything(level)
    denied = await house.refusal(SHELL[0], **SHELL[1])
    assert denied.remedy == "echo shell | sudo tee /etc/opswire/ceiling"
    assert house.asked == []


async def test_a_ceiling_that_is_low_because_its_file_is_wrong_says_so() -> None:
    house = Everything("monitor", "everybody may write it")
    denied = await house.refusal(Verb.RUN, command="df -h")
    assert denied.sentence.endswith(": everybody may write it")
    assert (await house.facts(Verb.DESCRIBE))["ceiling_fault"] == "everybody may write it"


async def test_with_a_ceiling_of_shell_the_line_goes_to_the_shell_as_it_stands() -> None:
    house = Everything("shell")
    line = "echo $HOME | tr a-z A-Z; :"
    arguments: dict[str, Argument] = {"command": line, "shell": True}
    await house.ask(Verb.RUN, **arguments)
    [(_, job, command)] = house.asked
    assert (job, command.argv, command.shown) == ("job-1", ("/bin/sh", "-c", line), line)
    assert command.seconds == limits.JOB_SECONDS


async def test_without_a_shell_only_an_action_of_the_catalogue_runs_also_under_shell() -> None:
    for level in ("actions", "shell"):
        house = Everything(level)
        assert (await house.refusal(Verb.RUN, command="df -h; id")).rule == "catalogue"
        assert house.asked == []
        await house.ask(Verb.RUN, command="df -h")
        assert house.asked[0][2] == Command(argv=("/bin/df", "-h"), shown="df -h", seconds=7.0)


async def test_a_careful_order_runs_only_what_changes_nothing() -> None:
    house = Everything("shell")
    denied = await house.refusal(Verb.RUN, command="restart-web", careful=True)
    assert denied.rule == "careful"
    assert house.asked == []
    await house.ask(Verb.RUN, command="df -h", careful=True)
    await house.ask(Verb.RUN, command="restart-web", careful=False)
    assert [each[2].argv[0] for each in house.asked] == ["/bin/df", "/bin/systemctl"]


async def test_a_time_that_was_asked_for_wins_over_the_actions_own() -> None:
    house = Everything("shell")
    await house.ask(Verb.RUN, command="df -h", seconds=90)
    await house.ask(Verb.RUN, **{**SHELL[1], "seconds": 2.5})
    assert [command.seconds for _, _, command in house.asked] == [90.0, 2.5]


async def test_a_ceiling_that_is_lowered_counts_from_the_next_order_on() -> None:
    house = Everything("shell")
    await house.ask(SHELL[0], **SHELL[1])
    house.level = "actions"
    await house.refusal(SHELL[0], **SHELL[1])


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        (Verb.RUN, {}),
        (Verb.RUN, {"command": ""}),
        (Verb.RUN, {"command": "  "}),
        (Verb.RUN, {"command": 7}),
        (Verb.RUN, {"command": "df\0 -h", "shell": True}),
        (Verb.RUN, {"command": "df \udc80", "shell": True}),
        (Verb.RUN, {"command": "df -h", "shell": "true"}),
        (Verb.RUN, {"command": "df -h", "shell": 1}),
        (Verb.RUN, {"command": "df -h", "seconds": -1}),
        (Verb.RUN, {"command": "df -h", "seconds": 1e9}),
        (Verb.RUN, {"command": "df -h", "seconds": float("nan")}),
        (Verb.RUN, {"command": "df -h", "seconds": "30"}),
        (Verb.RUN, {"command": "df -h", "seconds": True}),
        (Verb.CLOSE, {}),
        (Verb.CLOSE, {"port": 0}),
        (Verb.CLOSE, {"port": 65536}),
        (Verb.CLOSE, {"port": "80"}),
        (Verb.CLOSE, {"port": 80.0}),
        (Verb.CLOSE, {"port": True}),
        (Verb.TOP, {"by": "io", "count": 5}),
        (Verb.TOP, {"by": "cpu", "count": 0}),
        (Verb.TOP, {"by": "cpu", "count": 51}),
        (Verb.TOP, {"by": "cpu"}),
        (Verb.LOGINS, {"set": "maybe"}),
        (Verb.LOGINS, {"set": True}),
        (Verb.CANCEL, {}),
        (Verb.FOLLOW, {"of": ""}),
        (Verb.FETCH, {"of": 1}),
    ],
)
async def test_an_argument_of_another_kind_is_refused_and_nothing_is_done(
    verb: Verb, arguments: dict[str, Argument]
) -> None:
    house = Everything("shell")
    assert (await house.refusal(verb, **arguments)).rule == "argument"
    assert house.asked == []
    assert house.is_watching


async def test_the_facts_of_each_look() -> None:
    house = Everything()
    assert await house.facts(Verb.PORTS) == {"ports": [22]}
    assert await house.facts(Verb.TOP, count=3) == {"by": "cpu", "count": 3}
    assert await house.facts(Verb.SESSIONS) == {"sessions": []}
    assert await house.facts(Verb.DESCRIBE) == {
        "ceiling": "actions",
        "ceiling_fault": "",
        "version": "1",
    }
    assert await house.facts(Verb.CANCEL, of="job-0") == {"stopped": True}
    assert await house.facts(Verb.CANCEL, of="job-9") == {"stopped": False}
    assert await house.facts(Verb.CLOSE, port=8080) == {"port": 8080}


async def test_logins_are_switched_and_told_as_they_stand_then() -> None:
    house = Everything()
    assert await house.facts(Verb.LOGINS) == {"on": True}
    assert await house.facts(Verb.LOGINS, set="off") == {"on": False}
    assert await house.facts(Verb.LOGINS) == {"on": False}
    assert await house.facts(Verb.LOGINS, set="on") == {"on": True}


async def test_whoever_stops_listening_ends_the_job() -> None:
    house = Everything()
    order = Order(
        host="web-1",
        job="job-1",
        verb=Verb.RUN,
        issued=NOON,
        expires=NOON + 60,
        nonce="n",
        arguments={"command": "df -h"},
    )
    async with ended_with(create_handlers(house.hands())[Verb.RUN](order)) as events:
        assert isinstance(await anext(events), Started)
        assert house.ended == []
    assert house.ended == ["job-1"]


@given(st.binary(max_size=200), st.integers(1, 7))
def test_a_kept_output_is_sent_whole_with_a_signed_sum(kept: bytes, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "FETCH_PIECE_BYTES", piece)
        events = asyncio.run(Everything(kept=kept).ask(Verb.FETCH, of="job-0"))
    *pieces, told = events
    text = "".join(each.text for each in pieces if isinstance(each, Output))
    assert text == kept.decode("utf-8", "replace")
    assert isinstance(told, Told)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert told.facts == {"bytes": len(kept), "digest": digest}


@pytest.mark.parametrize("kind", [b"\0", "\U0001f980".encode(), b"\xff", b'"\\', "é".encode()])
async def test_every_piece_of_a_kept_output_fits_a_line(kind: bytes) -> None:
    house = Everything(kept=kind * (2 * limits.FETCH_PIECE_BYTES // len(kind)))
    for event in await house.ask(Verb.FETCH, of="job-0"):
        assert len(write_event(event, lambda _: bytes(64))) < LINE_BYTES
