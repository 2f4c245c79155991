"""What travels between the bridge and an agent: it comes out as it went in, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import wire
from agent.keys import read_public_key
from agent.wire import (
    END,
    LETTER,
    ORDER,
    Ended,
    Event,
    Garbled,
    Order,
    Output,
    Progress,
    Refused,
    Started,
    Told,
    Verb,
    Why,
    is_sealed,
    read_event,
    read_order,
    seal,
    write_event,
    write_order,
)
from tests.agent.parties import NOON, Bridge, raw_public

NAMES = st.text("abcXYZ019_.- /:", min_size=1, max_size=64)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
MOMENTS = st.floats(-1e12, 1e12) | st.integers(-(2**53), 2**53).map(float)
WHOLE = st.integers(0, 2**53)
ARGUMENTS = st.dictionaries(
    TEXTS, TEXTS | st.integers(-(2**63), 2**63) | st.booleans() | st.floats(-1e9, 1e9), max_size=5
)
ORDERS = st.builds(
    Order,
    host=NAMES,
    job=NAMES,
    verb=st.sampled_from(Verb),
    issued=MOMENTS,
    expires=MOMENTS,
    nonce=NAMES,
    arguments=ARGUMENTS,
)
FACTS = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-(2**53), 2**53),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.one_of(
    st.builds(Started, at=MOMENTS, shown=TEXTS),
    st.builds(Output, at=MOMENTS, is_error=st.booleans(), text=TEXTS),
    st.builds(Progress, at=MOMENTS, bytes=WHOLE, last=TEXTS),
    st.builds(
        Ended,
        job=st.just("job-1"),
        at=MOMENTS,
        why=st.sampled_from(Why),
        code=st.none() | st.integers(0, 255),
        signal=TEXTS,
        seconds=MOMENTS,
        bytes=WHOLE,
        digest=TEXTS,
        last=TEXTS,
        left_out=WHOLE,
        kept=WHOLE,
    ),
    st.builds(
        Refused,
        job=st.just("job-1"),
        at=MOMENTS,
        rule=TEXTS,
        sentence=TEXTS,
        nearest=TEXTS,
        remedy=TEXTS,
    ),
    st.builds(Told, job=st.just("job-1"), at=MOMENTS, facts=st.dictionaries(TEXTS, FACTS)),
)
BRIDGE = Bridge()
SIGN = BRIDGE.key.sign
verify = read_public_key(raw_public(BRIDGE.key).encode())
ENDED = Ended(
    job="job-1", at=NOON, why=Why.DONE, code=0, seconds=0.1, bytes=3, digest="ab", last="out"
)


@given(ORDERS)
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    assert read_order(write_order(order)) == order


@given(EVENTS)
def test_an_event_is_read_as_it_was_written_and_is_one_line(event: Event) -> None:
    line = write_event(event, SIGN)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert read_event(line, verify, job="job-1") == event


@given(st.binary(max_size=300))
def test_whatever_arrives_is_an_order_or_garbled(body: bytes) -> None:
    try:
        read_order(body)
    except Garbled:
        return


@given(st.binary(max_size=300) | FACTS.map(lambda facts: json.dumps(facts).encode()))
def test_whatever_arrives_is_an_event_or_garbled(line: bytes) -> None:
    try:
        read_event(line, verify, job="job-1")
    except Garbled:
        return


def test_an_order_with_any_bit_flipped_is_not_sealed_any_more() -> None:
    body, signature = BRIDGE.sealed(Verb.RUN, arguments={"command": "df -h"})
    assert is_sealed(ORDER, body, signature, verify)
    for bit in range(8 * len(body)):
        flipped = bytearray(body)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not is_sealed(ORDER, bytes(flipped), signature, verify)


def test_a_signature_with_any_bit_flipped_is_none() -> None:
    body, signature = BRIDGE.sealed()
    for bit in range(8 * len(signature)):
        flipped = bytearray(signature.encode())
        flipped[bit // 8] ^= 1 << bit % 8
        assert not is_sealed(ORDER, body, flipped.decode("latin-1"), verify)


@pytest.mark.parametrize("purpose", [END, LETTER])
def test_what_was_signed_as_something_else_is_no_order(purpose: bytes) -> None:
    body = BRIDGE.write()
    assert is_sealed(purpose, body, seal(purpose, body, SIGN), verify)
    assert not is_sealed(ORDER, body, seal(purpose, body, SIGN), verify)
    assert not is_sealed(purpose, body, seal(ORDER, body, SIGN), verify)


@pytest.mark.parametrize("signature", ["", "=", "é", "not base64!", "AAAA", "A" * 88, "\0"])
def test_a_signature_that_is_none_is_no_fault(signature: str) -> None:
    assert not is_sealed(ORDER, b"{}", signature, verify)


@pytest.mark.parametrize("field", ["v", "host", "job", "verb", "issued", "expires", "nonce"])
def test_an_order_that_lacks_a_field_is_garbled(field: str) -> None:
    fields = json.loads(BRIDGE.write())
    del fields[field]
    with pytest.raises(Garbled):
        read_order(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("host", ""),
        ("host", 7),
        ("host", "x" * 65),
        ("job", "two\nlines"),
        ("job", "naïve"),
        ("nonce", None),
        ("verb", "format"),
        ("issued", True),
        ("issued", "1"),
        ("expires", None),
        ("arguments", []),
        ("arguments", {"command": ["rm", "-rf"]}),
        ("arguments", {"command": None}),
    ],
)
def test_an_order_with_a_field_of_another_kind_is_garbled(field: str, value: Any) -> None:
    fields = json.loads(BRIDGE.write())
    fields[field] = value
    with pytest.raises(Garbled):
        read_order(json.dumps(fields).encode())


@pytest.mark.parametrize("value", ["Infinity", "-Infinity", "NaN", "1e999", "9" * 400])
def test_an_order_without_a_real_moment_is_garbled(value: str) -> None:
    body = BRIDGE.write().replace(str(NOON + 60).encode(), value.encode())
    with pytest.raises(Garbled):
        read_order(body)


def test_an_order_that_is_too_long_is_not_even_read() -> None:
    with pytest.raises(Garbled, match="too long"):
        read_order(BRIDGE.write(arguments={"command": "x" * wire.ORDER_BYTES}))


def test_a_deeply_nested_body_is_garbled() -> None:
    with pytest.raises(Garbled):
        read_order(b"[" * 50_000)


def test_the_end_of_another_job_is_garbled() -> None:
    with pytest.raises(Garbled, match="another job"):
        read_event(write_event(ENDED, SIGN), verify, job="job-2")


def test_an_end_that_nobody_signed_is_garbled() -> None:
    signed = json.loads(write_event(ENDED, SIGN))["signed"]
    with pytest.raises(Garbled, match="not signed"):
        read_event(signed.encode(), verify, job="job-1")


def test_the_end_that_another_host_signed_is_garbled() -> None:
    line = write_event(ENDED, Bridge().key.sign)
    with pytest.raises(Garbled, match="not signed by its host"):
        read_event(line, verify, job="job-1")


def test_an_end_whose_code_was_changed_is_garbled() -> None:
    line = write_event(ENDED, SIGN).replace(b'\\"code\\":0', b'\\"code\\":1')
    assert line != write_event(ENDED, SIGN)
    with pytest.raises(Garbled):
        read_event(line, verify, job="job-1")


def test_a_letter_is_no_end() -> None:
    body = json.dumps({"event": "told", "job": "job-1", "at": NOON, "facts": {}}).encode()
    line = {"signed": body.decode(), "signature": seal(LETTER, body, SIGN)}
    with pytest.raises(Garbled):
        read_event(json.dumps(line).encode(), verify, job="job-1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "0"),
        ("code", True),
        ("why", "bored"),
        ("seconds", True),
        ("seconds", {}),
        ("seconds", 10**400),
        ("bytes", "3"),
        ("bytes", 10**400),
        ("left_out", False),
        ("last", None),
    ],
)
def test_an_end_with_a_field_of_another_kind_is_garbled(field: str, value: Any) -> None:
    body = json.dumps({**json.loads(_signed_part()), field: value}).encode()
    line = {"signed": body.decode(), "signature": seal(END, body, SIGN)}
    with pytest.raises(Garbled):
        read_event(json.dumps(line).encode(), verify, job="job-1")


def test_an_event_with_a_field_too_many_is_garbled() -> None:
    with pytest.raises(Garbled):
        read_event(b'{"event":"started","at":1,"shown":"x","more":1}', verify, job="job-1")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 400])
def test_an_event_without_a_real_moment_is_garbled(number: str) -> None:
    line = f'{{"event":"started","at":{number},"shown":"x"}}'
    with pytest.raises(Garbled):
        read_event(line.encode(), verify, job="job-1")


def test_half_a_letter_is_garbled() -> None:
    with pytest.raises(Garbled):
        read_event(rb'{"signed":"\ud800","signature":"AAAA"}', verify, job="job-1")


def test_a_repeated_end_is_the_same_end() -> None:
    assert write_event(ENDED, SIGN) == write_event(replace(ENDED), SIGN)


def _signed_part() -> str:
    return str(json.loads(write_event(ENDED, SIGN))["signed"])
