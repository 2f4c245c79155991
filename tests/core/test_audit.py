"""The audit: what is written down, and how."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.audit import (
    Entry,
    digest_entry,
    make_proper,
    read_entry,
    read_head,
    write_entry,
    write_head,
)
from bridge.core.enrolment import write_code
from tests.core.chains import SIGNER, STRANGER, entries, entry, head_of, make_chain
from tests.fakes.clock import NOON


@given(entries, st.integers(1, 10**9))
def test_an_entry_is_read_as_it_was_written(written: Entry, number: int) -> None:
    text = write_entry(written, number)
    assert text.isascii()
    assert read_entry(text) == (number, written)
    assert write_entry(written, number) == text


@given(st.text() | st.builds(json.dumps, st.recursive(st.none() | st.text(), st.lists)))
def test_what_is_no_entry_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="no entry of ours"):
        read_entry(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", "2026-11-20T12:00:00"),
        ("at", 7),
        ("chat", 7),
        ("outcome", "maybe"),
        ("statement", {"kind": "purged"}),
        ("number", None),
        ("more", 1),
    ],
)
def test_an_entry_with_another_shape_is_a_value_error(field: str, value: object) -> None:
    kept = json.loads(write_entry(entry(), 1)) | {field: value}
    with pytest.raises(ValueError, match="no entry of ours"):
        read_entry(json.dumps(kept))


CODE = "kJ8d-_0aQwErTyUiOpAsDf"
TOKEN = "123456789:" + "A" * 35


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (f"/start {CODE}", "/start …"),
        (f"/START@opswire_bot   {CODE}", "/START@opswire_bot   …"),
        (f"https://t.me/opswire_bot?start={CODE}", "https://t.me/opswire_bot?start=…"),
        (f" {CODE}\n", " …\n"),
        (f"/strat {CODE}", "/strat …"),
        (f"/start x {CODE}", "/start … …"),
        (f"hello {CODE} and {CODE}\t{CODE}", "hello … and …\t…"),
        (f"my token is {TOKEN}!", "my token is …!"),
        (f"here: opswire1.eyJ{CODE}-_x, it said", "here: opswire1.…, it said"),
        (f"/op_exec web-1 curl https://api.example/bot{TOKEN}/getMe", None),
    ],
)
def test_no_code_and_no_token_gets_into_an_entry(typed: str, kept: str | None) -> None:
    for field in ("what", "detail"):
        made = make_proper(entry(**{field: typed}))
        for secret in (CODE, TOKEN):
            assert secret not in write_entry(made, 1)
        assert kept is None or getattr(made, field) == kept


def test_a_host_whose_name_is_as_long_as_a_code_is_told() -> None:
    assert make_proper(entry(on="production-database-01")).on == "production-database-01"


@pytest.mark.parametrize("word", ["my-application-service", "PRODUCTION_DATABASE_01", "0" * 22])
def test_a_word_that_is_as_long_as_a_code_and_none_is_told(word: str) -> None:
    made = make_proper(entry(what=f"/op_exec web-1 systemctl restart {word}", detail=word))
    assert made.what.endswith(f"restart {word}")
    assert made.detail == word


@given(st.binary(min_size=limits.CODE_BYTES, max_size=limits.CODE_BYTES))
def test_a_code_is_told_from_a_name_unless_chance_is_very_strange(chance: bytes) -> None:
    code = write_code(chance)
    hidden = make_proper(entry(what=f"/strat {code}")).what == "/strat …"
    assert hidden or code.upper() == code or code.lower() == code


def test_an_entry_is_bounded_and_says_that_it_was_cut() -> None:
    made = make_proper(entry(what="x" * 9999, on="y" * 9999, detail="z" * 9999, name="n" * 9999))
    assert len(made.what) == len(made.on) == len(made.detail) == limits.AUDIT_CHARACTERS
    assert len(made.name) == limits.NAME_CHARACTERS
    assert made.what.endswith("…")


def test_a_secret_at_the_edge_of_the_bound_is_hidden_as_well() -> None:
    made = make_proper(entry(detail="x" * (limits.AUDIT_CHARACTERS - 20) + " " + TOKEN))
    assert "123456789:AAA" not in made.detail


def test_a_head_is_read_as_it_was_written() -> None:
    head = head_of(make_chain(3))
    assert read_head(write_head(head)) == head


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "7", '{"count": "x"}', "\0"])
def test_what_is_no_head_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="no head of ours"):
        read_head(text)


def test_a_digest_covers_the_entry_and_all_before_it() -> None:
    assert digest_entry("a", "b") != digest_entry("a", "c")
    assert digest_entry("a", "b") != digest_entry("b", "b")
    assert digest_entry("ab", "c") != digest_entry("a", "bc")


def test_keys_have_names_that_give_nothing_away() -> None:
    assert SIGNER.name != STRANGER.name
    assert (b"k" * 32).hex() not in SIGNER.name
    assert SIGNER.sign(b"x") != STRANGER.sign(b"x")


def test_moments_are_kept_to_the_microsecond_in_any_zone() -> None:
    at = NOON + timedelta(microseconds=1)
    assert read_entry(write_entry(entry(at=at), 1))[1].at == at
