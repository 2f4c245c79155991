"""What listens on a port of a host is ended, once: nobody asks a second time after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from agent.wire import Verb
from bridge import limits
from bridge.core.inventory import Host
from bridge.core.jobs import Job
from bridge.core.kept_jobs import Kind, name_command, write_beginning
from bridge.flows.close_port import close_port
from bridge.inbound.chat.command import Asked
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.live_jobs import Live, LiveJobs
from bridge.inbound.chat.running_jobs import create_kept


@dataclass(frozen=True, kw_only=True)
class Closing:
    """Ends listeners."""

    desk: RunDesk
    live: LiveJobs

    async def begin(self, asked: Asked, host: Host, port: int) -> None:
        """Begin it; the question that was answered becomes the message that tells of it.

        Raises:
            TooMuch: too many commands run already.
            Outage: it could not be written down; nothing is ended.
        """
        kept = create_kept(
            asked,
            kind=Kind.CLOSE,
            key=name_command(asked.actor.chat, asked.message_id, asked.command, host.name),
            hosts=(host.name,),
            port=port,
            within=limits.JOB_GRACE,
            at=self.desk.clock(),
        )
        if asked.is_pressed:
            kept = replace(kept, telegram_id=asked.message_id)
        entry = write_beginning(kept, "begun")
        await self.live.begin(kept, asked.voice, partial(self._close, host), entry=entry)

    async def _close(self, host: Host, live: Live) -> Sequence[Job]:
        kept = live.kept
        job = kept.name_on(host.name)
        events = self.desk.hands.ask(host, Verb.CLOSE, job=job, within=kept.within, port=kept.port)
        return (await close_port(live.jobs[0], events),)
