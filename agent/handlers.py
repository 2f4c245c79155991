"""What each verb does: whether this host allows it, what it acts with, what it tells.

The ceiling is read anew for every order, so that lowering it takes effect at once.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from agent import limits
from agent.errors import Denied
from agent.wire import Event, Order, Output, Told, Verb

Facts = Mapping[str, Any]
Handler = Callable[[Order], AsyncIterator[Event]]
"""Answers an order; whoever stops to ask it for events ends what it does."""
LEVELS: Final = ("monitor", "actions", "shell")
"""What a host may allow at most, each with what the former has."""
_SHELL: Final = "/bin/sh"
_PORT_MAX: Final = 65535
_SWITCHES: Final = {"": None, "on": True, "off": False}
_MEASURES: Final = ("cpu", "mem")
Command = TypeVar("Command")
Wanted_contra = TypeVar("Wanted_contra", contravariant=True)
Written_co = TypeVar("Written_co", covariant=True)
Each = TypeVar("Each")


class Jobs(Protocol[Wanted_contra]):
    """Runs commands."""

    def run(self, job: str, command: Wanted_contra) -> AsyncIterator[Event]:
        """Run it, or attach to the job of that name; tell all of it from the start."""

    def follow(self, job: str) -> AsyncIterator[Event]:
        """Tell of a job from the start, as far as that is kept."""

    async def cancel(self, job: str) -> bool:
        """End a job; say whether there was one."""

    def fetch(self, job: str) -> bytes:
        """Return what was kept of its output."""


class WritesCommand(Protocol[Written_co]):
    """Makes what `Jobs` runs."""

    def __call__(self, *, argv: tuple[str, ...], shown: str, seconds: float) -> Written_co:
        """Write down what is to run."""


class Match(Protocol):
    """An action that a typed line is one of."""

    @property
    def is_read_only(self) -> bool:
        """Whether it looks and changes nothing."""

    @property
    def argv(self) -> tuple[str, ...]:
        """Its program and words."""

    @property
    def shown(self) -> str:
        """The same, as a shell would need it."""

    @property
    def seconds(self) -> float:
        """How long it may take."""


class Catalogue(Protocol):
    """The actions of this host."""

    def match(self, text: str) -> Match:
        """Find the action that a line is one of; raise Denied where it is none."""


class Logins(Protocol):
    """The watch of logins."""

    def status(self) -> Facts:
        """Tell how it stands."""

    def switch(self, on: bool) -> None:  # noqa: FBT001 - the one thing that it says
        """Begin to watch, or stop."""


class Machine(Protocol):
    """What can be seen of this host, and the one thing that can be done to it."""

    async def list_ports(self) -> Facts:
        """Tell what listens."""

    async def close_port(self, port: int) -> Facts:
        """End what listens on a TCP port, and tell what that was."""

    async def list_top(self, by: str, count: int) -> Facts:
        """Tell which processes use most."""

    async def list_sessions(self) -> Facts:
        """Tell who is logged in."""


@dataclass(frozen=True, kw_only=True)
class Hands(Generic[Command]):
    """What the handlers act with."""

    ceiling: Callable[[], tuple[str, str]]
    """What the host's owner allows now, one of LEVELS (anything else is the lowest), and what is
    wrong with where they should have said it."""
    remedy: Callable[[str], str]
    """The line with which they would allow a level."""
    jobs: Jobs[Command]
    command: WritesCommand[Command]
    catalogue: Catalogue
    logins: Logins
    machine: Machine
    describe: Callable[[], Facts]
    """Version, actions and whatever else there is to say of this agent."""
    clock: Callable[[], float]


@asynccontextmanager
async def ended_with(events: AsyncIterator[Each]) -> AsyncIterator[AsyncIterator[Each]]:
    """Let a stream of events be over when the context ends, and not whenever it is collected."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def create_handlers(hands: Hands[Command]) -> Mapping[Verb, Handler]:
    """Build the answer to every verb."""
    machine, logins = hands.machine, hands.logins

    async def switch(order: Order) -> Facts:
        wanted = _choice(order, "set", tuple(_SWITCHES), default="")
        if (on := _SWITCHES[wanted]) is not None:
            logins.switch(on)
        return logins.status()

    async def describe(_: Order) -> Facts:
        level, why = _read_ceiling(hands)
        return {"ceiling": level, "ceiling_fault": why, **hands.describe()}

    async def cancel(order: Order) -> Facts:
        return {"stopped": await hands.jobs.cancel(_job(order))}

    looks: dict[Verb, Callable[[Order], Awaitable[Facts]]] = {
        Verb.CANCEL: cancel,
        Verb.PORTS: lambda _: machine.list_ports(),
        Verb.CLOSE: lambda order: machine.close_port(_whole(order, "port", 1, _PORT_MAX)),
        Verb.TOP: lambda order: machine.list_top(
            _choice(order, "by", _MEASURES, default="cpu"),
            _whole(order, "count", 1, limits.PROCESSES_SHOWN),
        ),
        Verb.SESSIONS: lambda _: machine.list_sessions(),
        Verb.LOGINS: switch,
        Verb.DESCRIBE: describe,
    }
    streams: dict[Verb, Handler] = {
        Verb.RUN: lambda order: hands.jobs.run(order.job, _command(hands, order)),
        Verb.FOLLOW: lambda order: hands.jobs.follow(_job(order)),
        Verb.FETCH: lambda order: _fetch(hands, order),
        **{verb: _tell(hands, look) for verb, look in looks.items()},
    }
    return {verb: _allow(hands, stream) for verb, stream in streams.items()}


