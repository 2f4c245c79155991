"""One command on many hosts: told of in one message, grouped at the end, written down."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from agent.wire import Event, Verb
from bridge import limits
from bridge.core.alike import Alike, group_jobs
from bridge.core.audit import Entry, Outcome
from bridge.core.formatted import Content
from bridge.core.inventory import Host
from bridge.core.jobs import Job
from bridge.core.outbox import Sent
from bridge.core.questions import Wish
from bridge.flows.run_everywhere import run_everywhere
from bridge.inbound.chat.command import Asked, write_entry
from bridge.inbound.chat.running_jobs import Run, RunDesk, name_job
from bridge.views.jobs import write_everywhere, write_list_of_all

CAREFUL = "careful"
"""The rule by which a host refuses what would change something, where only looking was asked."""
Note = Callable[[Entry], Awaitable[None]]
"""Writes into the audit."""


class _Message:
    """The message that tells of all hosts."""

    def __init__(self, desk: RunDesk, asked: Asked, command: str) -> None:
        self._desk = desk
        self._asked = asked
        self._command = command
        self._telegram_id: int | None = None

    async def show(self, jobs: Sequence[Job], groups: Sequence[Alike] = ()) -> None:
        """Show how they stand."""
        speaker, chat = self._desk.speaker, self._asked.actor.chat
        voice = replace(self._asked.voice, now=self._desk.clock())
        content = write_everywhere(voice, self._command, jobs, groups)
        if self._telegram_id is not None:
            await speaker.change(content, chat, self._telegram_id)
            return
        reply_to = None if self._asked.actor.is_private else self._asked.message_id
        outcome = await speaker.say(
            content, chat, reply_to=reply_to, is_loud=self._asked.actor.is_private
        )
        if isinstance(outcome, Sent):
            self._telegram_id = outcome.telegram_id

    async def attach(self, content: Content) -> None:
        """Send a file or a question behind it."""
        await self._desk.speaker.say(
            content, self._asked.actor.chat, reply_to=self._telegram_id, is_loud=False
        )


@dataclass(frozen=True, kw_only=True)
class Everywhere:
    """Runs a command on many hosts."""

    desk: RunDesk
    note: Note
    ask_first: Callable[[Asked, Wish], Content]
    """Puts a question before something is changed."""

    async def run(
        self, asked: Asked, wish: Wish, hosts: Sequence[Host], *, is_careful: bool
    ) -> None:
        """Run it on these hosts; a careful one changes nothing, and asks where it would."""
        by_name = {each.name: each for each in hosts}
        message = _Message(self.desk, asked, wish.command)

        def ask(name: str) -> AsyncGenerator[Event, None]:
            run = Run(
                host=by_name[name],
                command=wish.command,
                within=wish.within,
                is_careful=is_careful,
            )
            return self.desk.hands.ask(
                run.host, Verb.RUN, job=name_job(asked, name), within=run.within, **run.arguments
            )

        is_private = asked.actor.is_private
        jobs = await run_everywhere(
            [name for name in wish.hosts if name in by_name],
            wish.command,
            ask=ask,
            now=self.desk.clock(),
            within=wish.within,
            tell=message.show,
            every=limits.JOB_EVERY_PRIVATE if is_private else limits.JOB_EVERY_GROUP,
            sleep=self.desk.sleep,
        )
        groups = group_jobs(jobs)
        try:
            await self._note_end(asked, wish, jobs)
        finally:
            await message.show(jobs, groups)
        if any(len(each.job.output) > limits.BROADCAST_SHOWN for each in groups) or len(groups) > 1:
            voice = replace(asked.voice, now=self.desk.clock())
            await message.attach(write_list_of_all(voice, wish.command, groups))
        names = tuple(job.host for job in jobs if job.rule == CAREFUL)
        if names:
            await message.attach(self.ask_first(asked, replace(wish, hosts=names)))

    async def _note_end(self, asked: Asked, wish: Wish, jobs: Sequence[Job]) -> None:
        good = sum(each.is_good for each in jobs)
        await self.note(
            write_entry(
                asked,
                on=list_hosts(wish),
                outcome=Outcome.DONE if good == len(jobs) else Outcome.FAILED,
                detail=f"{good} of {len(jobs)} ended well",
            )
        )


def list_hosts(wish: Wish) -> str:
    """Name hosts for the audit."""
    shown = ", ".join(wish.hosts[:20])
    more = len(wish.hosts) - 20
    return f"{shown} and {more} more" if more > 0 else shown
