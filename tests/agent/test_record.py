"""What ran on a host is on the host's own record, whatever becomes of the agent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import limits
from agent.record import Record, forget_output
from agent.wire import Ended, Why


def ended(job: str, *, why: Why = Why.DONE, code: int | None = 0) -> Ended:
    return Ended(
        job=job, at=12.0, why=why, code=code, seconds=2.0, bytes=5, digest="d" * 64, last="lines"
    )


def open_record(folder: Path, *, now: float = 99.0) -> Record:
    return Record(folder / "record", clock=lambda: now)


def test_a_job_on_record_is_known_after_a_restart(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    record.note_begun("a", "uptime", 10.0)
    record.note_ended(ended("a", code=3))
    record.close()
    noted = open_record(tmp_path).find("a")
    assert noted is not None
    assert (noted.shown, noted.begun) == ("uptime", 10.0)
    assert noted.ended == forget_output(ended("a", code=3))


def test_a_job_that_was_running_when_the_agent_ended_is_lost_for_good(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    record.note_begun("a", "reboot", 10.0)
    record.close()
    for now in (50.0, 60.0):
        noted = open_record(tmp_path, now=now).find("a")
        assert noted is not None
        assert noted.ended.why is Why.LOST
        assert noted.ended.at == 50.0


def test_a_line_that_was_being_written_when_the_agent_ended_spoils_no_other(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    record.note_begun("a", "uptime", 10.0)
    record.note_ended(ended("a"))
    record.note_begun("b", "df", 10.0)
    record.close()
    path = tmp_path / "record"
    path.write_bytes(path.read_bytes()[:-5])
    record = open_record(tmp_path)
    record.note_begun("c", "free", 11.0)
    record.close()
    record = open_record(tmp_path)
    assert record.find("a") is not None
    assert record.find("b") is None
    assert record.find("c") is not None


def test_the_record_is_readable_line_by_line_and_only_by_the_agent(tmp_path: Path) -> None:
    record = open_record(tmp_path)
    record.note_begun("a", "echo 'zwei\nZeilen'", 10.0)
    record.note_ended(ended("a"))
    first, second = (tmp_path / "record").read_text().splitlines()
    assert json.loads(first) == {
        "note": "begun",
        "job": "a",
        "at": 10.0,
        "shown": "echo 'zwei\nZeilen'",
    }
    assert json.loads(second)["digest"] == "d" * 64
    assert "last" not in json.loads(second)
    assert (tmp_path / "record").stat().st_mode & 0o777 == 0o600


def test_the_record_stays_within_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECORD_BYTES", 4000)
    monkeypatch.setattr("os.fdatasync", lambda _: None)
    record = open_record(tmp_path)
    for number in range(200):
        record.note_begun(str(number), "x" * 10_000, 1.0)
        record.note_ended(ended(str(number)))
    sizes = [each.stat().st_size for each in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 4000 + 1000
    record.close()
    record = open_record(tmp_path)
    assert record.find("199") is not None
    assert record.find("0") is None


def test_only_so_many_jobs_are_known_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECORDED_JOBS", 3)
    record = open_record(tmp_path)
    for job in "abcd":
        record.note_begun(job, "uptime", 1.0)
    assert [job for job in "abcd" if record.find(job)] == ["b", "c", "d"]


@settings(max_examples=30)
@given(st.binary(max_size=300))
def test_nothing_in_the_file_keeps_the_agent_from_starting(
    tmp_path_factory: pytest.TempPathFactory, line: bytes
) -> None:
    folder = tmp_path_factory.mktemp("record")
    (folder / "record").write_bytes(line)
    record = open_record(folder)
    record.note_begun("a", "uptime", 1.0)
    record.close()
    assert open_record(folder).find("a") is not None
