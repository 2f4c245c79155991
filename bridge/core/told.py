"""What a host says of itself, read with care: it is signed, and may be anything all the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from bridge import limits

_WORD: Final = 200  # characters of any one thing that is repeated
_MOST: Final = 20_000
"""Rows that are read of a list: more sockets than a host has in use."""
_LAST: Final = 253_402_300_800.0
"""The first second of the year 10,000."""
Facts = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process, as far as it matters who it is."""

    pid: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Listening:
    """A port on which something listens."""

    port: int
    protocol: str
    addresses: tuple[str, ...]
    """`*` for all of them."""
    processes: tuple[Process, ...] = ()
    user: str = ""
    unknown: str = ""
    """Why no process is known."""


@dataclass(frozen=True, kw_only=True)
class Closing:
    """What became of a port that was to be closed."""

    ended: tuple[Process, ...]
    killed: tuple[Process, ...]
    """Those of them that did not heed TERM."""
    is_free: bool
    again: tuple[Process, ...] = ()
    """Who listens on it now: something started it again."""
    left_out: int = 0
    """How many more of them were ended than are told."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """What a process uses."""

    pid: int
    name: str
    user: str
    cpu: float
    """Per cent of one processor."""
    memory: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody who is logged in."""

    user: str
    line: str
    host: str
    """Where they came from; empty for the console."""
    since: float
    """Seconds since the epoch; 0 where it is not known."""


@dataclass(frozen=True, kw_only=True)
class Inside:
    """What only the agent of a host knows."""

    uses: tuple[Use, ...]
    """The busiest processes, the greediest first."""
    sessions: tuple[Session, ...]


@dataclass(frozen=True, kw_only=True)
class LoginWatch:
    """How the watch of logins stands."""

    state: str
    source: str
    since: float
    """Seconds since the epoch; 0 where it is not known."""
    problem: str
    waiting: int
    seen: int


def read_ports(facts: Facts) -> tuple[Listening, ...]:
    """Read what listens."""
    return tuple(
        Listening(
            port=_whole(row.get("port")),
            protocol=_text(row.get("protocol")),
            addresses=tuple(_text(each) for each in _items(row.get("addresses"))),
            processes=_processes(row.get("processes")),
            user=_text(row.get("user")),
            unknown=_text(row.get("unknown")),
        )
        for row in _rows(facts.get("ports"))
    )


def read_closing(facts: Facts) -> Closing:
    """Read what became of a port: no more processes than a message has lines for."""
    most = limits.CLOSED_PROCESSES
    rest = len(_items(facts.get("ended"))) - most
    return Closing(
        ended=_processes(facts.get("ended"), most),
        killed=_processes(facts.get("killed"), most),
        is_free=facts.get("free") is True,
        again=_processes(facts.get("again"), most),
        left_out=max(_whole(facts.get("left_out")), rest, 0),
    )


def write_closing(closing: Closing) -> dict[str, Any]:
    """Write what became of a port as it was told."""
    return {
        "free": closing.is_free,
        "left_out": closing.left_out,
        **{
            name: [{"pid": each.pid, "name": each.name} for each in processes]
            for name, processes in (
                ("ended", closing.ended),
                ("killed", closing.killed),
                ("again", closing.again),
            )
        },
    }


def read_uses(facts: Facts) -> tuple[Use, ...]:
    """Read which processes use most."""
    return tuple(
        Use(
            pid=_whole(row.get("pid")),
            name=_text(row.get("name")),
            user=_text(row.get("user")),
            cpu=_number(row.get("cpu")),
            memory=_whole(row.get("memory")),
        )
        for row in _rows(facts.get("processes"))
    )


def read_sessions(facts: Facts) -> tuple[Session, ...]:
    """Read who is logged in."""
    return tuple(
        Session(
            user=_text(row.get("user")),
            line=_text(row.get("line")),
            host=_text(row.get("host")),
            since=_moment(row.get("since")),
        )
        for row in _rows(facts.get("sessions"))
    )


def read_login_watch(facts: Facts) -> LoginWatch:
    """Read how the watch of logins stands."""
    return LoginWatch(
        state=_text(facts.get("state")),
        source=_text(facts.get("source")),
        since=_moment(facts.get("since")),
        problem=_text(facts.get("problem")),
        waiting=_whole(facts.get("waiting")),
        seen=_whole(facts.get("seen")),
    )


def _processes(value: object, most: int = _MOST) -> tuple[Process, ...]:
    return tuple(
        Process(pid=_whole(row.get("pid")), name=_text(row.get("name")))
        for row in islice(_rows(value), most)
    )


def _items(value: object) -> list[object]:
    return value[:_MOST] if isinstance(value, list) else []


def _rows(value: object) -> Iterator[Facts]:
    return (each for each in _items(value) if isinstance(each, dict))


def _text(value: object) -> str:
    """Read a word; it stays within its line."""
    if not isinstance(value, str):
        return ""
    return "".join(each if each.isprintable() else " " for each in value[:_WORD])


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) and abs(number) < 1e15 else 0.0  # noqa: PLR2004 - sane


def _moment(value: object) -> float:
    """Read a moment, in seconds since the epoch; 0 where no calendar has it."""
    seconds = _number(value)
    return seconds if 0 < seconds < _LAST else 0.0


def _whole(value: object) -> int:
    return int(_number(value))
