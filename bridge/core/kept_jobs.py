"""What the row of a command is: everything that somebody needs who knows nothing else of it.

A command of any kind goes through five stages, each on disk before the next begins:

    begun ──► out ──► ended ──► told
      │                 ▲
      └── withdrawn ────┘

What is only *begun* has reached no host. What is *out* may have, and only the host can say. What
has *ended* has its audit entry, and its ending waits for the chat. What is *told* is over.
"""

from __future__ import annotations

import enum
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from agent.wire import Why
from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Entry, Outcome
from bridge.core.jobs import Job, State, shorten
from bridge.core.told import read_closing, write_closing

_KEY: Final = 32  # hex digits of a job's name: nobody finds two that are alike
_SHORT: Final = 24  # of a name with a word behind it
_ON: Final = 20  # hosts that the audit has by name
_WORDS: Final = ("shown", "head", "tail", "digest", "signal", "rule", "sentence", "nearest")
_PLAIN: Final = (*_WORDS, "remedy", "bytes", "left_out", "kept", "exit_status")


class Kind(enum.Enum):
    """What a command does."""

    RUN = "run"
    """A command line on one host."""
    BROADCAST = "broadcast"
    """A command line on many."""
    CLOSE = "close"
    """The end of what listens on a port of one host."""


@dataclass(frozen=True, kw_only=True)
class KeptJob:
    """A command that somebody has begun."""

    key: str
    """Its name; that of its parts on the hosts comes of it."""
    kind: Kind = Kind.RUN
    hosts: tuple[str, ...]
    command: str = ""
    """As it was typed, byte for byte."""
    port: int = 0
    within: timedelta = limits.JOB_LONGEST
    """How long its host may take."""
    chat: Destination
    who: int
    """The person's number."""
    name: str = ""
    """What they called themselves."""
    what: str = ""
    """What they asked for, as the audit has it."""
    reply_to: int | None = None
    """The message that asked for it, where the answer is a reply."""
    at: datetime
    telegram_id: int | None = None
    """The message that tells of it."""
    out_at: datetime | None = None
    """From when on a host may have been asked."""
    is_unwanted: bool = False
    """Whether somebody has pressed Stop."""

    @property
    def is_out(self) -> bool:
        """Say whether any host may have been asked."""
        return self.out_at is not None

    @property
    def host(self) -> str:
        """The host of one that has no other."""
        return self.hosts[0]

    @property
    def is_private(self) -> bool:
        """Say whether it was asked for in somebody's private chat."""
        return self.chat.chat_id > 0

    def name_on(self, host: str) -> str:
        """Name what it is on a host, the same after every restart."""
        if self.kind is Kind.RUN:
            return self.key
        if self.kind is Kind.CLOSE:
            return f"{self.key[:_SHORT]}.close"
        return hashlib.sha256(f"{self.key} {host}".encode()).hexdigest()[:_KEY]

    def name_errand(self, host: str, errand: str) -> str:
        """Name an order about what it is on a host."""
        return f"{self.name_on(host)[:_SHORT]}.{errand}"

    def create_jobs(self) -> tuple[Job, ...]:
        """Make its jobs, one for each host, as they are before anything is heard of them."""
        many = limits.BROADCAST_KEPT_CHARACTERS // (2 * max(len(self.hosts), 1))
        room = min(max(many, limits.BROADCAST_HOST_CHARACTERS), limits.JOB_HEAD_CHARACTERS)
        job = Job(host="", command=self.command, asked_at=self.at, room=room)
        return tuple(replace(job, host=host) for host in self.hosts)


@dataclass(frozen=True)
class LeftJob:
    """A command that nobody follows, or whose end nobody has told."""

    number: int
    kept: KeptJob
    ending: Sequence[Mapping[str, Any]] | None
    """How it ended; None where that is not known."""
    ended_at: datetime | None


def name_command(chat: Destination, message_id: int, command: str, host: str = "") -> str:
    """Name the command that a message begins: the same message, the same command."""
    words = f"{chat.chat_id} {chat.thread_id} {message_id} {command} {host}"
    return hashlib.sha256(words.encode()).hexdigest()[:_KEY]


