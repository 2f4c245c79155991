"""A command is split as a shell splits quotes; what else a shell would do is refused."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.words import Unsplit, show, split


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("df -h", ("df", "-h")),
        ("  df \t -h  ", ("df", "-h")),
        ("grep 'a  b' x", ("grep", "a  b", "x")),
        ('grep "a  b" x', ("grep", "a  b", "x")),
        ("a'b'\"c\"d", ("abcd",)),
        ("echo '$HOME | ; & `id` *'", ("echo", "$HOME | ; & `id` *")),
        ('echo "a; b | c > d * ?"', ("echo", "a; b | c > d * ?")),
        ("echo ''", ("echo", "")),
        ("cat x~ y#z", ("cat", "x~", "y#z")),
        ("echo 早安", ("echo", "早安")),
        ("", ()),
        ("   ", ()),
    ],
)
def test_words_are_split_at_blanks_and_quotes(text: str, words: tuple[str, ...]) -> None:
    assert split(text) == words


@pytest.mark.parametrize("each", list("|;&><`$(){}*?[]\\"))
def test_what_a_shell_would_act_on_is_refused_and_named(each: str) -> None:
    with pytest.raises(Unsplit) as refused:
        split(f"echo a{each}b")
    assert f" {each} would " in refused.value.sentence
    assert split(f"echo 'a{each}b'") == ("echo", f"a{each}b")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ls ~", "would be replaced"),
        ("ls #x", "would hide the rest"),
        ('echo "$HOME"', "single quotes"),
        ('echo "`id`"', "single quotes"),
        ('echo "a\\"b"', "single quotes"),
        ("echo 'a", "does not end"),
        ('echo "a', "does not end"),
        ("df\n-h", "one line"),
        ("echo 'a\nb'", "one line"),
        ("df\0-h", "<U+0000>"),
        ("df\u00a0-h", "<U+00A0>"),
        ("df\u3000-h", "<U+3000>"),
        ("df \u200b-h", "<U+200B>"),
        ("df \u202e-h", "<U+202E>"),
        ("echo 'a\tb'", "<U+0009>"),
        ("df \u2014human-readable", "the keyboard made — of --"),
        ("grep \u201ca\u201d x", 'the keyboard made “ of "'),
        ("a " * 65, "at most 64 words"),
        ("a" * 4097, "at most 4096 characters"),
    ],
)
def test_a_command_that_is_no_list_of_words_says_why(text: str, says: str) -> None:
    with pytest.raises(Unsplit) as refused:
        split(text)
    assert says in refused.value.sentence


@given(st.text(alphabet="ab '\"-|;$\n\t\0\u200b\\*{}~#=", max_size=30))
def test_what_is_split_is_split_as_a_shell_splits_it(text: str) -> None:
    try:
        words = split(text)
    except Unsplit:
        return
    assert list(words) == shlex.split(text)
    assert all(word.isprintable() for word in words)


def test_an_owner_may_write_places_for_arguments_outside_quotes() -> None:
    assert split("tail -n {lines} --x={y}", has_places=True) == ("tail", "-n", "{lines}", "--x={y}")
    for text in ("a {B}", "a {b", "a '{b}'", "a {}"):
        with pytest.raises(Unsplit):
            split(text, has_places=True)


def test_what_is_shown_of_a_word_can_be_seen_and_is_short() -> None:
    assert show("a\u202eb\n") == "a<U+202E>b<U+000A>"
    assert show("x" * 100) == "x" * 59 + "…"
