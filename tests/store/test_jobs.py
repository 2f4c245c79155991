"""Commands on disk: none is begun twice, each has one end, and one bridge at a time follows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, func, select

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.jobs import State
from bridge.core.kept_jobs import KeptJob, Kind, LeftJob, read_jobs, write_jobs
from bridge.store.database import Database
from bridge.store.jobs import Jobs
from bridge.store.schema import bring_back, bring_up
from bridge.store.tables import audit
from tests.fakes.clock import NOON
from tests.store.stage import MINUTE, SECOND, Stage

CHAT = Destination(-5, 2)
JOB = KeptJob(
    key="a" * 32,
    hosts=("web-1",),
    command="df\0 \ud800",
    within=timedelta(seconds=30),
    chat=CHAT,
    who=7,
    name="Ada",
    what="/op_exec web-1 df",
    reply_to=500,
    at=NOON,
)
EVERYWHERE = replace(JOB, key="b" * 32, kind=Kind.BROADCAST, hosts=("web-1", "web-2"))
BEGUN = Entry(at=NOON, who=7, what="/op_exec web-1 df", on="web-1", detail="begun")
ENDED = replace(BEGUN, at=NOON + 3 * SECOND, detail="done")
ENDING = write_jobs([replace(each, state=State.DONE) for each in JOB.create_jobs()])


async def entries(stage: Stage) -> int:
    return int(await stage.scalar(select(func.count()).select_from(audit)))


def open_jobs(stage: Stage, owner: str = "one") -> Jobs:
    return Jobs(stage.database, owner=owner)


async def numbers_of(jobs: Jobs, stage: Stage, *under_way: int) -> list[int]:
    return [each.number for each in await jobs.claim(under_way=under_way, now=stage.now)]


@pytest.mark.parametrize("job", [JOB, EVERYWHERE, replace(JOB, kind=Kind.CLOSE, port=80)])
async def test_the_same_command_is_begun_once_and_written_down_with_it(
    stage: Stage, job: KeptJob
) -> None:
    jobs = open_jobs(stage)
    number = await jobs.begin(job, entry=BEGUN)
    assert number is not None
    assert await jobs.begin(job, entry=BEGUN) is None
    assert await entries(stage) == 1
    assert await jobs.find(number) == job
    assert await jobs.find(number + 1) is None


async def test_a_command_has_one_end_and_one_entry_of_it(stage: Stage) -> None:
    jobs = open_jobs(stage)
    number = await jobs.begin(JOB, entry=BEGUN) or 0
    assert await jobs.launch(number, CHAT, 44, now=NOON)
    assert await jobs.end(number, ENDING, entry=ENDED)
    assert not await jobs.end(number, ENDING, entry=ENDED)
    assert await entries(stage) == 2
    assert await jobs.find(number) == replace(JOB, telegram_id=44, out_at=NOON)
    assert await jobs.begin(JOB, entry=BEGUN) is None, "nor again after its end"


async def test_what_somebody_has_stopped_never_goes_out(stage: Stage) -> None:
    jobs = open_jobs(stage)
    number = await jobs.begin(JOB, entry=BEGUN) or 0
    assert await jobs.want_stop(number, now=NOON)
    assert not await jobs.launch(number, CHAT, 44, now=NOON)
    wanted = replace(JOB, telegram_id=44, is_unwanted=True)
    assert await jobs.find(number) == wanted, "its end is told in its message"
    assert await jobs.renew([number], now=NOON) == {number: True}
    await jobs.end(number, ENDING, entry=ENDED)
    assert not await jobs.want_stop(number, now=NOON), "it is over"


async def test_what_was_ended_by_another_bridge_does_not_go_out(stage: Stage) -> None:
    one, other = open_jobs(stage), open_jobs(stage, "other")
    number = await one.begin(JOB, entry=BEGUN) or 0
    stage.wait(limits.JOB_LEASE)
    assert await numbers_of(other, stage) == [number]
    assert not await one.launch(number, CHAT, 44, now=NOON), "it is not ours any more"
    assert await other.find(number) == JOB, "nor is its message"
    assert await other.end(number, ENDING, entry=ENDED)
    assert not await other.launch(number, CHAT, 44, now=NOON), "it is over"


async def test_what_a_living_bridge_follows_is_nobody_elses(stage: Stage) -> None:
    one, other = open_jobs(stage), open_jobs(stage, "other")
    number = await one.begin(JOB, entry=BEGUN) or 0
    for _ in range(10):
        stage.wait(limits.JOB_LEASE - SECOND)
        assert await numbers_of(other, stage) == []
        assert await one.renew([number], now=stage.now) == {number: False}
    stage.wait(limits.JOB_LEASE)
    assert await numbers_of(other, stage, number) == [], "it is under way there"
    assert await numbers_of(other, stage) == [number]
    assert await one.renew([number], now=stage.now) == {}, "it is another's now"
    stage.wait(limits.JOB_LEASE - SECOND)
    assert await numbers_of(one, stage) == [], "only the owner renews"
    stage.wait(SECOND)
    assert await numbers_of(one, stage) == [number]


async def test_a_lease_that_a_wrong_clock_gave_holds_nobody_up(stage: Stage) -> None:
    jobs = open_jobs(stage)
    number = await jobs.begin(replace(JOB, at=NOON + timedelta(days=1)), entry=BEGUN)
    assert await numbers_of(jobs, stage) == [number]


async def test_an_end_is_kept_until_it_is_told_and_then_forgotten(stage: Stage) -> None:
    jobs = open_jobs(stage)
    number = await jobs.begin(JOB, entry=BEGUN) or 0
    await jobs.launch(number, CHAT, 44, now=NOON)
    await jobs.end(number, ENDING, entry=ENDED)
    stage.wait(limits.JOB_LEASE)
    kept = replace(JOB, telegram_id=44, out_at=NOON)
    left = await jobs.claim(under_way=(), now=stage.now)
    assert left == (LeftJob(number, kept, ENDING, ENDED.at),)
    await jobs.postpone(number, until=stage.now + 2 * MINUTE)
    stage.wait(MINUTE)
    assert await numbers_of(jobs, stage) == []
    stage.wait(MINUTE)
    assert await numbers_of(jobs, stage) == [number]
    await jobs.note_told(number, now=stage.now)
    stage.wait(timedelta(hours=1))
    assert await numbers_of(jobs, stage) == []


async def test_a_bridge_that_is_alone_takes_up_at_once_what_it_had_begun(stage: Stage) -> None:
    number = await open_jobs(stage, "former").begin(JOB, entry=BEGUN)
    jobs = open_jobs(stage)
    await jobs.release()
    is_shared = stage.database.is_shared
    assert await numbers_of(jobs, stage) == ([] if is_shared else [number])


async def test_a_group_that_moves_takes_its_commands_along(stage: Stage) -> None:
    jobs = open_jobs(stage)
    number = await jobs.begin(JOB, entry=BEGUN) or 0
    await jobs.launch(number, CHAT, 44, now=NOON)
    await stage.destinations.move(CHAT.chat_id, -1005, now=NOON)
    there = Destination(-1005, CHAT.thread_id)
    assert await jobs.find(number) == replace(JOB, chat=there, out_at=NOON)
    await jobs.note_message(number, there, 9)
    assert await jobs.find(number) == replace(JOB, chat=there, telegram_id=9, out_at=NOON)


async def test_what_ended_long_ago_is_forgotten_and_what_has_no_end_never(stage: Stage) -> None:
    jobs = open_jobs(stage)
    number = await jobs.begin(JOB, entry=BEGUN) or 0
    other = await jobs.begin(EVERYWHERE, entry=BEGUN)
    await jobs.end(number, ENDING, entry=ENDED)
    assert await jobs.purge(now=NOON + limits.JOBS_KEPT) == 0
    assert await jobs.purge(now=NOON + limits.JOBS_KEPT + timedelta(days=1)) == 1
    stage.wait(timedelta(days=30))
    assert await numbers_of(jobs, stage) == [other]


async def test_commands_of_the_version_before_are_taken_up_and_told_ones_are_not_told_again(
    url: str,
) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        bring_up(connection, "0007")
        for number, ended in ((1, "NULL"), (2, "'2026-11-01 12:00:03'")):
            connection.exec_driver_sql(
                "INSERT INTO jobs (key, host, command, chat_id, thread_id, telegram_id, begun_by, "  # noqa: S608 - a statement of our own
                f"begun_at, ended_at) VALUES ('{number}', 'web-1', '\"df\"', -5, 0, 44, 7, "
                f"'2026-11-01 12:00:00', {ended})"
            ).close()
    engine.dispose()
    database = Database(url)
    await database.open()
    stage = Stage(database)
    [left] = await open_jobs(stage).claim(under_way=(), now=NOON)
    assert (left.number, left.kept.hosts, left.kept.name_on("web-1")) == (1, ("web-1",), "1")
    assert left.kept.is_out, "its host has to be asked"
    assert left.ending is None
    fresh = await open_jobs(stage).begin(EVERYWHERE, entry=BEGUN)
    assert fresh is not None
    await database.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        bring_back(connection, "0007")
        left_over = connection.exec_driver_sql("SELECT key FROM jobs ORDER BY id").scalars().all()
        assert list(left_over) == ["1", "2"], "of other kinds the version before knows nothing"
    engine.dispose()


def test_an_end_is_read_as_it_was_written() -> None:
    jobs = [
        replace(each, state=State.DONE, exit_status=0, head="x\ud800", bytes=4, digest="d")
        for each in EVERYWHERE.create_jobs()
    ]
    assert list(read_jobs(EVERYWHERE, write_jobs(jobs))) == [
        replace(each, room=limits.JOB_HEAD_CHARACTERS) for each in jobs
    ]
