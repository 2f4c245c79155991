"""A chain that somebody was at is found, and one that nobody touched is sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.audit import (
    START,
    Entry,
    Place,
    Signer,
    StatementKind,
    read_entry,
    sign_statement,
)
from bridge.core.audit_check import Soundness, verify_tail
from tests.core.chains import (
    SIGNER,
    STRANGER,
    Chain,
    append,
    cut_start,
    cut_tail,
    edit,
    edit_digest,
    edit_letter,
    edit_previous,
    entries,
    entry,
    forged,
    head_of,
    insert,
    is_only_longer,
    make_chain,
    place,
    remove,
    repeat,
    swap,
    verify,
)

# ---- a chain that nobody touched -------------------------------------------------------------


@given(st.lists(entries, max_size=12), st.integers(0, 12))
def test_a_chain_is_sound_with_the_head_of_any_earlier_moment(
    written: list[Entry], known: int
) -> None:
    """A crash between the commit of an entry and the head's file only leaves the head behind."""
    chain = append([], *written)
    verdict = verify(chain, head_of(chain[:known]))
    assert verdict.soundness is Soundness.SOUND
    assert verdict.entries == len(written)
    assert verdict.end == (place(chain[-1]) if chain else START)
    assert verdict.is_continued


# ---- a chain that somebody was at ------------------------------------------------------------

# What somebody who may write the database, and has no key, can do with a chain. `forged` also


CHANGES = (
    *(edit, edit_letter, edit_digest, edit_previous, remove, swap, insert, repeat),
    *(cut_tail, cut_start),
    *map(forged, (edit, edit_letter, remove, swap, insert, repeat, cut_tail, cut_start)),
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@settings(max_examples=50)
@given(st.integers(1, 9), st.integers(0, 99), st.integers(0, 9999))
def test_every_single_change_of_a_chain_is_found(
    change: Callable[[Chain, int, int], Chain], length: int, at: int, other: int
) -> None:
    chain = make_chain(length)
    changed = change(chain, at % length, other)
    verdict = verify(changed, head_of(chain))
    if is_only_longer(changed, chain):
        assert verdict.soundness is Soundness.SOUND
    else:
        assert verdict.soundness is Soundness.TAMPERED
        assert not verdict.is_continued
        assert verdict.sentence


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@settings(max_examples=50)
@given(st.integers(1, 9), st.integers(0, 99), st.integers(1, 5), st.integers(0, 9999))
def test_what_the_head_knows_is_safe_although_the_chain_has_grown(
    change: Callable[[Chain, int, int], Chain], length: int, at: int, grown: int, other: int
) -> None:
    """Whoever goes on with the changed chain hides nothing of what was signed."""
    chain = make_chain(length)
    changed = change(chain, at % length, other % length)
    longer = append(changed, *(entry(f"/later {number}") for number in range(grown)))
    verdict = verify(longer, head_of(chain))
    expected = Soundness.SOUND if is_only_longer(changed, chain) else Soundness.TAMPERED
    assert verdict.soundness is expected


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda chain: edit(chain, 2, 0), "entry 3 was edited"),
        (lambda chain: remove(chain, 2, 0), "entries 3 to 3 are missing"),
        (lambda chain: chain[:1] + chain[4:], "entries 2 to 4 are missing"),
        (lambda chain: swap(chain, 1, 2), "entries 2 to 2 are missing"),
        (lambda chain: repeat(chain, 3, 1), "entry 2 stands where entry 4 should"),
        (lambda chain: chain[:3], "the last 3 entries are missing: the signed head knows 6"),
        (lambda _: [], "the last 6 entries are missing"),
        (lambda chain: chain[2:], "the entries up to 2 are missing, and nothing signed says why"),
        (lambda chain: forged(edit)(chain, 2, 0), "entry 6 is not the one that the signed head"),
        (
            lambda chain: [*chain[:2], replace(chain[2], text="?"), *chain[3:]],
            "what follows entry 2 is no entry",
        ),
    ],
)
def test_the_verdict_says_where(changed: Callable[[Chain], Chain], words: str) -> None:
    chain = make_chain(6)
    assert words in verify(changed(chain), head_of(chain)).sentence


@pytest.mark.parametrize(
    "change",
    [
        {"place": Place(2, make_chain(2)[-1].digest)},
        {"row": 7},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"signature": ""},
    ],
)
def test_a_head_that_was_edited_is_found(change: dict[str, object]) -> None:
    chain = make_chain(3)
    head = replace(head_of(chain), **change)  # type: ignore[arg-type]
    verdict = verify(chain, head)
    assert verdict.soundness is Soundness.TAMPERED
    assert "head was edited" in verdict.sentence


