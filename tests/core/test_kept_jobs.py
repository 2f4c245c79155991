"""What the row of a command is: named alike after every restart, bounded, written and read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire import Why
from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Outcome
from bridge.core.jobs import Job, State
from bridge.core.kept_jobs import (
    KeptJob,
    Kind,
    name_command,
    read_jobs,
    write_beginning,
    write_ending,
    write_jobs,
)
from bridge.core.told import Closing, Process, read_closing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEPT = KeptJob(key="k" * 32, hosts=("a",), command="df", chat=Destination(-5), who=7, at=NOON)
MANY = replace(KEPT, kind=Kind.BROADCAST, hosts=("a", "b", "c"))


def test_the_same_message_names_the_same_command_and_no_other_does() -> None:
    named = [
        name_command(Destination(*chat), message, command, host)
        for chat in ((-5,), (-5, 2), (-52,))
        for message in (1, 11)
        for command in ("op_exec", "broadcast")
        for host in ("a", "b")
    ]
    assert len(set(named)) == len(named)
    assert name_command(Destination(-5), 1, "op_exec", "a") == named[0]


def test_its_parts_on_hosts_have_names_of_their_own() -> None:
    assert KEPT.name_on("a") == KEPT.key, "as versions before have named it"
    names = {MANY.name_on(host) for host in MANY.hosts}
    assert len(names) == 3
    assert names == {replace(MANY, at=NOON + timedelta(days=1)).name_on(each) for each in "abc"}
    errands = {each.name_errand("a", "stop") for each in (KEPT, MANY)}
    assert len(errands) == 2
    assert all(len(each) <= 64 for each in names | errands)


@given(st.integers(1, 5000))
def test_however_many_hosts_there_are_what_is_kept_of_them_is_bounded(hosts: int) -> None:
    room = replace(MANY, hosts=tuple(map(str, range(hosts)))).create_jobs()[-1].room
    least = hosts * 2 * limits.BROADCAST_HOST_CHARACTERS
    assert hosts * 2 * room <= max(limits.BROADCAST_KEPT_CHARACTERS, least)
    assert room <= limits.JOB_HEAD_CHARACTERS


outputs = st.text(st.characters(), max_size=60)
ended = st.builds(
    Job,
    host=st.just(""),
    command=st.just("df"),
    asked_at=st.just(NOON),
    state=st.sampled_from([each for each in State if each.is_over]),
    why=st.sampled_from([None, *Why]),
    exit_status=st.sampled_from([None, 0, 1, 255]),
    head=outputs,
    tail=outputs,
    digest=st.sampled_from(["", "ab"]),
    bytes=st.integers(0, 10**12),
    left_out=st.integers(0, 10**12),
    kept=st.integers(0, 10**9),
    lasted=st.floats(0, 86400).map(lambda seconds: timedelta(seconds=round(seconds, 3))),
    sentence=outputs,
    rule=outputs,
    closing=st.sampled_from(
        [None, Closing(ended=(Process(pid=5, name="nc"),), killed=(), is_free=True, left_out=3)]
    ),
)


@given(ended)
def test_an_end_is_read_as_it_was_written(job: Job) -> None:
    [read] = read_jobs(KEPT, json.loads(json.dumps(write_jobs([replace(job, host="a")]))))
    assert read == replace(job, host="a")


@given(st.lists(ended, min_size=3, max_size=3))
def test_an_end_on_many_hosts_is_read_in_their_order(jobs: list[Job]) -> None:
    jobs = [replace(job, host=host) for job, host in zip(jobs, MANY.hosts, strict=True)]
    read = read_jobs(MANY, json.loads(json.dumps(write_jobs(jobs))))
    assert [each.host for each in read] == list(MANY.hosts)
    assert [each.likeness for each in read] == [each.likeness for each in jobs]


def test_what_alike_hosts_have_said_is_written_once_and_all_of_it_is_bounded() -> None:
    hosts = tuple(map(str, range(100)))
    many = replace(MANY, hosts=hosts)
    alike = [replace(each, state=State.DONE, head="x" * 50_000) for each in many.create_jobs()]
    assert len(write_jobs(alike)) == 1
    unlike = [replace(each, head=each.host + each.head, digest=each.host) for each in alike]
    written = write_jobs(unlike)
    kept = sum(len(each["head"]) + len(each["tail"]) for each in written)
    assert kept <= limits.ENDING_CHARACTERS
    assert all(each["left_out"] > 0 for each in written)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (State.DONE, Outcome.DONE),
        (State.STOPPED, Outcome.FAILED),
        (State.SILENT, Outcome.FAILED),
        (State.WITHDRAWN, Outcome.FAILED),
        (State.REFUSED, Outcome.REFUSED),
    ],
)
def test_the_audit_says_what_was_asked_for_and_how_it_ended(state: State, outcome: Outcome) -> None:
    kept = replace(KEPT, name="Ada", what="/op_exec a df")
    begun = write_beginning(kept, "begun")
    assert (begun.what, begun.on, begun.name, begun.at) == ("/op_exec a df", "a", "Ada", NOON)
    [job] = kept.create_jobs()
    status = 0 if state is State.DONE else None
    job = replace(job, state=state, exit_status=status)
    entry = write_ending(kept, [job], "", now=NOON + timedelta(seconds=1))
    assert (entry.what, entry.outcome, entry.at) == (begun.what, outcome, NOON + timedelta(0, 1))
    assert entry.detail.startswith(state.value)


def test_what_a_chat_cuts_of_a_long_entry_is_its_digest_and_not_how_it_is_known() -> None:
    [job] = KEPT.create_jobs()
    job = replace(job, state=State.STOPPED, signal="SIGTERM", digest="e3b0c44298fc1c149afbf4c8")
    entry = write_ending(KEPT, [job], "told after a restart", now=NOON)
    said = "stopped, told after a restart, SIGTERM, 0 bytes sha256 e3b0c44298fc1c14"
    assert entry.detail == said


def test_the_audit_counts_many_hosts_and_names_the_first() -> None:
    many = replace(MANY, hosts=tuple(f"web-{number}" for number in range(30)))
    first, second, *rest = many.create_jobs()
    jobs = [
        replace(first, state=State.SILENT),
        replace(second, state=State.WITHDRAWN),
        *(replace(each, state=State.DONE, exit_status=0) for each in rest),
    ]
    entry = write_ending(many, jobs, "told after a restart", now=NOON)
    assert entry.detail == "28 of 30 ended well, 1 not known, 1 not begun, told after a restart"
    assert entry.on.endswith("web-19 and 10 more")


def test_however_many_processes_a_host_says_it_has_ended_what_is_kept_of_them_is_bounded() -> None:
    many = [{"pid": number, "name": "x" * 1000} for number in range(20_000)]
    closing = read_closing({"free": True, "ended": many, "killed": many, "again": many})
    assert closing.left_out == 20_000 - limits.CLOSED_PROCESSES
    [job] = replace(KEPT, kind=Kind.CLOSE, port=80).create_jobs()
    written = write_jobs([replace(job, state=State.DONE, closing=closing)])
    assert len(json.dumps(written)) < limits.ENDING_CHARACTERS
    [read] = read_jobs(KEPT, written)
    assert read.closing == closing
