"""Commands that somebody follows just now: begun, held, stopped, and brought to their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agent.wire import Verb
from bridge import limits
from bridge.core.access import Scope
from bridge.core.audit import Entry
from bridge.core.jobs import Job, State, fail
from bridge.core.kept_jobs import KeptJob, Kind, write_ending, write_jobs
from bridge.errors import BridgeError, Missing, Outage, TooMuch
from bridge.flows.ask_host import ask_host
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.job_message import JobMessage
from bridge.logs import create_log
from bridge.views.voice import Voice

_log = create_log(__name__)


@dataclass(kw_only=True)
class Live:
    """A command that we follow."""

    number: int
    kept: KeptJob
    message: JobMessage
    jobs: Sequence[Job]
    """As far as they are known."""
    is_out: bool = False
    """Whether any host may have been asked."""
    is_over: bool = False
    is_unwanted: bool = False
    stopped: set[str] = field(default_factory=set)
    """Hosts that have said that they end it."""


CarryOut = Callable[[Live], Awaitable[Sequence[Job]]]
"""Asks the hosts and follows their jobs; gives the ended ones."""
After = Callable[[Live, Sequence[Job]], Awaitable[None]]


class LiveJobs:
    """Begins commands of every kind, and finds them again when somebody presses Stop."""

    def __init__(self, desk: RunDesk) -> None:
        self._desk = desk
        self._live: dict[int, Live] = {}
        self._beginning: list[Kind] = []
        """Kinds of what is being written down; it counts as running."""

    @property
    def numbers(self) -> Collection[int]:
        """Which ones are followed."""
        return tuple(self._live)

    async def begin(
        self,
        kept: KeptJob,
        voice: Voice,
        carry_out: CarryOut,
        *,
        entry: Entry,
        after: After | None = None,
    ) -> None:
        """Begin a command; whoever asked sees it in a message.

        The same message never begins a second one: after a restart it is the same command.

        Raises:
            TooMuch: too many run already.
            Outage: it could not be written down; nothing runs.
        """
        self._require_room(kept.kind)
        self._beginning.append(kept.kind)
        try:
            number = await self._desk.kept.begin(kept, entry=entry)
        finally:
            self._beginning.remove(kept.kind)
        if number is None:
            return
        live = self._take_up(number, kept, voice)
        self._desk.start(self._see_through(live, carry_out, after))

    async def stop(self, number: int, scope: Scope) -> None:
        """Have a command end, or never begin; its message tells how that went.

        Raises:
            Missing: it has ended, or does not exist for whoever asks.
            Outage: the host does not answer; it is asked again until the command has ended.
        """
        live = self._live.get(number)
        kept = live.kept if live is not None else await self._desk.kept.find(number)
        if kept is None or not self._is_visible(kept, scope):
            raise Missing("That is over already.")
        if not await self._desk.kept.want_stop(number, now=self._desk.clock()):
            raise Missing("That is over already.")
        # Another bridge that follows it sees that when it renews its lease.
        if live is not None:
            await self.cancel(live)

    async def renew(self) -> None:
        """Keep what we follow, and stop what was stopped where another bridge heard it."""
        numbers = [number for number, live in self._live.items() if not live.message.is_left]
        if not numbers:
            return
        now = self._desk.clock()
        for number, is_unwanted in (await self._desk.kept.renew(numbers, now=now)).items():
            live = self._live.get(number)
            if live is None:
                continue
            live.message.held_until = now + limits.JOB_LEASE
            if is_unwanted and not live.is_unwanted:
                self._desk.start(self.cancel(live))

    async def cancel(self, live: Live) -> None:
        """Ask the hosts to end it, until it is over: an order may be on its way to them yet.

        Raises:
            Outage: its one host does not answer.
        """
        if not live.is_unwanted:
            live.is_unwanted = True
            self._desk.start(self._keep_cancelling(live))
        await self._cancel(live)

    @asynccontextmanager
    async def hold(self, number: int, kept: KeptJob) -> AsyncIterator[Live]:
        """Follow a command that a former run, or another bridge, has begun."""
        voice = await self._desk.find_voice(kept.chat)
        live = self._take_up(number, kept, voice)
        try:
            yield live
        finally:
            self._let_go(live)

    async def end(self, live: Live, jobs: Sequence[Job], detail: str = "") -> bool:
        """Write down how a command ended; say whether that was not known before."""
        live.is_over = True
        entry = write_ending(live.kept, jobs, detail, now=self._desk.clock())
        return await self._desk.kept.end(live.number, write_jobs(jobs), entry=entry)

    def _require_room(self, kind: Kind) -> None:
        running = [each.kept.kind for each in self._live.values() if not each.is_over]
        running += self._beginning
        is_full = len(running) >= limits.JOBS_AT_ONCE
        if kind is Kind.BROADCAST:
            is_full = is_full or running.count(kind) >= limits.BROADCASTS_AT_ONCE
        if is_full:
            count = len(running)
            raise TooMuch("%(count)s commands run already; wait for one of them.", count=count)

    def _take_up(self, number: int, kept: KeptJob, voice: Voice) -> Live:
        message = JobMessage(self._desk, number, kept, voice)
        jobs, is_out = kept.create_jobs(), kept.is_out
        live = Live(number=number, kept=kept, message=message, jobs=jobs, is_out=is_out)
        self._live[number] = live
        return live

    def _let_go(self, live: Live) -> None:
        live.is_over = True
        self._live.pop(live.number, None)

    async def _see_through(self, live: Live, carry_out: CarryOut, after: After | None) -> None:
        """Follow a command to its end, and keep its message true."""
        try:
            jobs, detail = await self._carry_out(live, carry_out)
            if not await self._insist_on_end(live, jobs, detail):
                return
            await live.message.finish(jobs)
        except BridgeError as fault:  # whoever looks for what nobody follows brings it to its end
            hosts = live.kept.host
            _log.error(fault.sentence, action="job", host=hosts, number=live.number)
            return
        finally:
            self._let_go(live)
        if after is not None:
            await after(live, jobs)

    async def _insist_on_end(self, live: Live, jobs: Sequence[Job], detail: str) -> bool:
        """Write down how it ended, also where the store is out for a moment.

        What a host has said once it may not be able to say again. While nobody else may tell the
        end, one that is there already is our own, which the store took without saying so.

        Raises:
            Outage: the store is out for longer than the command is ours.
        """
        is_again = False
        while True:
            try:
                is_news = await self.end(live, jobs, detail)
            except Outage as fault:
                if not live.message.is_held:
                    raise
                _log.warning(fault.sentence, action="job", number=live.number)
            else:
                return is_news or (is_again and live.message.is_held)
            is_again = True
            await self._desk.sleep(limits.ENDED_AGAIN.total_seconds())

    async def _carry_out(self, live: Live, carry_out: CarryOut) -> tuple[Sequence[Job], str]:
        withdrawn = [fail(each, State.WITHDRAWN, "") for each in live.jobs]
        if not await live.message.show(live.jobs):
            # Nobody could see it, nor stop it.
            return withdrawn, "its message could not be shown"
        # Stop may come while it is being written down that hosts are asked.
        if not await live.message.launch() or live.is_unwanted:
            return withdrawn, ""
        live.is_out = True
        return await carry_out(live), ""

    async def _cancel(self, live: Live) -> None:
        """Ask each host once that has not said that it ends it."""
        if not live.is_out or live.kept.kind is Kind.CLOSE:  # what is closed is not opened again
            return
        room = asyncio.Semaphore(limits.BROADCAST_AT_ONCE)
        left = [
            each.host
            for each in live.jobs
            if not each.state.is_over and each.host not in live.stopped
        ]

        async def cancel(name: str) -> None:
            host = self._desk.find_host(name)
            if host is None:
                return
            async with room:
                events = self._desk.hands.ask(
                    host,
                    Verb.CANCEL,
                    job=live.kept.name_errand(name, "stop"),
                    within=limits.STOP_WITHIN,
                    of=live.kept.name_on(name),
                )
                facts = await ask_host(name, events)
            if facts.get("stopped") is True:
                live.stopped.add(name)

        outcomes = await asyncio.gather(*map(cancel, left), return_exceptions=True)
        faults = [each for each in outcomes if isinstance(each, BaseException)]
        if faults and live.kept.kind is Kind.RUN:
            raise faults[0]

    async def _keep_cancelling(self, live: Live) -> None:
        while not live.is_over:
            await self._desk.sleep(limits.STOP_AGAIN.total_seconds())
            try:
                await self._cancel(live)
            except BridgeError as fault:
                _log.info(fault.sentence, action="stop", number=live.number)
            except Exception:  # noqa: BLE001 - a Stop is never lost while the command goes on
                _log.exception("a command was not stopped", action="stop", number=live.number)

    def _is_visible(self, kept: KeptJob, scope: Scope) -> bool:
        """Say whether all of its hosts that there are exist for somebody."""
        hosts = [each for each in map(self._desk.find_host, kept.hosts) if each is not None]
        return bool(hosts) and all(map(scope.covers, hosts))
