"""The message that tells of a command, from its first word to its end, wherever its chat goes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.formatted import Content
from bridge.core.jobs import Job
from bridge.core.kept_jobs import KeptJob, Kind
from bridge.core.outbox import Outcome, Sent
from bridge.errors import Outage
from bridge.inbound.chat.job_desk import RunDesk
from bridge.logs import create_log
from bridge.views.commands import write_end, write_standing
from bridge.views.voice import Voice

_log = create_log(__name__)


class JobMessage:
    """The one message of a command; what is shown in it is shown one after the other."""

    def __init__(self, desk: RunDesk, number: int, kept: KeptJob, voice: Voice) -> None:
        self._desk = desk
        self._number = number
        self._kept = kept
        self._voice = voice
        self._where = kept.chat
        self._telegram_id = kept.telegram_id
        self._noted = (kept.chat, kept.telegram_id) if kept.is_out else None
        """Its place as it is on disk; None before it has to be there."""
        self._shown: object = None
        self.held_until = kept.at + limits.JOB_LEASE
        """Until when nobody else may tell how it ended."""
        self.is_left = False
        """Whether its end is left to whoever comes later."""
        self._turn = asyncio.Lock()

    @property
    def every(self) -> timedelta:
        """How often it may change."""
        return limits.JOB_EVERY_PRIVATE if self._kept.is_private else limits.JOB_EVERY_GROUP

    @property
    def is_held(self) -> bool:
        """Say whether nobody else may tell how it ended."""
        return self._desk.clock() < self.held_until

    async def launch(self) -> bool:
        """Write down, before any host is asked, which message tells of it; say whether to ask."""
        now = self._desk.clock()
        place = self._where, self._telegram_id
        is_wanted = await self._desk.kept.launch(self._number, *place, now=now)
        self._noted = place
        return is_wanted

    async def show(self, jobs: Sequence[Job]) -> bool:
        """Show how it stands; say whether a message tells of it.

        Nothing is shown that could come after the end that another bridge tells.
        """
        if not self.is_held:
            return False
        shown = write_standing(self._create_voice(), self._number, self._kept, jobs)
        if not await self._put(shown):
            return False
        try:
            await self._note_place()
        except Outage as fault:  # what is shown next notes it, or the end does
            _log.warning(fault.sentence, action="job", number=self._number)
        return True

    async def finish(
        self, jobs: Sequence[Job], *, ended_at: datetime | None = None, may_ring: bool = True
    ) -> bool:
        """Tell how it ended, and ring where somebody had to wait; say whether the chat knows.

        An edit that comes again changes nothing. A file does come again where a bridge ends before
        it has written down that the file was sent.

        Raises:
            Outage: what the chat knows could not be written down.
        """
        voice = self._create_voice()
        is_late = may_ring and voice.now - self._kept.at > limits.JOB_RINGS_AFTER
        shown, file = await self._write_end(voice, jobs)
        if not await self._put(shown):
            return await self._postpone(ended_at)
        await self._note_place()
        if file is not None and not await self.say(file, is_loud=is_late):
            return await self._postpone(ended_at)
        await self._desk.kept.note_told(self._number, now=self._desk.clock())
        if file is None and is_late and self._kept.kind is Kind.RUN:
            await self._ring(voice, jobs[0])
        return True

    async def say(self, content: Content, *, is_loud: bool = False) -> bool:
        """Say something behind it."""
        outcome = await self._desk.speaker.say(
            content, self._where, reply_to=self._telegram_id, is_loud=is_loud
        )
        self._follow(outcome)
        return isinstance(outcome, Sent)

    async def leave(self, wait: timedelta) -> None:
        """Leave it alone for so long; nothing of ours makes that longer."""
        self.is_left = True
        await self._desk.kept.postpone(self._number, until=self._desk.clock() + wait)

    async def _write_end(self, voice: Voice, jobs: Sequence[Job]) -> tuple[Content, Content | None]:
        """Write how it ended; megabytes of many hosts take a second, and alerts do not wait."""
        if sum(len(job.head) + len(job.tail) for job in jobs) <= limits.WRITTEN_AT_ONCE:
            return write_end(voice, self._number, self._kept, jobs)
        return await asyncio.to_thread(write_end, voice, self._number, self._kept, jobs)

    async def _ring(self, voice: Voice, job: Job) -> None:
        mark = "✅" if job.is_good else "❌"
        sentence = voice.say("%(mark)s %(host)s: the command is over.", mark=mark, host=job.host)
        await self.say(Content(text=voice.write("sentence", text=sentence)), is_loud=True)

    async def _postpone(self, ended_at: datetime | None) -> bool:
        """Have the end told later: the longer it has waited, the less often that is tried."""
        now = self._desk.clock()
        waited = now - (ended_at or now)
        wait = min(max(waited / 2, limits.TOLD_AGAIN), limits.TOLD_AGAIN_LONGEST)
        await self.leave(wait)
        return False

    async def _put(self, content: Content) -> bool:
        async with self._turn:
            look = content.text.text, content.keyboard
            if look == self._shown:
                return True
            outcome = await self._send(content)
            if not isinstance(outcome, Sent):
                return False
            self._follow(outcome)
            self._telegram_id, self._shown = outcome.telegram_id, look
            return True

    async def _note_place(self) -> None:
        """Have on disk where it is, once it has to be there."""
        async with self._turn:
            place = self._where, self._telegram_id
            if self._noted is not None and self._noted != place:
                await self._desk.kept.note_message(self._number, *place)
                self._noted = place

    async def _send(self, content: Content) -> Outcome:
        speaker = self._desk.speaker
        if self._telegram_id is not None:
            return await speaker.change(content, self._where, self._telegram_id)
        return await speaker.say(content, self._where, reply_to=self._kept.reply_to, is_loud=False)

    def _follow(self, outcome: Outcome) -> None:
        """Go where the chat has gone, once it has become a supergroup."""
        if isinstance(outcome, Sent) and outcome.moved_to is not None:
            self._where = Destination(outcome.moved_to, self._where.thread_id)

    def _create_voice(self) -> Voice:
        return replace(self._voice, now=self._desk.clock())
