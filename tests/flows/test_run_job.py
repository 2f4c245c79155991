"""A job grows in its message as fast as the chat allows, and always has one end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.wire import Ended, Event, Output, Started, Why
from bridge.core.jobs import Job, State
from bridge.errors import BridgeError, Late, Outage, Refused
from bridge.flows.follow_job import follow_job
from bridge.flows.run_everywhere import run_everywhere
from bridge.flows.run_job import run_job
from tests.fakes.hands import done

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASKED = Job(host="web-1", command="df", asked_at=NOON)
SECOND = timedelta(seconds=1)


async def saying(*events: Event | BridgeError) -> AsyncGenerator[Event, None]:
    for event in events:
        if isinstance(event, BridgeError):
            raise event
        yield event
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        (done(), State.DONE),
        ([Outage("web-1", "refused")], State.UNREACHABLE),
        ([Late("web-1", "no answer within 5 s")], State.SILENT),
        ([Refused("the key is not known there")], State.REFUSED),
        ([], State.SILENT),
        ([Started(at=0, shown="df")], State.SILENT),
        ([Started(at=0, shown="df"), Outage("web-1", "gone")], State.SILENT),
        (
            [Ended(job="", at=0, why=Why.TIME, code=None, seconds=30, bytes=0, digest="")],
            State.TIME,
        ),
    ],
)
async def test_whatever_happens_a_job_has_an_end(
    events: Sequence[Event | BridgeError], state: State
) -> None:
    job = await follow_job(ASKED, saying(*events))
    assert job.state is state
    assert job.state.is_over


async def test_a_slow_chat_is_shown_the_newest_and_never_what_is_old() -> None:
    shown: list[str] = []
    may_show, ended = asyncio.Event(), asyncio.Event()

    async def show(job: Job) -> None:
        shown.append(job.output)
        await may_show.wait()

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    async def events() -> AsyncGenerator[Event, None]:
        for number in range(100):
            yield Output(at=0, is_error=False, text=f"{number}\n")
            await asyncio.sleep(0)
        may_show.set()
        for _turn in range(5):
            await asyncio.sleep(0)
        yield done()[-1]
        ended.set()

    job = await run_job(ASKED, events(), show=show, every=SECOND, sleep=sleep)
    assert ended.is_set()
    assert job.state is State.DONE
    assert len(shown) < 10, "a hundred pieces are not a hundred edits"
    assert shown[1].endswith("99\n"), "what follows a slow edit is the newest"


async def test_an_edit_under_way_is_waited_for_so_that_the_end_comes_last() -> None:
    shown: list[str] = []
    is_showing, may_show = asyncio.Event(), asyncio.Event()

    async def show(jobs: object) -> None:
        is_showing.set()
        await may_show.wait()
        shown.append("on its way")
        del jobs

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    async def events() -> AsyncGenerator[Event, None]:
        yield Started(at=0, shown="df")
        await is_showing.wait()
        yield done()[-1]

    async def follow(kind: str) -> None:
        if kind == "one":
            await run_job(ASKED, events(), show=show, every=SECOND, sleep=sleep)
        else:
            await run_everywhere(
                [ASKED],
                ask=lambda _: events(),
                is_stopped=lambda: False,
                within=SECOND,
                tell=show,
                every=SECOND,
                sleep=sleep,
            )
        shown.append("the end")

    for kind in ("one", "many"):
        shown.clear()
        is_showing.clear()
        may_show.clear()
        following = asyncio.create_task(follow(kind))
        await is_showing.wait()
        for _turn in range(20):
            await asyncio.sleep(0)
        assert shown == [], kind
        may_show.set()
        await following
        assert (shown[0], shown[-1]) == ("on its way", "the end"), kind


async def test_dead_hosts_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()
    loop = asyncio.get_running_loop()
    time, later = loop.time, timedelta(0)
    # The loop's own time leaps once the living are told of: on no machine are they too slow.
    monkeypatch.setattr(loop, "time", lambda: time() + later.total_seconds())

    async def silent() -> AsyncGenerator[Event, None]:
        yield Started(at=0, shown="x")
        await never.wait()

    told: list[int] = []

    async def tell(jobs: Sequence[Job]) -> None:
        nonlocal later
        told.append(sum(each.state.is_over for each in jobs))
        later = timedelta(hours=1) if 2 in told else later

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    jobs = await run_everywhere(
        [replace(ASKED, host=host) for host in ("a", "dead", "b")],
        ask=lambda host: silent() if host == "dead" else saying(*done()),
        is_stopped=lambda: False,
        within=timedelta(minutes=1),
        tell=tell,
        every=SECOND,
        sleep=sleep,
    )
    assert [each.state for each in jobs] == [State.DONE, State.SILENT, State.DONE]
    assert [each.host for each in jobs] == ["a", "dead", "b"]
    assert 2 in told, "the living were told of before the dead one's time was up"
