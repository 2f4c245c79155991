"""One run of a command on a host, as the chat tells of it: what it wrote so far, and how it ended.

A job's facts grow with what its host says; every ending there may be is one of five: the host was
not reached, refused, did not answer, let its time run out, or is done with a code.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from agent.wire import Ended, Event, Output, Progress, Refused, Started, Told, Why
from bridge import limits
from bridge.core.audience import Destination

_LONGEST_SECONDS: Final = 86_400.0
"""What a host may say of how long a job took: it may say anything."""
_SEAM: Final = "\n⋯\n"


class State(enum.Enum):
    """Where a job stands."""

    ASKED = "asked"
    """The host has been asked and has not answered yet."""
    RUNNING = "running"
    DONE = "done"
    """It ended by itself."""
    TIME = "time"
    """Its time was up and it was ended."""
    STOPPED = "stopped"
    """Somebody ended it."""
    REFUSED = "refused"
    """The host does not do that."""
    UNREACHABLE = "unreachable"
    """Nobody answers there: nothing ran."""
    SILENT = "silent"
    """The host had the order and said nothing more: whether it ran is not known."""

    @property
    def is_over(self) -> bool:
        """Say whether nothing more is to come."""
        return self not in {State.ASKED, State.RUNNING}


_ENDINGS: Final = {
    Why.DONE: State.DONE,
    Why.TIME: State.TIME,
    Why.STOPPED: State.STOPPED,
    Why.GONE: State.STOPPED,
    Why.LOST: State.STOPPED,
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as far as it is known."""

    host: str
    command: str
    """As it was typed, byte for byte."""
    asked_at: datetime
    state: State = State.ASKED
    shown: str = ""
    """What runs, in the host's words."""
    head: str = ""
    """The beginning of what it wrote."""
    tail: str = ""
    """The end of it, where something between was left out."""
    bytes: int = 0
    left_out: int = 0
    """Bytes between head and tail."""
    digest: str = ""
    kept: int = 0
    """Bytes that can be fetched from the host."""
    code: int | None = None
    signal: str = ""
    why: Why | None = None
    lasted: timedelta = timedelta(0)
    rule: str = ""
    """Which rule of the host refused it."""
    sentence: str = ""
    """Why there is no result, in words."""
    nearest: str = ""
    remedy: str = ""

    @property
    def is_good(self) -> bool:
        """Say whether it ended as one hopes."""
        return self.state is State.DONE and self.code == 0

    @property
    def output(self) -> str:
        """Everything that is known of its output."""
        if not self.tail:
            return self.head
        return f"{self.head.rstrip()}{_SEAM}{self.tail.lstrip()}" if self.head else self.tail

    @property
    def is_whole(self) -> bool:
        """Say whether that is all it wrote."""
        return self.left_out == 0

    @property
    def likeness(self) -> tuple[str, int | None, str, str]:
        """What two hosts have to share to be told of together."""
        words = self.sentence
        if self.digest:  # a host may claim any; what it sent has to be alike too
            sent = hashlib.sha256(self.output.encode(errors="replace")).hexdigest()
            words = f"{self.digest} {sent}"
        return (self.state.value, self.code, self.signal, words)


@dataclass(frozen=True, kw_only=True)
class KeptJob:
    """What has to be known of a job after a restart."""

    key: str
    """Its name between bridge and agent."""
    host: str
    command: str
    chat: Destination
    who: int
    """The person's number."""
    at: datetime
    telegram_id: int | None = None
    """The message that tells of it."""


def absorb(job: Job, event: Event) -> Job:
    """Add what the host says next."""
    match event:
        case Started(shown=shown):
            return replace(job, state=State.RUNNING, shown=shown)
        case Output(text=text):
            return _append(job, text)
        case Progress():
            return replace(job, state=State.RUNNING, bytes=event.bytes, tail=event.last)
        case Ended():
            return _end(job, event)
        case Refused():
            return _refuse(job, event)
        case Told():
            return job


def _append(job: Job, text: str) -> Job:
    """Keep the beginning of the output, and count what does not fit."""
    size = job.bytes + len(text.encode(errors="replace"))
    room = limits.JOB_HEAD_CHARACTERS - len(job.head)
    return replace(job, state=State.RUNNING, bytes=size, head=job.head + text[: max(room, 0)])


def _refuse(job: Job, event: Refused) -> Job:
    """End a job that its host does not do; one that was seen to run has another end."""
    if job.state is State.RUNNING:
        return fail(job, State.SILENT, event.sentence)
    return replace(
        job,
        state=State.REFUSED,
        rule=event.rule,
        sentence=event.sentence,
        nearest=event.nearest,
        remedy=event.remedy,
    )


def _end(job: Job, event: Ended) -> Job:
    return replace(
        job,
        state=_ENDINGS[event.why],
        why=event.why,
        code=event.code,
        signal=event.signal,
        lasted=timedelta(seconds=min(max(event.seconds, 0.0), _LONGEST_SECONDS)),
        bytes=event.bytes,
        digest=event.digest,
        tail=event.last,
        left_out=event.left_out,
        kept=event.kept,
    )


def fail(job: Job, state: State, sentence: str) -> Job:
    """End a job of which its host says nothing more.

    A command that was seen to run and whose end is not known is never told of as not run.
    """
    if job.state is State.RUNNING and state is State.UNREACHABLE:
        state = State.SILENT
    return replace(job, state=state, sentence=sentence)