def list_hosts(hosts: Sequence[str]) -> str:
    """Name hosts for the audit."""
    shown = ", ".join(hosts[:_ON])
    more = len(hosts) - _ON
    return f"{shown} and {more} more" if more > 0 else shown


def write_beginning(kept: KeptJob, detail: str) -> Entry:
    """Write for the audit that a command begins."""
    return _write_entry(kept, Outcome.DONE, detail, kept.at)


def write_ending(kept: KeptJob, jobs: Sequence[Job], detail: str, *, now: datetime) -> Entry:
    """Write for the audit how a command ended."""
    good = sum(each.is_good for each in jobs)
    outcome = Outcome.DONE if good == len(jobs) else Outcome.FAILED
    said = [detail] if detail else []
    if len(jobs) == 1:
        state, *figures = _describe(jobs[0])
        words = [state, *said, *figures]  # a chat cuts a long entry, and may lose the digest
        if jobs[0].state is State.REFUSED:
            outcome = Outcome.REFUSED
    else:
        words = [f"{good} of {len(jobs)} ended well"]
        unknown = sum(each.state is State.SILENT for each in jobs)
        words += [f"{unknown} not known"] if unknown else []
        withdrawn = sum(each.state is State.WITHDRAWN for each in jobs)
        words += [f"{withdrawn} not begun"] if withdrawn else []
        words += said
    return _write_entry(kept, outcome, ", ".join(words), now)


def _describe(job: Job) -> list[str]:
    words = [job.state.value]
    if job.closing is not None:
        words.append("the port is free" if job.closing.is_free else "something still listens")
    if job.exit_status is not None:
        words.append(f"exit status {job.exit_status}")
    if job.signal:
        words.append(job.signal)
    if job.digest:
        words.append(f"{job.bytes} bytes sha256 {job.digest[:16]}")
    return words + ([job.rule] if job.rule else [])


def _write_entry(kept: KeptJob, outcome: Outcome, detail: str, now: datetime) -> Entry:
    on = list_hosts(kept.hosts)
    return Entry(
        at=now,
        who=kept.who,
        name=kept.name,
        chat=kept.chat,
        what=kept.what or kept.command,
        on=f"{on} tcp:{kept.port}" if kept.port else on,
        outcome=outcome,
        detail=detail,
    )


def write_jobs(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Write how a command ended for the disk: what is alike once, its output within a bound."""
    alike: defaultdict[object, list[Job]] = defaultdict(list)
    for job in jobs:
        alike[job.likeness, job.closing].append(job)
    characters = limits.ENDING_CHARACTERS // max(len(alike), 1)
    return [
        {"hosts": [each.host for each in same], **_write_job(shorten(same[0], characters))}
        for same in alike.values()
    ]


def read_jobs(kept: KeptJob, ending: Sequence[Mapping[str, Any]]) -> tuple[Job, ...]:
    """Read it again: one job for each host, in the order of the command's."""
    read = {
        host: replace(_read_job(each, kept), host=host) for each in ending for host in each["hosts"]
    }
    return tuple(read[host] for host in kept.hosts if host in read)


def _write_job(job: Job) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "state": job.state.value,
        "lasted": job.lasted.total_seconds(),
        **{name: getattr(job, name) for name in _PLAIN},
    }
    if job.why is not None:
        facts["why"] = job.why.value
    if job.closing is not None:
        facts["closing"] = write_closing(job.closing)
    return {name: each for name, each in facts.items() if each not in ("", None)}


def _read_job(facts: Mapping[str, Any], kept: KeptJob) -> Job:
    return Job(
        host="",
        command=kept.command,
        asked_at=kept.at,
        state=State(facts["state"]),
        lasted=timedelta(seconds=facts.get("lasted", 0)),
        why=Why(facts["why"]) if "why" in facts else None,
        closing=read_closing(facts["closing"]) if "closing" in facts else None,
        **{name: facts[name] for name in _PLAIN if name in facts},
    )
