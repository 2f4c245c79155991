"""A job as the chat tells of it: growing, and ending in one of the states there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.wire import Ended, Output, Progress, Refused, Started, Why
from bridge import limits
from bridge.core.jobs import Job, State, absorb, fail, shorten

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASKED = Job(host="web-1", command="df -h", asked_at=NOON)
DONE = Ended(job="j", at=0, why=Why.DONE, code=0, seconds=1.5, bytes=4, digest="ab")


def test_what_a_host_says_adds_up() -> None:
    job = absorb(ASKED, Started(at=0, shown="df -h"))
    assert job.state is State.RUNNING
    for text in ("one\n", "two\n"):
        job = absorb(job, Output(at=0, is_error=False, text=text))
    assert (job.output, job.bytes) == ("one\ntwo\n", 8)
    job = absorb(job, replace(DONE, bytes=8))
    assert job.is_good
    assert job.lasted == timedelta(seconds=1.5)
    assert job.output == "one\ntwo\n"


def test_the_end_of_a_long_output_stands_behind_a_seam() -> None:
    job = absorb(ASKED, Output(at=0, is_error=False, text="head\n"))
    job = absorb(job, Progress(at=1, bytes=10**6, last="middle"))
    job = absorb(job, replace(DONE, last="tail\n", left_out=10**6, bytes=10**6 + 10))
    assert job.output == "head\n⋯\ntail\n"
    assert not job.is_whole


@given(st.lists(st.text(max_size=5000), max_size=40))
def test_whatever_a_host_writes_little_of_it_is_kept(pieces: list[str]) -> None:
    job = ASKED
    for text in pieces:
        job = absorb(job, Output(at=0, is_error=True, text=text))
    assert len(job.head) <= limits.JOB_HEAD_CHARACTERS
    assert "".join(pieces).startswith(job.head)


@given(st.lists(st.text(max_size=300), max_size=40), st.text(max_size=300), st.integers(10, 500))
@example(pieces=["0000", "0000000"], last=" ", room=10)
def test_what_is_not_kept_of_an_output_is_counted(pieces: list[str], last: str, room: int) -> None:
    job = replace(ASKED, room=room)
    for text in pieces:
        job = absorb(job, Output(at=0, is_error=False, text=text))
    size = count_bytes("".join(pieces) + last)
    job = absorb(job, replace(DONE, bytes=size, last=last))
    assert max(len(job.head), len(job.tail)) <= room
    assert count_bytes(job.head + job.tail) + job.left_out == size
    assert job.output.endswith(last[-room:].lstrip())  # blanks at the seam are not told
    short = shorten(job, room)
    assert len(short.head) + len(short.tail) <= room
    assert count_bytes(short.head + short.tail) + short.left_out == size


def count_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def test_whatever_a_host_says_its_words_have_an_end() -> None:
    long = "x" * 10**6
    said = Refused(job="j", at=0, rule=long, sentence=long, nearest=long, remedy=long)
    job = absorb(absorb(ASKED, said), Started(at=0, shown=long))
    assert sum(len(each) for each in vars(job).values() if isinstance(each, str)) < 10**5


@pytest.mark.parametrize(
    ("why", "code", "state", "is_good"),
    [
        (Why.DONE, 0, State.DONE, True),
        (Why.DONE, 2, State.DONE, False),
        (Why.DONE, None, State.DONE, False),
        (Why.TIME, None, State.TIME, False),
        (Why.STOPPED, None, State.STOPPED, False),
        (Why.GONE, None, State.STOPPED, False),
        (Why.LOST, None, State.STOPPED, False),
    ],
)
def test_every_end_is_a_state(why: Why, code: int | None, state: State, *, is_good: bool) -> None:
    job = absorb(ASKED, replace(DONE, why=why, code=code))
    assert (job.state, job.is_good) == (state, is_good)
    assert job.state.is_over


def test_a_refusal_says_what_comes_nearest_and_how_it_is_allowed() -> None:
    said = Refused(job="j", at=0, rule="catalogue", sentence="no", nearest="df", remedy="line")
    job = absorb(ASKED, said)
    assert (job.state, job.rule, job.nearest, job.remedy) == (
        State.REFUSED,
        "catalogue",
        "df",
        "line",
    )


def test_a_command_that_was_seen_to_run_is_never_told_of_as_not_run() -> None:
    running = absorb(ASKED, Started(at=0, shown="df"))
    assert fail(running, State.UNREACHABLE, "gone").state is State.SILENT
    assert fail(ASKED, State.UNREACHABLE, "refused").state is State.UNREACHABLE


def test_a_refusal_after_it_began_is_no_refusal() -> None:
    running = absorb(ASKED, Started(at=0, shown="df"))
    said = Refused(job="j", at=0, rule="fault", sentence="broken")
    assert absorb(running, said).state is State.SILENT


@pytest.mark.parametrize("seconds", [1e15, 5e13, -5.0])
def test_whatever_a_host_says_of_its_time_it_is_a_time(seconds: float) -> None:
    job = absorb(ASKED, replace(DONE, seconds=seconds))
    assert timedelta(0) <= job.lasted <= timedelta(days=1)


def test_a_host_that_claims_the_digest_of_others_is_not_told_of_with_them() -> None:
    honest = absorb(absorb(ASKED, Output(at=0, is_error=False, text="ok")), DONE)
    liar = absorb(absorb(ASKED, Output(at=0, is_error=False, text="lie")), DONE)
    assert honest.digest == liar.digest
    assert honest.likeness != liar.likeness
