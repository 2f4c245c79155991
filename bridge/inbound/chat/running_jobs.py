"""One command on one host: shown as it grows, and what its host kept of its output."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from agent.wire import Verb
from bridge import limits
from bridge.core.access import Actor, visible
from bridge.core.inventory import Host
from bridge.core.jobs import Job
from bridge.core.kept_jobs import KeptJob, Kind, name_command, write_beginning
from bridge.core.keyboards import name_host
from bridge.errors import Missing
from bridge.flows.fetch_output import fetch_output
from bridge.flows.run_job import run_job
from bridge.inbound.chat.command import Asked
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.live_jobs import Live, LiveJobs

_DIGEST = 32  # hex digits: nobody finds two commands that are alike


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
    """Runs commands on one host each."""

    def __init__(self, desk: RunDesk, live: LiveJobs) -> None:
        self._desk = desk
        self._live = live

    async def begin(
        self, asked: Asked, run: Run, *, after: Callable[[Job], Awaitable[None]] | None = None
    ) -> None:
        """Begin a job; whoever asked sees it in a message of its own.

        Raises:
            TooMuch: too many run already.
            Outage: it could not be written down; nothing runs.
        """
        name = run.host.name
        kept = create_kept(
            asked,
            kind=Kind.RUN,
            key=name_command(asked.actor.chat, asked.message_id, asked.command, name),
            hosts=(name,),
            command=run.command,
            within=limits.JOB_LONGEST if run.seconds == 0 else run.within,
            at=self._desk.clock(),
        )

        async def go_on(_: Live, jobs: Sequence[Job]) -> None:
            if after is not None:
                await after(jobs[0])

        entry = write_beginning(kept, describe_command(run.command, is_shell=run.is_shell))
        carry_out = partial(self._run, run)
        await self._live.begin(kept, asked.voice, carry_out, entry=entry, after=go_on)

    async def fetch(self, number: int, word: str, actor: Actor) -> tuple[str, str]:
        """Fetch what the host of a job has kept of its output: the host, and the text.

        Of a command on many hosts, the word says which.

        Raises:
            Missing: there is no such job, or its host does not exist for whoever asks.
            Outage: the host does not answer.
            HostRefused: it has not kept it.
        """
        kept = await self._desk.kept.find(number)
        host = self._choose(kept, word, actor) if kept is not None else None
        if kept is None or host is None or kept.chat.chat_id != actor.chat.chat_id:
            raise Missing("Nothing is kept of that any more.")
        events = self._desk.hands.ask(
            host,
            Verb.FETCH,
            job=kept.name_errand(host.name, "output"),
            within=limits.JOB_GRACE,
            of=kept.name_on(host.name),
        )
        return host.name, await fetch_output(host.name, events)

    def _choose(self, kept: KeptJob, word: str, actor: Actor) -> Host | None:
        is_only = len(kept.hosts) == 1 and not word
        names = [each for each in kept.hosts if is_only or word in {each, name_host(each)}]
        hosts = visible(self._desk.inventory().hosts, actor.scope)
        return next((host for host in hosts if host.name in names), None)

    async def _run(self, run: Run, live: Live) -> Sequence[Job]:
        name = run.host.name
        events = self._desk.hands.ask(
            run.host,
            Verb.RUN,
            job=live.kept.name_on(name),
            within=live.kept.within,
            **run.arguments,
        )

        async def show(job: Job) -> None:
            await live.message.show((job,))

        every = live.message.every
        job = await run_job(live.jobs[0], events, show=show, every=every, sleep=self._desk.sleep)
        return (job,)


def create_kept(asked: Asked, **about: Any) -> KeptJob:
    """Write down who asks for a command, where, and in which words."""
    actor = asked.actor
    return KeptJob(
        chat=actor.chat,
        who=actor.user_id,
        name=actor.name,
        what=f"/{asked.command} {asked.text}".strip(),
        reply_to=None if actor.is_private else asked.message_id,
        **about,
    )


def describe_command(command: str, *, is_shell: bool = False) -> str:
    """Say for the audit what begins: an entry is cut where it is long, the digest is of all."""
    digest = hashlib.sha256(command.encode(errors="replace")).hexdigest()[:_DIGEST]
    return f"begun{', shell' if is_shell else ''}, command sha256 {digest}"
