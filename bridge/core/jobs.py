"""One run of a command on a host, as the chat tells of it: what it wrote so far, and how it ended.

A job's facts grow with what its host says; every ending there may be is one of five: the host was
not reached, refused, did not answer, let its time run out, or is done with an exit status. One that
was taken back before any host was asked has an end as well: nothing ran.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from agent.wire import Ended, Event, Output, Progress, Refused, Started, Told, Why
from bridge import limits
from bridge.core.told import Closing

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
    WITHDRAWN = "withdrawn"
    """It was taken back before the host was asked: nothing ran."""

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
    room: int = limits.JOB_HEAD_CHARACTERS
    """Characters that are kept of the beginning of its output, and as many of the end."""
    head: str = ""
    """The beginning of what it wrote."""
    tail: str = ""
    """The end of it, where there was no room for all."""
    passed: int = 0
    """Bytes that came for which the head had no room."""
    bytes: int = 0
    left_out: int = 0
    """Bytes between head and tail."""
    digest: str = ""
    kept: int = 0
    """Bytes that can be fetched from the host."""
    exit_status: int | None = None
    signal: str = ""
    why: Why | None = None
    lasted: timedelta = timedelta(0)
    rule: str = ""
    """Which rule of the host refused it."""
    sentence: str = ""
    """Why there is no result, in words."""
    nearest: str = ""
    remedy: str = ""
    closing: Closing | None = None
    """What became of a port that it was to close."""

    @property
    def is_good(self) -> bool:
        """Say whether it ended as one hopes."""
        if self.closing is not None:
            return self.state is State.DONE and self.closing.is_free
        return self.state is State.DONE and self.exit_status == 0

    @property
    def output(self) -> str:
        """Everything that is known of its output."""
        if not self.tail:
            return self.head
        if self.digest and self.left_out == 0:  # its host has said how much there is
            return self.head + self.tail
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
        return (self.state.value, self.exit_status, self.signal, words)


def absorb(job: Job, event: Event) -> Job:
    """Add what the host says next."""
    match event:
        case Started(shown=shown):
            return replace(job, state=State.RUNNING, shown=shown[: limits.JOB_WORDS_CHARACTERS])
        case Output(text=text):
            return _append(job, text)
        case Progress():
            last = _keep_last(event.last, job.room)
            return replace(job, state=State.RUNNING, bytes=event.bytes, tail=last)
        case Ended():
            return _end(job, event)
        case Refused():
            return _refuse(job, event)
        case Told():
            return job


def _append(job: Job, text: str) -> Job:
    """Keep the beginning of the output and the end of it; what goes in between is counted."""
    space = max(job.room - len(job.head), 0)
    rest = text[space:]
    return replace(
        job,
        state=State.RUNNING,
        bytes=job.bytes + _count_bytes(text),
        head=job.head + text[:space],
        tail=_keep_last(job.tail + rest, job.room),
        passed=job.passed + _count_bytes(rest),
    )


def _keep_last(text: str, room: int) -> str:
    return text[max(len(text) - room, 0) :]


def _count_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def _refuse(job: Job, event: Refused) -> Job:
    """End a job that its host does not do; one that was seen to run has another end."""
    if job.state is State.RUNNING:
        return fail(job, State.SILENT, event.sentence)
    return replace(
        job,
        state=State.REFUSED,
        rule=event.rule[: limits.JOB_WORDS_CHARACTERS],
        sentence=event.sentence[: limits.JOB_WORDS_CHARACTERS],
        nearest=event.nearest[: limits.JOB_WORDS_CHARACTERS],
        remedy=event.remedy[: limits.JOB_WORDS_CHARACTERS],
    )


def _end(job: Job, event: Ended) -> Job:
    """Note its end; what came and was not kept is left out, as much as what its host kept back."""
    tail = _keep_last(event.last or job.tail, job.room)
    unkept = job.passed + _count_bytes(event.last) - _count_bytes(tail)
    return replace(
        job,
        state=_ENDINGS[event.why],
        why=event.why,
        exit_status=event.code,
        signal=event.signal[: limits.JOB_WORDS_CHARACTERS],
        lasted=timedelta(seconds=min(max(event.seconds, 0.0), _LONGEST_SECONDS)),
        bytes=event.bytes,
        digest=event.digest[: limits.JOB_WORDS_CHARACTERS],
        tail=tail,
        left_out=event.left_out + max(unkept, 0),
        kept=event.kept,
    )


def fail(job: Job, state: State, sentence: str) -> Job:
    """End a job of which its host says nothing more.

    A command that was seen to run and whose end is not known is never told of as not run.
    """
    if job.state is State.RUNNING and state is State.UNREACHABLE:
        state = State.SILENT
    unkept = job.bytes - _count_bytes(job.head) - _count_bytes(job.tail)
    words = sentence[: limits.JOB_WORDS_CHARACTERS]
    return replace(job, state=state, sentence=words, left_out=max(unkept, 0))


def shorten(job: Job, characters: int) -> Job:
    """Keep so many characters of an output, half of them its beginning; the rest is left out."""
    if len(job.head) + len(job.tail) <= characters:
        return job
    half = characters // 2
    kept = replace(job, head=job.head[:half], tail=_keep_last(job.tail or job.head[half:], half))
    lost = _count_bytes(job.head + job.tail) - _count_bytes(kept.head + kept.tail)
    return replace(kept, left_out=job.left_out + lost)
