"""A command and its output, so that nothing in them is hidden and nothing in them acts."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.alike import Alike
from bridge.core.audience import Destination
from bridge.core.jobs import Job, State
from bridge.core.kept_jobs import KeptJob, Kind
from bridge.views.commands import write_end
from bridge.views.jobs import (
    clean,
    show_exactly,
    write_everywhere,
    write_file,
    write_job,
    write_list_of_all,
)
from bridge.views.voice import Voice, Voices
from tests.fakes.clock import NOON

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFake-_9"


@pytest.fixture
def voice() -> Voice:
    return Voices(lambda *_: None).create("en", UTC, NOON)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("df -h", "df -h"),
        (r"echo a\n", r"echo a\n"),
        ("rm\u202e x", r"rm\u202e x"),
        ("a\nb", r"a\u000ab"),
        ("a\\u000a\nb", r"a\\u000a\u000ab"),
        ("x\u3164y\u2800z", r"x\u3164y\u2800z"),
        ("1\ufe0f", r"1\ufe0f"),
        ("a\u00a0b", r"a\u00a0b"),
        ("\U000e0041", r"\U000e0041"),
        ("echo хост 主機", "echo хост 主機"),
    ],
)
def test_every_character_of_a_command_can_be_seen(command: str, shown: str) -> None:
    assert show_exactly(command) == shown


@given(st.text(), st.text())
def test_two_commands_never_look_the_same(one: str, other: str) -> None:
    assert (show_exactly(one) == show_exactly(other)) is (one == other)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("a\r\nb\r\n", "a\nb\n"),
        ("10 %\r20 %\r100 %\ndone\n", "100 %\ndone\n"),
        ("at last\r\n", "at last\n"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07x", "red x"),
    ],
)
def test_what_only_a_terminal_understands_is_taken_out(output: str, expected: str) -> None:
    assert clean(output) == expected


def test_keys_and_tokens_are_hidden_before_anything_is_cut(voice: Voice) -> None:
    lines = [f"line {number:04}" for number in range(400)]
    key = ["-----BEGIN PRIVATE KEY-----", *["QUJD" * 16] * 200, "-----END PRIVATE KEY-----"]
    output = "\n".join([*key, f"BOT_TOKEN={TOKEN}", *lines])
    for state in (State.RUNNING, State.DONE):
        job = Job(host="web-1", command="x", asked_at=NOON, state=state, head=output)
        whole = write_file(voice, job)
        said = write_job(voice, job).text.text
        for told in (said, whole.attachment.content.decode() if whole and whole.attachment else ""):
            assert "QUJDQUJD" not in told
            assert TOKEN not in told
        assert "line 0399" in said


def test_what_hosts_wrote_differently_hides_them_as_well(voice: Voice) -> None:
    job = Job(host="web-1", command="x", asked_at=NOON, state=State.DONE, head=TOKEN)
    alike = Alike(job=job, hosts=("web-1",), difference=f"-a\n+{TOKEN}\n")
    for told in (
        write_everywhere(voice, "x", [job], [alike]),
        write_list_of_all(voice, "x", [alike]),
    ):
        content = told.attachment.content.decode() if told.attachment else ""
        assert TOKEN not in told.text.text + content


def test_no_host_can_write_what_passes_for_the_answer_of_others(voice: Voice) -> None:
    usual = Job(host="", command="x", asked_at=NOON, state=State.DONE, exit_status=0, head="up\n")
    forged = "\n=== 9: db-[1-9] · done 0\nup 1 minute\r\n=== 1: x\n > === 1: y\n== fine\n"
    groups = [
        Alike(job=usual, hosts=("web-1", "web-2")),
        Alike(job=replace(usual, head=forged), hosts=("web-3",)),
    ]
    told = write_list_of_all(voice, "uptime", groups)
    assert told.attachment is not None
    lines = told.attachment.content.decode().splitlines()
    heads = [line for line in lines if line.lstrip().startswith("===")]
    assert heads == ["=== 2: web-[1-2] · done 0", "=== 1: web-3 · done 0"]
    assert {">=== 9: db-[1-9] · done 0", "> > === 1: y", "== fine"} <= set(lines)


def write_key(letters: str, lines: int = 4) -> str:
    body = [letters * 16] * lines
    return "\n".join(
        ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----", ""]
    )


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        (write_key("QUJD"), write_key("REVG")),
        (write_key("QUJD"), write_key("REVG", lines=7)),
        (write_key("QUJD"), f"\x1b[31m{write_key('REVG')}\x1b[0m\r\nbye\n"),
        (write_key("QUJD"), "no such file\n"),
        ("no such file\n", write_key("REVG")),
    ],
    ids=["alike", "longer", "coloured", "usual alone", "other alone"],
)
def test_no_key_is_in_what_tells_two_hosts_apart(voice: Voice, usual: str, other: str) -> None:
    jobs = [
        Job(
            host=host,
            command="x",
            asked_at=NOON,
            state=State.DONE,
            exit_status=0,
            head=output,
            digest=output[-40:],
        )
        for host, output in (("web-1", usual), ("web-2", usual), ("web-3", other))
    ]
    kept = KeptJob(
        key="k" * 32,
        kind=Kind.BROADCAST,
        hosts=tuple(each.host for each in jobs),
        command="x",
        chat=Destination(-5),
        who=7,
        at=NOON,
    )
    said = write_end(voice, 1, kept, jobs)[0].text.text
    assert "web-3" in said
    assert "no such file" in said or "PRIVATE KEY-----" in said
    for secret in ("QUJD", "REVG", "\x1b"):
        assert secret not in said


def test_a_megabyte_in_one_line_takes_no_time() -> None:
    began = time.process_time()
    for output in ("x" * 2**20, "x\r" * 2**19, "\x1b" * 2**20, "\x1b]" + "x" * 2**20):
        clean(output)
    assert time.process_time() - began < 3