def test_without_a_head_or_with_anothers_nobody_can_tell() -> None:
    chain = make_chain(3)
    for head in (None, head_of(chain, STRANGER)):
        verdict = verify(chain, head)
        assert verdict.soundness is Soundness.UNKNOWN
        assert verdict.is_whole
        assert not verdict.is_continued
    assert verify(edit(chain, 1, 0), None).soundness is Soundness.TAMPERED


# ---- purged and restored ---------------------------------------------------------------------


def state(
    kind: StatementKind, first: Place, signer: Signer = SIGNER, told: Place | None = None
) -> Entry:
    return entry("audit", statement=sign_statement(kind, first, signer, told=told))


@given(st.integers(1, 8), st.integers(0, 8), st.integers(0, 3))
def test_a_signed_statement_explains_a_later_start(length: int, cut: int, grown: int) -> None:
    chain = make_chain(length)
    cut %= length
    marked = append(chain, state(StatementKind.PURGED, place(chain[cut])))
    purged = append(marked, *(entry() for _ in range(grown)))[cut + 1 :]
    for head in (head_of(chain), head_of(marked), head_of(purged), head_of(chain[:1])):
        verdict = verify(purged, head)
        assert verdict.soundness is Soundness.SOUND
        assert verdict.first == place(chain[cut])
        assert verdict.entries == length + 1 + grown - cut - 1


def test_a_statement_explains_no_other_start_than_its_own() -> None:
    chain = append(make_chain(6), state(StatementKind.PURGED, place(make_chain(6)[1])))
    assert verify(chain[2:], head_of(chain)).soundness is Soundness.SOUND
    for start in (1, 3, 4, 5, 6):
        assert verify(chain[start:], head_of(chain)).soundness is Soundness.TAMPERED


def test_a_statement_that_was_forged_is_found() -> None:
    chain = make_chain(6)
    real = sign_statement(StatementKind.PURGED, place(chain[1]), SIGNER)
    for change in (
        {"first": 5, "previous": place(chain[3]).digest},
        {"kind": StatementKind.RESTORED},
        {"told": place(chain[5])},
        {"signature": "0" * 64},
    ):
        forgery = entry("audit", statement=replace(real, **change))
        longer = append(chain, forgery)
        for shown in (longer, longer[4:]):
            verdict = verify(shown, head_of(chain))
            assert verdict.soundness is Soundness.TAMPERED
            assert "forged" in verdict.sentence


def test_a_start_that_only_a_stranger_explains_cannot_be_told() -> None:
    chain = append(make_chain(6), state(StatementKind.PURGED, place(make_chain(6)[1]), STRANGER))
    verdict = verify(chain[2:], head_of(chain))
    assert verdict.soundness is Soundness.UNKNOWN
    assert "whose key is not here" in verdict.sentence
    assert verdict.is_continued  # the head's own word still holds


def test_a_restored_chain_is_tampered_with_until_the_head_is_signed_anew() -> None:
    chain = make_chain(6)
    restored = chain[:4]
    assert verify(restored, head_of(chain)).soundness is Soundness.TAMPERED
    assert verify(restored, head_of(chain)).is_whole
    told = head_of(chain).place
    marked = append(restored, state(StatementKind.RESTORED, START, told=told))
    assert verify(marked, head_of(marked)).soundness is Soundness.SOUND
    number, kept = read_entry(marked[-1].text)
    assert (number, kept.statement and kept.statement.told) == (5, told)


# ---- only the end ----------------------------------------------------------------------------


@given(st.integers(1, 8), st.integers(0, 8))
def test_the_end_of_a_chain_can_be_looked_at_alone(length: int, known: int) -> None:
    chain = make_chain(length)
    known %= length
    head = head_of(chain[: known + 1])
    verdict = verify_tail(chain[known:], head, SIGNER)
    assert verdict is not None
    assert verdict.soundness is Soundness.SOUND
    assert verdict.end == place(chain[-1])
    assert verdict.row == chain[-1].row


def test_an_end_that_does_not_begin_with_the_heads_entry_is_no_answer() -> None:
    chain = make_chain(6)
    head = head_of(chain[:3])
    for tail in (
        [],
        chain[3:],
        chain[:2],
        edit_digest(chain, 2, 0)[2:],
        forged(edit)(chain, 1, 0)[2:],
    ):
        assert verify_tail(tail, head, SIGNER) is None


def test_an_end_that_somebody_was_at_is_found() -> None:
    chain = make_chain(6)
    verdict = verify_tail(edit(chain, 4, 0)[2:], head_of(chain[:3]), SIGNER)
    assert verdict is not None
    assert verdict.soundness is Soundness.TAMPERED
