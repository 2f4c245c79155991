"""One command on many hosts: told of in one message, grouped at the end, written down."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from agent.wire import Event, Verb
from bridge.core.formatted import Content
from bridge.core.inventory import Host
from bridge.core.jobs import Job
from bridge.core.kept_jobs import Kind, name_command, write_beginning
from bridge.core.questions import Wish
from bridge.flows.run_everywhere import run_everywhere
from bridge.inbound.chat.command import Asked
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.live_jobs import Live, LiveJobs
from bridge.inbound.chat.running_jobs import Run, create_kept, describe_command

CAREFUL = "careful"
"""The rule by which a host refuses what would change something, where only looking was asked."""


@dataclass(frozen=True, kw_only=True)
class Everywhere:
    """Runs a command on many hosts."""

    desk: RunDesk
    live: LiveJobs
    ask_first: Callable[[Asked, Wish], Content]
    """Puts a question before something is changed."""

    async def begin(
        self, asked: Asked, wish: Wish, hosts: Sequence[Host], *, is_careful: bool
    ) -> None:
        """Begin it on these hosts; a careful one changes nothing, and asks where it would.

        Raises:
            TooMuch: too many run already.
            Outage: it could not be written down; nothing runs.
        """
        kept = create_kept(
            asked,
            kind=Kind.BROADCAST,
            key=name_command(asked.actor.chat, asked.message_id, asked.command),
            hosts=tuple(each.name for each in hosts),
            command=wish.command,
            within=wish.within,
            at=self.desk.clock(),
        )
        entry = write_beginning(kept, describe_command(wish.command))
        carry_out = partial(self._run, hosts, is_careful)
        after = partial(self._ask_first, asked, wish)
        await self.live.begin(kept, asked.voice, carry_out, entry=entry, after=after)

    async def _run(self, hosts: Sequence[Host], is_careful: bool, live: Live) -> Sequence[Job]:  # noqa: FBT001 - bound before it is called
        kept, by_name = live.kept, {each.name: each for each in hosts}

        def ask(name: str) -> AsyncGenerator[Event, None]:
            run = Run(
                host=by_name[name],
                command=kept.command,
                within=kept.within,
                is_careful=is_careful,
            )
            return self.desk.hands.ask(
                run.host, Verb.RUN, job=kept.name_on(name), within=run.within, **run.arguments
            )

        async def tell(jobs: Sequence[Job]) -> None:
            live.jobs = jobs
            await live.message.show(jobs)

        return await run_everywhere(
            live.jobs,
            ask=ask,
            # Whoever holds it now has told of those that were not asked yet.
            is_stopped=lambda: live.is_unwanted or not live.message.is_held,
            within=kept.within,
            tell=tell,
            every=live.message.every,
            sleep=self.desk.sleep,
        )

    async def _ask_first(self, asked: Asked, wish: Wish, live: Live, jobs: Sequence[Job]) -> None:
        """Ask whether it is to be done all the same where it would change something."""
        names = tuple(job.host for job in jobs if job.rule == CAREFUL)
        if names:
            await live.message.say(self.ask_first(asked, replace(wish, hosts=names)))
