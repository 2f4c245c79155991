"""Every command that nobody follows gets one true end: in its message and in the audit.

After a restart a bridge takes up what it had begun; of several bridges, each what another one that
is gone has left. An end that is on disk and that the chat does not know yet is told here as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from agent.wire import Verb
from bridge import limits
from bridge.core.jobs import Job, State, fail
from bridge.core.kept_jobs import KeptJob, Kind, LeftJob, read_jobs
from bridge.errors import BridgeError
from bridge.flows.follow_job import follow_job
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.live_jobs import Live, LiveJobs
from bridge.logs import create_log

_log = create_log(__name__)
_UNKNOWN = "unknown"
"""The rule by which a host refuses to tell of a job: it knows none of that name."""
_NEVER_RAN = frozenset({"start", "record", "argument"})
"""Rules by which it tells of a job that it could not start; any other is about the question."""


class Resuming:
    """Asks the hosts what became of the commands that nobody follows."""

    def __init__(self, desk: RunDesk, live: LiveJobs) -> None:
        self._desk = desk
        self._live = live
        self._is_released = False
        self._learned: dict[int, dict[str, Job]] = {}
        """What some hosts have told of commands of which others have not."""

    async def resume(self) -> None:
        """Begin to bring to their ends what nobody follows; one that cannot be told yet waits.

        All at once: a host that is silent keeps no other's command from its end.
        """
        if not self._is_released:
            await self._desk.kept.release()
            self._is_released = True
        now = self._desk.clock()
        for left in await self._desk.kept.claim(under_way=self._live.numbers, now=now):
            self._desk.start(self._try(left))

    async def _try(self, left: LeftJob) -> None:
        number = left.number
        try:
            async with self._live.hold(number, left.kept) as live:
                await self._resume(live, left)
        except BridgeError as fault:
            _log.warning(fault.sentence, action="resume", number=number)
        except Exception:  # noqa: BLE001 - what one host says must not keep the others' ends away
            _log.exception("a command was not resumed", action="resume", number=number)

    async def _resume(self, live: Live, left: LeftJob) -> None:
        if left.ending is not None:
            live.is_over = True
            jobs = read_jobs(left.kept, left.ending)
            await live.message.finish(jobs, ended_at=left.ended_at, may_ring=False)
            return
        if live.kept.is_unwanted and live.kept.is_out:
            self._desk.start(self._live.cancel(live))
        learned = await self._learn(live.number, live.kept)
        if learned is None:  # its hosts may come back and tell
            await live.message.leave(limits.TOLD_AGAIN)
            return
        if await self._live.end(live, learned, "told after a restart"):
            await live.message.finish(learned, may_ring=False)
        self._learned.pop(live.number, None)

    async def _learn(self, number: int, kept: KeptJob) -> Sequence[Job] | None:
        """Learn how a command ended on each host; None where that is to be asked again."""
        asked = kept.create_jobs()
        if not kept.is_out:
            return [fail(each, State.WITHDRAWN, "") for each in asked]
        if kept.kind is Kind.CLOSE:
            # To ask once more would end whatever listens there now.
            return [fail(each, State.SILENT, "") for each in asked]
        learned = self._learned.setdefault(number, {})
        room = asyncio.Semaphore(limits.BROADCAST_AT_ONCE)

        async def learn(job: Job) -> None:
            async with room:
                told = await self._ask(kept, job)
            if told is not None:
                learned[job.host] = told

        await asyncio.gather(*(learn(each) for each in asked if each.host not in learned))
        if len(learned) < len(asked):
            return None
        return [learned[each.host] for each in asked]

    async def _ask(self, kept: KeptJob, job: Job) -> Job | None:
        """Ask a host what became of its job; None where it may still tell."""
        host = self._desk.find_host(job.host)
        if host is None:
            return fail(job, State.SILENT, "")
        events = self._desk.hands.ask(
            host,
            Verb.FOLLOW,
            job=kept.name_on(host.name),
            within=limits.JOB_LONGEST,
            of=kept.name_on(host.name),
        )
        try:
            job = await follow_job(job, events)
        except Exception:  # noqa: BLE001 - what one host says must not keep the others' ends away
            _log.exception("a host's job was not followed", action="resume", host=job.host)
            job = fail(job, State.SILENT, "")
        age = self._desk.clock() - (kept.out_at or kept.at)
        is_answered = job.state not in {State.UNREACHABLE, State.SILENT}
        if is_answered and (job.state is not State.REFUSED or job.rule in _NEVER_RAN):
            return job
        # It was begun: that nobody knows of it, or answers, does not say that it did not run. And
        # while its order is good, it may yet.
        patience = limits.JOB_LONGEST + limits.JOB_GRACE
        is_old = age > (limits.ORDER_DEAD if job.rule == _UNKNOWN else patience)
        unknown = replace(job, rule="", sentence="", nearest="", remedy="")
        return fail(unknown, State.SILENT, job.sentence) if is_old else None
