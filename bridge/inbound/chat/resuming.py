"""After a restart every job that was begun gets one true end: in its message and in the audit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from agent.wire import Verb
from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Entry, Outcome
from bridge.core.inventory import Host, Inventory
from bridge.core.jobs import Job, KeptJob, State, fail
from bridge.errors import BridgeError
from bridge.flows.follow_job import follow_job
from bridge.inbound.chat.running_jobs import Hands, Speaker
from bridge.logs import create_log
from bridge.views.jobs import write_file, write_job
from bridge.views.voice import Voice

_log = create_log(__name__)


class Kept(Protocol):
    """Keeps which jobs were begun."""

    async def unfinished(self) -> Sequence[tuple[int, KeptJob]]:
        """List the jobs whose end is not known, with their numbers."""
        ...

    async def end(self, number: int, *, entry: Entry) -> bool:
        """Write down how it ended; say whether that was not known before."""
        ...


@dataclass(frozen=True, kw_only=True)
class Resuming:
    """Asks the hosts what became of the jobs that a former run has begun."""

    hands: Hands
    speaker: Speaker
    kept: Kept
    inventory: Callable[[], Inventory]
    find_voice: Callable[[Destination], Awaitable[Voice]]
    clock: Callable[[], datetime]

    async def resume(self, running: Callable[[int, str], bool]) -> None:
        """Bring every job to its end that nobody follows; one that cannot be told yet waits.

        All at once: a host that is silent keeps no other's job from its end.
        """
        left = [
            (number, kept)
            for number, kept in await self.kept.unfinished()
            if not running(number, kept.key)
        ]
        await asyncio.gather(*(self._try(number, kept) for number, kept in left))

    async def _try(self, number: int, kept: KeptJob) -> None:
        try:
            await self._resume(number, kept)
        except BridgeError as fault:
            _log.warning(fault.sentence, action="resume", host=kept.host, number=number)
        except Exception:  # noqa: BLE001 - what one host says must not keep the others' ends away
            _log.exception("a job was not resumed", action="resume", host=kept.host, number=number)

    async def _resume(self, number: int, kept: KeptJob) -> None:
        job = await self._learn(kept)
        if job.rule == "unknown":  # its host knows nothing of it: it may have run all the same
            job = fail(replace(job, rule="", sentence=""), State.SILENT, job.sentence)
        is_old = self.clock() - kept.at > limits.JOB_LONGEST + limits.JOB_GRACE
        if job.state in {State.UNREACHABLE, State.SILENT} and not is_old:
            return  # its host may come back and tell
        if job.state is State.UNREACHABLE:
            # It was begun: that nobody answers now does not say that it did not run.
            job = fail(job, State.SILENT, job.sentence)
        if await self.kept.end(number, entry=_write_ending(kept, job, self.clock())):
            await self._show(kept, job)

    async def _learn(self, kept: KeptJob) -> Job:
        job = Job(host=kept.host, command=kept.command, asked_at=kept.at)
        host = self._find(kept.host)
        if host is None or not host.agent_address:
            return fail(job, State.SILENT, "")
        events = self.hands.ask(
            host,
            Verb.FOLLOW,
            job=kept.key,
            within=limits.JOB_LONGEST,
            of=kept.key,
        )
        return await follow_job(job, events)

    def _find(self, name: str) -> Host | None:
        return next((host for host in self.inventory().hosts if host.name == name), None)

    async def _show(self, kept: KeptJob, job: Job) -> None:
        voice = await self.find_voice(kept.chat)
        content = write_job(voice, job)
        if kept.telegram_id is None:
            await self.speaker.say(content, kept.chat, reply_to=None, is_loud=False)
        else:
            await self.speaker.change(content, kept.chat, kept.telegram_id)
        file = write_file(voice, job)
        if file is not None:
            await self.speaker.say(file, kept.chat, reply_to=kept.telegram_id, is_loud=False)


def _write_ending(kept: KeptJob, job: Job, now: datetime) -> Entry:
    words = [job.state.value, "told after a restart"]
    if job.code is not None:
        words.insert(1, f"code {job.code}")
    return Entry(
        at=now,
        who=kept.who,
        name="",
        chat=kept.chat,
        what=kept.command,
        on=kept.host,
        outcome=Outcome.DONE if job.is_good else Outcome.FAILED,
        detail=", ".join(words),
    )
