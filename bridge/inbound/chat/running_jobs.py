"""Jobs that people have begun: shown as they grow, stopped by a button, written down at the end."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from agent.wire import Event, Verb
from bridge import limits
from bridge.core.access import Actor, Scope, visible
from bridge.core.audience import Destination
from bridge.core.audit import Entry, Outcome
from bridge.core.formatted import Content
from bridge.core.inventory import Host, Inventory
from bridge.core.jobs import Job, KeptJob
from bridge.core.keyboards import Button, Keyboard
from bridge.core.outbox import Outcome as Shown
from bridge.core.outbox import Sent
from bridge.errors import BridgeError, Missing, TooMuch
from bridge.flows.ask_host import ask_host
from bridge.flows.fetch_output import fetch_output
from bridge.flows.run_job import run_job
from bridge.inbound.chat.command import Asked, write_entry
from bridge.logs import create_log
from bridge.views.jobs import write_file, write_job
from bridge.views.voice import Voice

_log = create_log(__name__)
_KEY = 32  # hex digits of a job's name: nobody finds two that are alike


class Hands(Protocol):
    """Reaches the hosts."""

    def ask(
        self, host: Host, verb: Verb, *, job: str, within: timedelta, **arguments: Any
    ) -> AsyncGenerator[Event, None]:
        """Give a host an order, and what it says to that, or raise Outage or Refused."""
        ...


class Speaker(Protocol):
    """Says something in a chat."""

    async def say(
        self, content: Content, where: Destination, *, reply_to: int | None, is_loud: bool
    ) -> Shown:
        """Send a message."""
        ...

    async def change(self, content: Content, where: Destination, telegram_id: int) -> Shown:
        """Put it in the place of a message."""
        ...


class Kept(Protocol):
    """Keeps which jobs were begun."""

    async def begin(self, job: KeptJob, *, entry: Entry) -> int | None:
        """Write down that a job begins, and who began it; None where it was begun before."""
        ...

    async def note_message(self, number: int, telegram_id: int) -> None:
        """Remember which message tells of it."""
        ...

    async def end(self, number: int, *, entry: Entry) -> bool:
        """Write down how it ended; say whether that was not known before."""
        ...

    async def find(self, number: int) -> KeptJob | None:
        """Find a job by its number."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunDesk:
    """What running jobs needs."""

    hands: Hands
    speaker: Speaker
    kept: Kept
    inventory: Callable[[], Inventory]
    start: Callable[[Any], object]
    """Begins an errand."""
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One command for one host, as somebody wants it."""

    host: Host
    command: str
    within: timedelta = limits.JOB_USUAL
    seconds: float | None = None
    """What the host is told of that; 0 where it is to say itself."""
    is_shell: bool = False
    is_careful: bool = False
    """Whether only what changes nothing is run."""

    @property
    def arguments(self) -> dict[str, Any]:
        """What goes into the order."""
        return {
            "command": self.command,
            "shell": self.is_shell,
            "careful": self.is_careful,
            "seconds": self.within.total_seconds() if self.seconds is None else self.seconds,
        }


class RunningJobs:
    """Begins jobs, and finds them again when somebody presses Stop."""

    def __init__(self, desk: RunDesk) -> None:
        self._desk = desk
        self._running: dict[int, KeptJob] = {}
        self._beginning: set[str] = set()
        """Jobs that are being written down; nobody may take them for forgotten."""

    def __len__(self) -> int:
        """Count the jobs that run."""
        return len(self._running)

    def is_running(self, number: int, key: str) -> bool:
        """Say whether somebody follows a job, or is about to."""
        return number in self._running or key in self._beginning

    async def begin(
        self, asked: Asked, run: Run, *, after: Callable[[Job], Any] | None = None
    ) -> None:
        """Begin a job; whoever asked sees it in a message of its own.

        The same message never begins a second one: after a restart it is the same job.

        Raises:
            TooMuch: too many run already.
            Outage: it could not be written down; nothing runs.
        """
        if len(self._running) >= limits.JOBS_AT_ONCE:
            raise TooMuch("%(count)s commands run already; wait for one of them.", count=len(self))
        kept = KeptJob(
            key=name_job(asked, run.host.name),
            host=run.host.name,
            command=run.command,
            chat=asked.actor.chat,
            who=asked.actor.user_id,
            at=self._desk.clock(),
        )
        # An entry is cut where it is long; the digest is of all of it.
        digest = hashlib.sha256(run.command.encode(errors="replace")).hexdigest()[:_KEY]
        detail = f"begun{', shell' if run.is_shell else ''}, command sha256 {digest}"
        entry = write_entry(asked, on=run.host.name, detail=detail)
        self._beginning.add(kept.key)
        try:
            number = await self._desk.kept.begin(kept, entry=entry)
            if number is None:
                return
            self._running[number] = kept
        finally:
            self._beginning.discard(kept.key)
        self._desk.start(self._follow(asked, run, number, after))

    async def stop(self, number: int, scope: Scope) -> None:
        """Ask a job's host to end it; the message of the job tells how that went.

        Raises:
            Missing: it does not run any more, or does not exist for whoever asks.
            Outage: the host does not answer.
        """
        kept = self._running.get(number)
        host = self._find(kept.host, scope) if kept else None
        if kept is None or host is None:
            raise Missing("That is over already.")
        events = self._desk.hands.ask(
            host, Verb.CANCEL, job=f"{kept.key[:24]}.stop", within=limits.JOB_GRACE, of=kept.key
        )
        await ask_host(host.name, events)

    async def fetch(self, number: int, actor: Actor) -> tuple[str, str]:
        """Fetch what a job's host has kept of its output: the host, and the text.

        Raises:
            Missing: there is no such job, or its host does not exist for whoever asks.
            Outage: the host does not answer.
            HostRefused: it has not kept it.
        """
        kept = await self._desk.kept.find(number)
        host = self._find(kept.host, actor.scope) if kept else None
        if kept is None or host is None or kept.chat.chat_id != actor.chat.chat_id:
            raise Missing("Nothing is kept of that any more.")
        events = self._desk.hands.ask(
            host,
            Verb.FETCH,
            job=f"{kept.key[:24]}.output",
            within=limits.JOB_GRACE,
            of=kept.key,
        )
        return host.name, await fetch_output(host.name, events)

    def _find(self, name: str, scope: Scope) -> Host | None:
        hosts = visible(self._desk.inventory().hosts, scope)
        return next((host for host in hosts if host.name == name), None)

    async def _follow(
        self, asked: Asked, run: Run, number: int, after: Callable[[Job], Any] | None
    ) -> None:
        """Follow a job, and keep its message true."""
        kept = self._running[number]
        message = _Message(self._desk, asked, number)
        job = Job(host=run.host.name, command=run.command, asked_at=kept.at)
        try:
            if not await message.show(job):
                # Nobody could see it, nor stop it.
                await self._end(asked, number, job, "its message could not be shown; nothing ran")
                return
            if message.telegram_id is not None:
                await self._desk.kept.note_message(number, message.telegram_id)
            within = limits.JOB_LONGEST if run.seconds == 0 else run.within
            events = self._desk.hands.ask(
                run.host, Verb.RUN, job=kept.key, within=within, **run.arguments
            )
            job = await run_job(
                job, events, show=message.show, every=message.every, sleep=self._desk.sleep
            )
            await self._end(asked, number, job, "")
            self._running.pop(number, None)
            await message.finish(job)
        except BridgeError as fault:
            _log.error(fault.sentence, action="job", host=run.host.name, number=number)
        finally:
            self._running.pop(number, None)
        if after is not None:
            await after(job)

    async def _end(self, asked: Asked, number: int, job: Job, detail: str) -> None:
        entry = write_ending(asked, job, detail, now=self._desk.clock())
        await self._desk.kept.end(number, entry=entry)


class _Message:
    """The message that tells of a job."""

    def __init__(self, desk: RunDesk, asked: Asked, number: int) -> None:
        self._desk = desk
        self._asked = asked
        self._number = number
        self.telegram_id: int | None = None
        self._shown = ""

    @property
    def every(self) -> timedelta:
        """How often it may change."""
        is_private = self._asked.actor.is_private
        return limits.JOB_EVERY_PRIVATE if is_private else limits.JOB_EVERY_GROUP

    @property
    def _voice(self) -> Voice:
        return replace(self._asked.voice, now=self._desk.clock())

    async def show(self, job: Job) -> bool:
        """Show how a job stands; answer whether a message tells of it."""
        voice = self._voice
        stop = Button(label=voice.say("⏹ Stop"), press=f"stop {self._number}")
        content = write_job(voice, job, Keyboard(((stop,),)))
        return await self._put(content)

    async def finish(self, job: Job) -> None:
        """Show the end of it, its whole output as a file, and ring where somebody had to wait."""
        voice = self._voice
        await self._put(write_job(voice, job, _offer_after(voice, job, self._number)))
        file = write_file(voice, job)
        is_late = voice.now - job.asked_at > limits.JOB_RINGS_AFTER
        if file is not None:
            await self._say(file, is_loud=is_late)
        elif is_late:
            mark = "✅" if job.is_good else "❌"
            sentence = voice.say(
                "%(mark)s %(host)s: the command is over.", mark=mark, host=job.host
            )
            await self._say(Content(text=voice.write("sentence", text=sentence)), is_loud=True)

    async def _put(self, content: Content) -> bool:
        where = self._asked.actor.chat
        if content.text.text == self._shown:
            return True
        if self.telegram_id is None:
            reply_to = None if self._asked.actor.is_private else self._asked.message_id
            outcome = await self._desk.speaker.say(content, where, reply_to=reply_to, is_loud=False)
        else:
            outcome = await self._desk.speaker.change(content, where, self.telegram_id)
        if not isinstance(outcome, Sent):
            return False
        self.telegram_id, self._shown = outcome.telegram_id, content.text.text
        return True

    async def _say(self, content: Content, *, is_loud: bool) -> None:
        await self._desk.speaker.say(
            content, self._asked.actor.chat, reply_to=self.telegram_id, is_loud=is_loud
        )


def _offer_after(voice: Voice, job: Job, number: int) -> Keyboard | None:
    """Offer what its host kept of the output."""
    if job.left_out and job.kept:
        whole = Button(label=voice.say("📎 Whole output"), press=f"output {number}")
        return Keyboard(((whole,),))
    return None


def name_job(asked: Asked, host: str) -> str:
    """Name the job that a message begins on a host: the same message, the same job."""
    chat = asked.actor.chat
    words = f"{chat.chat_id} {chat.thread_id} {asked.message_id} {asked.command} {host}"
    return hashlib.sha256(words.encode()).hexdigest()[:_KEY]


def write_ending(asked: Asked, job: Job, detail: str = "", *, now: datetime) -> Entry:
    """Write for the audit how a job ended."""
    words = [job.state.value]
    if job.code is not None:
        words.append(f"code {job.code}")
    if job.signal:
        words.append(job.signal)
    if job.digest:
        words.append(f"{job.bytes} bytes sha256 {job.digest[:16]}")
    words += [each for each in (job.rule, detail) if each]
    outcome = Outcome.DONE if job.is_good else Outcome.FAILED
    if job.rule:
        outcome = Outcome.REFUSED
    entry = write_entry(asked, on=job.host, outcome=outcome, detail=", ".join(words))
    return replace(entry, at=now)
