"""However long an output is, its ends are kept, and all of it is counted."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import limits
from agent.output import Spill, Tail, Transcript, remove_oldest
from agent.wire import LINE_BYTES, Ended, Why, write_event

chunks = st.lists(st.tuples(st.binary(max_size=40), st.booleans()), max_size=40)


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    return Transcript(Spill(tmp_path / "kept"))


def text_of(transcript: Transcript, *, is_error: bool) -> str:
    return "".join(each.text for each in transcript.pieces if each.is_error is is_error)


def test_pieces_come_in_the_order_read_and_a_streams_neighbours_are_one(
    transcript: Transcript,
) -> None:
    for at, (chunk, is_error) in enumerate(
        [(b"a", False), (b"b", False), (b"c", True), (b"d", False)]
    ):
        transcript.take(chunk, is_error=is_error, now=float(at))
    assert transcript.flush()
    assert [(each.at, each.is_error, each.text) for each in transcript.pieces] == [
        (0.0, False, "ab"),
        (2.0, True, "c"),
        (3.0, False, "d"),
    ]
    assert not transcript.flush()


def test_a_character_that_is_split_is_whole_in_the_text(transcript: Transcript) -> None:
    for each in "naïve 🛰".encode():
        transcript.take(bytes([each]), is_error=False, now=0.0)
        transcript.take(b"!", is_error=True, now=0.0)
        transcript.flush()
    transcript.finish(0.0)
    assert text_of(transcript, is_error=False) == "naïve 🛰"


def test_what_is_no_text_is_replaced_and_counted(transcript: Transcript) -> None:
    everything = bytes(range(256))
    transcript.take(everything, is_error=False, now=0.0)
    transcript.take(b"\xf0\x9f", is_error=True, now=0.0)
    assert transcript.finish(1.0) == ("", 0)
    assert transcript.bytes == 258
    assert text_of(transcript, is_error=False) == everything.decode(errors="replace")
    assert text_of(transcript, is_error=True) == "\N{REPLACEMENT CHARACTER}"
    assert transcript.digest == hashlib.sha256(everything + b"\xf0\x9f").hexdigest()


@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=30))
def test_what_is_sent_and_what_is_last_and_what_is_left_out_are_all_of_it(
    pieces: list[bytes],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "HEAD_BYTES", 5000)
        patch.setattr(limits, "TAIL_BYTES", 700)
        transcript = Transcript(Spill(Path("/nonexistent/kept")))
        for each in pieces:
            transcript.take(each, is_error=False, now=0.0)
        last, left_out = transcript.finish(0.0)
        everything = b"".join(pieces)
        assert transcript.bytes == len(everything)
        assert transcript.digest == hashlib.sha256(everything).hexdigest()
        sent = text_of(transcript, is_error=False)
        assert everything.decode(errors="replace").startswith(sent) or not transcript.is_long
        assert left_out >= 0
        if not transcript.is_long:
            assert (sent, last, left_out) == (everything.decode(errors="replace"), "", 0)
        else:
            assert everything.decode(errors="replace").endswith(last)
            assert len(last.encode()) <= 700 * 3  # a replaced byte takes three


@given(st.text(max_size=4000), st.integers(1, 50))
def test_no_character_is_broken_where_the_output_is_cut(text: str, step: int) -> None:
    whole = text.encode(errors="replace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "HEAD_BYTES", 100)
        patch.setattr(limits, "TAIL_BYTES", 60)
        transcript = Transcript(Spill(Path("/nonexistent/kept")))
        for start in range(0, len(whole), step):
            transcript.take(whole[start : start + step], is_error=False, now=0.0)
        last, left_out = transcript.finish(0.0)
    sent = text_of(transcript, is_error=False).encode()
    assert whole.startswith(sent)
    assert whole.endswith(last.encode())
    assert len(sent) + len(last.encode()) + left_out == len(whole)


@given(chunks)
def test_the_last_bytes_are_the_last_bytes(chunks: list[tuple[bytes, bool]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "TAIL_BYTES", 50)
        tail = Tail()
        for chunk, _ in chunks:
            tail.take(chunk)
        everything = b"".join(chunk for chunk, _ in chunks)
        read = tail.read()
        assert everything.endswith(read)
        assert min(len(everything), 50 - 3) <= len(read) <= 50


def test_past_the_first_part_only_how_much_and_the_last_lines_are_told(
    transcript: Transcript,
) -> None:
    line = b"all work and no play\n"
    for _ in range(limits.HEAD_BYTES // len(line) + 100):
        transcript.take(line, is_error=False, now=0.0)
    transcript.flush()
    transcript.tell(7.0)
    assert len(text_of(transcript, is_error=False)) == limits.HEAD_BYTES
    assert transcript.progress is not None
    assert transcript.progress.bytes == transcript.bytes
    assert transcript.progress.last.split("\n") == [line.decode().strip()] * 5


def test_streams_that_alternate_a_byte_at_a_time_do_not_fill_the_memory(
    transcript: Transcript,
) -> None:
    for number in range(20_000):
        transcript.take(b"x", is_error=bool(number % 2), now=0.0)
    transcript.finish(0.0)
    assert len(transcript.pieces) <= limits.PIECES + 2
    assert transcript.bytes == 20_000


def test_an_endless_output_is_held_in_bounds(transcript: Transcript) -> None:
    chunk = b"y\n" * (limits.READ_BYTES // 2)
    for _ in range(2_000):
        transcript.take(chunk, is_error=False, now=0.0)
        transcript.flush()
    last, left_out = transcript.finish(0.0)
    assert len(last) == limits.TAIL_BYTES
    assert transcript.bytes == 2_000 * limits.READ_BYTES
    assert left_out == transcript.bytes - limits.HEAD_BYTES - limits.TAIL_BYTES
    assert transcript.kept == limits.KEPT_BYTES


def test_the_worst_end_of_an_output_fits_a_line_of_the_protocol(transcript: Transcript) -> None:
    transcript.take(b"\x00" * limits.HEAD_BYTES * 3, is_error=False, now=0.0)
    for worst in (b"\xff", b"\x00", b'"', "🛰".encode(), "é".encode()):
        transcript.take(worst * limits.TAIL_BYTES, is_error=False, now=0.0)
        last, _ = transcript.finish(0.0)
        ended = Ended(
            job="j" * 64, at=time.time(), why=Why.DONE, code=0, seconds=1.0, bytes=10**15,
            digest="f" * 64, last=last,
        )  # fmt: skip
        assert len(write_event(ended, lambda _: b"s" * 64)) <= LINE_BYTES


def test_a_long_output_is_kept_whole_in_a_file_that_only_the_agent_reads(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "kept")
    whole = os.urandom(limits.HEAD_BYTES * 3)
    for start in range(0, len(whole), 1000):
        spill.take(whole[start : start + 1000])
    spill.close()
    assert (tmp_path / "kept").read_bytes() == whole
    assert spill.bytes == len(whole)
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600


def test_a_short_output_needs_no_file(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "kept")
    spill.take(b"x" * limits.HEAD_BYTES)
    spill.close()
    assert spill.bytes == 0
    assert not (tmp_path / "kept").exists()


def test_a_full_disk_costs_the_file_and_not_the_job() -> None:
    spill = Spill(Path("/dev/full"))
    spill.take(b"x" * limits.HEAD_BYTES * 2)
    spill.take(b"x")
    assert spill.bytes == 0


def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / str(number)
        path.touch()
        os.utime(path, (number, number))
    remove_oldest(tmp_path, 3)
    assert {each.name for each in tmp_path.iterdir()} == {"7", "8", "9"}
