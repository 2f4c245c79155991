"""Commands of every kind as a chat reads them: while they run, and once they have ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bridge import limits
from bridge.core.alike import Alike, group_jobs
from bridge.core.formatted import Content
from bridge.core.jobs import Job
from bridge.core.kept_jobs import KeptJob, Kind
from bridge.core.keyboards import Button, Keyboard, in_rows, name_host
from bridge.views.jobs import (
    clean,
    write_closed,
    write_everywhere,
    write_file,
    write_job,
    write_list_of_all,
)
from bridge.views.voice import Voice

_OFFERED: Final = 6
"""Hosts of a broadcast whose whole output is offered: three rows."""


def write_standing(voice: Voice, number: int, kept: KeptJob, jobs: Sequence[Job]) -> Content:
    """Write how a command stands that has not ended."""
    stop = Keyboard(((Button(label=voice.say("⏹ Stop"), press=f"stop {number}"),),))
    match kept.kind:
        case Kind.RUN:
            return write_job(voice, jobs[0], stop)
        case Kind.BROADCAST:
            return write_everywhere(voice, kept.command, jobs, keyboard=stop)
        case Kind.CLOSE:
            return write_closed(voice, jobs[0], kept.port)


def write_end(
    voice: Voice, number: int, kept: KeptJob, jobs: Sequence[Job]
) -> tuple[Content, Content | None]:
    """Write how it ended: the message, and a file where that has only a part of the output."""
    match kept.kind:
        case Kind.RUN:
            job = jobs[0]
            offer = _offer_whole(voice, number, job)
            return write_job(voice, job, offer), write_file(voice, job)
        case Kind.BROADCAST:
            groups = group_jobs(jobs, clean=clean)
            offer = _offer_outputs(number, groups)
            shown = write_everywhere(voice, kept.command, jobs, groups, offer)
            is_short = len(groups) <= 1 and all(
                len(each.job.output) <= limits.BROADCAST_SHOWN for each in groups
            )
            return shown, None if is_short else write_list_of_all(voice, kept.command, groups)
        case Kind.CLOSE:
            return write_closed(voice, jobs[0], kept.port), None


def _offer_whole(voice: Voice, number: int, job: Job) -> Keyboard | None:
    """Offer what its host kept of the output."""
    if job.left_out and job.kept:
        whole = Button(label=voice.say("📎 Whole output"), press=f"output {number}")
        return Keyboard(((whole,),))
    return None


def _offer_outputs(number: int, groups: Sequence[Alike]) -> Keyboard | None:
    """Offer what one host of each group kept, where the file has not all of it."""
    cut = [each.hosts[0] for each in groups if each.job.left_out and each.job.kept]
    buttons = [
        Button(label=f"📎 {host}", press=f"output {number} {name_host(host)}")
        for host in cut[:_OFFERED]
    ]
    return Keyboard(in_rows(buttons, 2)) if buttons else None
