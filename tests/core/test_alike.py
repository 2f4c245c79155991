"""Many hosts in few words."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.alike import fold_names, group_jobs
from bridge.core.jobs import Job, State

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def done(host: str, output: str = "same\n", code: int = 0) -> Job:
    return Job(
        host=host,
        command="uptime",
        asked_at=NOON,
        state=State.DONE,
        exit_status=code,
        head=output,
        digest=str(hash(output)),
        bytes=len(output),
    )


def test_names_are_folded_to_ranges() -> None:
    assert fold_names(["web-3", "web-1", "web-2", "db-1", "web-7"]) == "db-1, web-[1-3,7]"
    assert fold_names(["Server"]) == "Server"
    assert fold_names([f"web-{number}" for number in range(1, 41)]) == "web-[1-40]"
    assert fold_names([]) == ""


def test_numbers_that_are_written_otherwise_are_other_hosts() -> None:
    assert fold_names(["web-07", "web-7", "web-08"]) == "web-7, web-[07-08]"
    assert fold_names(["web-1.lan", "web-2.lan", "web-1.dmz"]) == "web-1.dmz, web-[1-2].lan"


def unfold(folded: str) -> set[str]:
    names: set[str] = set()
    for part in re.split(r", (?![^\[]*\])", folded):
        match = re.fullmatch(r"(.*?)\[([0-9,-]+)\](.*)", part)
        if match is None:
            names.add(part)
            continue
        for piece in match[2].split(","):
            first, _, last = piece.partition("-")
            width = len(first) if first.startswith("0") else 0
            names |= {
                f"{match[1]}{number:0{width}d}{match[3]}"
                for number in range(int(first), int(last or first) + 1)
            }
    return names


@given(
    st.sets(st.from_regex(r"[a-z]{1,2}-?(0[1-9]|[1-9][0-9]?)(\.a)?", fullmatch=True), max_size=40)
)
def test_folded_names_are_exactly_those_names(names: set[str]) -> None:
    assert unfold(fold_names(names)) == names if names else fold_names(names) == ""


def test_hosts_that_ended_alike_are_told_of_once_the_most_first() -> None:
    jobs = [done("a"), done("b"), done("c", "other\n"), done("d", code=1)]
    first, *others = group_jobs(jobs)
    assert first.hosts == ("a", "b")
    assert {each.hosts for each in others} == {("c",), ("d",)}
    different = next(each for each in others if each.hosts == ("c",))
    assert different.difference == "-same\n+other"


def test_lines_that_look_like_the_header_of_a_difference_are_told() -> None:
    usual, other = "same\n--- a\n@@ 1\n", "same\n++ b\n"
    groups = group_jobs([done("a", usual), done("b", usual), done("c", other)])
    assert groups[1].difference.splitlines() == ["---- a", "-@@ 1", "+++ b"]


def test_hosts_whose_outputs_look_the_same_once_they_are_cleaned_differ_in_nothing() -> None:
    jobs = [done("a", "x\n"), done("b", "x\n"), done("c", "X\n")]
    assert group_jobs(jobs, clean=str.lower)[1].difference == ""


def test_hosts_that_did_not_run_it_come_last_and_differ_from_nothing() -> None:
    silent = Job(host="z", command="x", asked_at=NOON, state=State.UNREACHABLE, sentence="refused")
    groups = group_jobs([silent, silent, done("a")])
    assert [each.hosts[0] for each in groups] == ["a", "z"]
    assert groups[1].difference == ""


def test_a_thousand_hosts_are_put_together_quickly() -> None:
    jobs = [done(f"web-{number}", f"{number}\n" * 50) for number in range(1000)]
    began = time.process_time()
    groups = group_jobs(jobs)
    assert len(groups) == 1000
    assert time.process_time() - began < 5
