"""Jobs on disk: none is begun twice, and each has one end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.jobs import KeptJob
from bridge.store.jobs import Jobs
from bridge.store.tables import audit
from tests.fakes.clock import NOON
from tests.store.stage import Stage

JOB = KeptJob(
    key="a" * 32, host="web-1", command="df\0 \ud800", chat=Destination(-5, 2), who=7, at=NOON
)
BEGUN = Entry(at=NOON, who=7, what="/op_exec web-1 df", on="web-1", detail="begun")
ENDED = replace(BEGUN, at=NOON + timedelta(seconds=3), detail="done")


async def entries(stage: Stage) -> int:
    return int(await stage.scalar(select(func.count()).select_from(audit)))


async def test_the_same_job_is_begun_once_and_written_down_with_it(stage: Stage) -> None:
    jobs = Jobs(stage.database)
    number = await jobs.begin(JOB, entry=BEGUN)
    assert number is not None
    assert await jobs.begin(JOB, entry=BEGUN) is None
    assert await entries(stage) == 1
    assert await jobs.unfinished() == ((number, JOB),)
    assert await jobs.find(number) == JOB
    assert await jobs.find(number + 1) is None


async def test_a_job_has_one_end_and_one_entry_of_it(stage: Stage) -> None:
    jobs = Jobs(stage.database)
    number = await jobs.begin(JOB, entry=BEGUN) or 0
    await jobs.note_message(number, 44)
    assert await jobs.end(number, entry=ENDED)
    assert not await jobs.end(number, entry=ENDED)
    assert await entries(stage) == 2
    assert await jobs.unfinished() == ()
    assert await jobs.find(number) == replace(JOB, telegram_id=44)
    assert await jobs.begin(JOB, entry=BEGUN) is None, "nor again after its end"


async def test_what_ended_long_ago_is_forgotten_and_what_has_no_end_never(stage: Stage) -> None:
    jobs = Jobs(stage.database)
    number = await jobs.begin(JOB, entry=BEGUN) or 0
    other = await jobs.begin(replace(JOB, key="b" * 32), entry=BEGUN)
    await jobs.end(number, entry=ENDED)
    assert await jobs.purge(now=NOON + limits.JOBS_KEPT) == 0
    assert await jobs.purge(now=NOON + limits.JOBS_KEPT + timedelta(days=1)) == 1
    assert [each for each, _ in await jobs.unfinished()] == [other]
