from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.letters import read_letter
from bridge.errors import BridgeError, Expired, Mistake
from tests.fakes.clock import NOON

GOOD: dict[str, object] = {
    "v": 1,
    "host": "web-1",
    "kind": "login",
    "issued": NOON.timestamp(),
    "nonce": "abcdefgh",
    "facts": {"id": "e-1", "user": "ada"},
}


def write(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_a_letter_is_read_as_it_was_written() -> None:
    letter = read_letter(write(), now=NOON)
    assert (letter.host, letter.kind, letter.issued) == ("web-1", "login", NOON)
    assert letter.facts == {"id": "e-1", "user": "ada"}


@pytest.mark.parametrize(
    "changes",
    [
        *({"v": 2}, {"host": 1}, {"kind": "Login!"}, {"kind": ""}, {"issued": "now"}),
        *({"issued": True}, {"issued": float("nan")}, {"issued": float("inf")}, {"issued": 1e300}),
        *({"nonce": "short"}, {"nonce": "x" * 65}, {"nonce": "with blank"}, {"facts": []}),
        {"facts": None},
    ],
)
def test_what_lacks_something_is_no_letter(changes: dict[str, object]) -> None:
    with pytest.raises(Mistake):
        read_letter(write(**changes), now=NOON)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b"7"])
def test_what_is_no_object_is_no_letter(body: bytes) -> None:
    with pytest.raises(Mistake):
        read_letter(body, now=NOON)


def test_a_letter_of_another_time_is_not_taken() -> None:
    ahead = NOON + limits.LETTER_AHEAD
    read_letter(write(issued=ahead.timestamp()), now=NOON)
    with pytest.raises(Expired, match="clock"):
        read_letter(write(issued=(ahead + timedelta(seconds=1)).timestamp()), now=NOON)
    old = NOON - limits.LETTERS_KEPT
    read_letter(write(issued=old.timestamp()), now=NOON)
    with pytest.raises(Expired, match="too old"):
        read_letter(write(issued=(old - timedelta(seconds=1)).timestamp()), now=NOON)


def test_copies_are_known_by_the_events_number_else_by_the_nonce() -> None:
    def digest(**changes: object) -> str:
        return read_letter(write(**changes), now=NOON).digest

    assert digest() == digest(nonce="another-one", issued=NOON.timestamp() - 9)
    assert digest() != digest(facts={"id": "e-2"})
    assert digest() != digest(host="web-2")
    assert digest() != digest(kind="logout")
    assert digest(facts={}) != digest(facts={}, nonce="another-one")
    assert digest(facts={"id": 7}) != digest(facts={"id": 7}, nonce="another-one")
    assert digest(host="WEB-1") == digest()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda each: st.lists(each) | st.dictionaries(st.text(max_size=9), each),
    ),
    st.sampled_from(sorted(GOOD)),
)
def test_nothing_that_a_host_can_send_is_more_than_a_sentence(value: object, name: str) -> None:
    try:
        letter = read_letter(write(**{name: value}), now=NOON)
    except BridgeError:
        return
    assert len(letter.digest) == 64
