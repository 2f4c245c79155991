"""What stands behind the commands for hosts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.access import Scope
from bridge.core.orders import read_filter, read_limit, read_port, read_top, split_word
from bridge.errors import Mistake


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("df -h", (limits.JOB_USUAL, "df -h")),
        ("60s df -h", (timedelta(seconds=60), "df -h")),
        ("2m  echo  'a   b'", (timedelta(minutes=2), "echo  'a   b'")),
        ("2m", (limits.JOB_USUAL, "2m")),
        ("echo 2m", (limits.JOB_USUAL, "echo 2m")),
    ],
)
def test_a_span_may_stand_before_a_command(text: str, expected: tuple[timedelta, str]) -> None:
    assert read_limit(text) == expected


@pytest.mark.parametrize("text", ["11m ls", "1d ls", "30d ls"])
def test_a_command_may_not_take_for_ever(text: str) -> None:
    with pytest.raises(Mistake, match="10 minutes"):
        read_limit(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_the_command_stays_byte_for_byte(command: str) -> None:
    command = command.strip()
    if command:
        assert split_word(f"web-1 {command}") == ("web-1", command.lstrip(" "))


@pytest.mark.parametrize("word", ["1", "22", "65535", "8080"])
def test_a_port_is_a_number(word: str) -> None:
    assert read_port(word) == int(word)


@pytest.mark.parametrize(
    "word", ["abc", "0", "65536", "1;id", "-1", "", "१", "1.0", "+1", "1e3", "99999999", "22 "]
)
def test_anything_else_is_no_port(word: str) -> None:
    with pytest.raises(Mistake):
        read_port(word)


def test_a_filter_stands_before_a_command() -> None:
    scope, command = read_filter("group=db site=a uptime -p")
    assert (str(scope), command) == ("group=db site=a", "uptime -p")
    assert read_filter("uptime") == (Scope(), "uptime")
    assert read_filter("A=1 env")[1] == "env"
    assert read_filter("group=db") == (Scope(), "group=db")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), (None, "cpu", limits.TOP_USUAL)),
        (("web-1",), ("web-1", "cpu", limits.TOP_USUAL)),
        (("web-1", "MEM"), ("web-1", "mem", limits.TOP_USUAL)),
        (("web-1", "mem", "3"), ("web-1", "mem", 3)),
        (("mem", "99999999999"), (None, "mem", limits.TOP_MOST)),
        (("0",), (None, "cpu", 1)),
    ],
)
def test_top_takes_a_host_an_order_and_a_number(
    words: tuple[str, ...], expected: tuple[str | None, str, int]
) -> None:
    assert read_top(words) == expected


def test_top_takes_no_second_host() -> None:
    with pytest.raises(Mistake):
        read_top(("a", "b"))