def _require(hands: Hands[Command], order: Order) -> None:
    """Require that the host's ceiling is as high as the order needs.

    Raises:
        Denied: it is lower; the remedy is what the host's owner would write.
    """
    needed, (level, why) = _needed(order), _read_ceiling(hands)
    if LEVELS.index(level) < LEVELS.index(needed):
        sentence = f"this host allows {level!r} at most, and that needs {needed!r}"
        raise Denied(
            "ceiling",
            f"{sentence}: {why}" if why else sentence,
            remedy=hands.remedy(needed),
        )


def _needed(order: Order) -> str:
    """What only looks, and what ends a job, is always allowed."""
    if order.verb is Verb.RUN:
        return "shell" if _flag(order, "shell") else "actions"
    changes = order.verb is Verb.CLOSE or (
        order.verb is Verb.LOGINS and order.arguments.get("set", "") != ""
    )
    return "actions" if changes else "monitor"


def _read_ceiling(hands: Hands[Command]) -> tuple[str, str]:
    level, why = hands.ceiling()
    return (level if level in LEVELS else LEVELS[0]), why


def _allow(hands: Hands[Command], stream: Handler) -> Handler:
    """Let a handler answer only what the ceiling allows."""

    async def answer(order: Order) -> AsyncIterator[Event]:
        _require(hands, order)
        async with ended_with(stream(order)) as events:
            async for event in events:
                yield event

    return answer


def _tell(hands: Hands[Command], look: Callable[[Order], Awaitable[Facts]]) -> Handler:
    """Answer with facts alone."""

    async def answer(order: Order) -> AsyncIterator[Event]:
        facts = await look(order)
        yield Told(job=order.job, at=hands.clock(), facts=facts)

    return answer


def _command(hands: Hands[Command], order: Order) -> Command:
    """Make a typed line what runs: for the shell as it stands, or one of the actions."""
    text = _text(order, "command")
    asked = _seconds(order)
    if _flag(order, "shell"):
        return hands.command(
            argv=(_SHELL, "-c", text), shown=text, seconds=asked or limits.JOB_SECONDS
        )
    match = hands.catalogue.match(text)
    if _flag(order, "careful") and not match.is_read_only:
        raise Denied("careful", "that changes something, and only looking was asked for")
    return hands.command(argv=match.argv, shown=match.shown, seconds=asked or match.seconds)


async def _fetch(hands: Hands[Command], order: Order) -> AsyncIterator[Event]:
    """Send what was kept of an output, and sign the sum of what was sent, as UTF-8."""
    kept = hands.jobs.fetch(_job(order))
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    sent = hashlib.sha256()
    pieces = range(0, max(len(kept), 1), limits.FETCH_PIECE_BYTES)
    for start in pieces:
        end = start + limits.FETCH_PIECE_BYTES
        text = decoder.decode(kept[start:end], final=end >= len(kept))
        sent.update(text.encode())
        yield Output(at=hands.clock(), is_error=False, text=text)
    facts = {"bytes": len(kept), "digest": sent.hexdigest()}
    yield Told(job=order.job, at=hands.clock(), facts=facts)


def _text(order: Order, name: str) -> str:
    value = order.arguments.get(name)
    if not isinstance(value, str) or not value.strip() or not _is_whole_text(value):
        raise Denied("argument", f"{name} is missing, or is no text that can run")
    return value


def _is_whole_text(value: str) -> bool:
    """Say whether a program could be given this: no NUL, and no half of a surrogate pair."""
    return not any(each == "\0" or "\ud800" <= each <= "\udfff" for each in value)


def _job(order: Order) -> str:
    return _text(order, "of")


def _flag(order: Order, name: str) -> bool:
    value = order.arguments.get(name, False)
    if not isinstance(value, bool):
        raise Denied("argument", f"{name} is neither yes nor no")
    return value


def _whole(order: Order, name: str, least: int, most: int) -> int:
    value = order.arguments.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Denied("argument", f"{name} is no whole number from {least} to {most}")
    return value


def _seconds(order: Order) -> float:
    """Read how long a job may take; 0 where that is not said."""
    value = order.arguments.get("seconds", 0)
    longest = limits.ASKED_SECONDS_LONGEST
    if isinstance(value, bool | str) or not 0 <= value <= longest:
        raise Denied("argument", f"seconds is no time of at most {longest:.0f} s")
    return float(value)


def _choice(order: Order, name: str, choices: tuple[str, ...], *, default: str) -> str:
    value = order.arguments.get(name, default)
    if value not in choices:
        words = ", ".join(each for each in choices if each)
        raise Denied("argument", f"{name} is none of {words}")
    return str(value)
