from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import (
    START,
    Entry,
    Head,
    Link,
    Outcome,
    Place,
    Signer,
    StatementKind,
    digest_entry,
    make_link,
    make_proper,
    read_entry,
    read_head,
    sign_head,
    sign_statement,
    write_entry,
    write_head,
)
from bridge.core.audit_check import Soundness, Verdict, verify_chain, verify_tail
from tests.fakes.clock import NOON

SIGNER, STRANGER = Signer(b"k" * 32), Signer(b"s" * 32)
ADA = 1001
Chain = list[Link]

entries = st.builds(
    Entry,
    at=st.datetimes().map(lambda at: at.replace(tzinfo=NOON.tzinfo)),
    who=st.none() | st.integers(1, 2**52),
    name=st.text(max_size=20),
    chat=st.none() | st.builds(Destination, st.integers(-(2**52), 2**52), st.integers(0, 99)),
    what=st.text(max_size=20),
    on=st.text(max_size=20),
    outcome=st.sampled_from(Outcome),
    detail=st.text(max_size=20),
)


def entry(what: str = "/adduser", **changes: object) -> Entry:
    plain = Entry(at=NOON, who=ADA, name="Ada", chat=Destination(-2001), what=what, on="1002")
    return replace(plain, **changes)  # type: ignore[arg-type]


def place(link: Link) -> Place:
    return Place(read_entry(link.text)[0], link.digest)


def append(chain: Chain, *more: Entry) -> Chain:
    longer = list(chain)
    for each in more:
        after = Place(len(longer), longer[-1].digest) if longer else START
        longer.append(make_link(each, after=after, row=len(longer) + 1))
    return longer


def make_chain(length: int) -> Chain:
    return append([], *(entry(f"/command {number}") for number in range(length)))


def head_of(chain: Chain, signer: Signer = SIGNER) -> Head:
    if not chain:
        return sign_head(START, 0, signer)
    return sign_head(place(chain[-1]), chain[-1].row, signer)


def verify(chain: Sequence[Link], head: Head | None) -> Verdict:
    return verify_chain(chain, head, SIGNER)


# ---- what is written down --------------------------------------------------------------------


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


def test_an_entry_is_bounded_and_says_that_it_was_cut() -> None:
    made = make_proper(entry(what="x" * 9999, on="y" * 9999, detail="z" * 9999, name="n" * 9999))
    assert len(made.what) == len(made.on) == len(made.detail) == limits.AUDIT_CHARACTERS
    assert len(made.name) == limits.NAME_CHARACTERS
    assert made.what.endswith("…")


def test_a_secret_at_the_edge_of_the_bound_is_hidden_as_well() -> None:
    made = make_proper(entry(detail="x" * (limits.AUDIT_CHARACTERS - 20) + " " + TOKEN))
    assert "123456789:AAA" not in made.detail


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


def test_a_head_is_read_as_it_was_written() -> None:
    head = head_of(make_chain(3))
    assert read_head(write_head(head)) == head


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "7", '{"count": "x"}', "\0"])
def test_what_is_no_head_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="no head of ours"):
        read_head(text)


# ---- a chain that somebody was at ------------------------------------------------------------

# What somebody who may write the database, and has no key, can do with a chain. `forged` also
# writes every digest anew from the place on that they touched.


def edit(chain: Chain, at: int, _other: int) -> Chain:
    number, kept = read_entry(chain[at].text)
    text = write_entry(replace(kept, on=f"{kept.on}!"), number)
    return [*chain[:at], replace(chain[at], text=text), *chain[at + 1 :]]


def edit_letter(chain: Chain, at: int, other: int) -> Chain:
    text = chain[at].text
    spot = other % len(text)
    changed = text[:spot] + chr(ord(text[spot]) ^ 1) + text[spot + 1 :]
    return [*chain[:at], replace(chain[at], text=changed), *chain[at + 1 :]]


def edit_digest(chain: Chain, at: int, _other: int) -> Chain:
    wrong = "f" * 64 if chain[at].digest != "f" * 64 else "e" * 64
    return [*chain[:at], replace(chain[at], digest=wrong), *chain[at + 1 :]]


def edit_previous(chain: Chain, at: int, _other: int) -> Chain:
    wrong = "f" * 64 if chain[at].previous != "f" * 64 else "e" * 64
    return [*chain[:at], replace(chain[at], previous=wrong), *chain[at + 1 :]]


def remove(chain: Chain, at: int, _other: int) -> Chain:
    return chain[:at] + chain[at + 1 :]


def swap(chain: Chain, at: int, other: int) -> Chain:
    other %= len(chain)
    changed = list(chain)
    changed[at], changed[other] = changed[other], changed[at]
    return changed


def insert(chain: Chain, at: int, _other: int) -> Chain:
    """Before any entry; what is added at the very end is an entry like any other."""
    after = place(chain[at - 1]) if at else START
    return [*chain[:at], make_link(entry("/forged"), after=after), *chain[at:]]


def repeat(chain: Chain, at: int, other: int) -> Chain:
    return [*chain[:at], chain[other % len(chain)], *chain[at:]]


def cut_tail(chain: Chain, at: int, _other: int) -> Chain:
    return chain[:at]


def cut_start(chain: Chain, at: int, _other: int) -> Chain:
    return chain[at + 1 :]


def forged(change: Callable[[Chain, int, int], Chain]) -> Callable[[Chain, int, int], Chain]:
    """Make everything fit again, numbers and digests, as one can without the key."""

    def act(chain: Chain, at: int, other: int) -> Chain:
        contents = [link.text for link in change(chain, at, other)]
        again: Chain = []
        for text in contents:
            try:
                again = append(again, read_entry(text)[1])
            except ValueError:
                continue
        return again

    act.__name__ = f"forged_{change.__name__}"
    return act


def is_only_longer(changed: Chain, chain: Chain) -> bool:
    """Nothing that the head knows was touched; an entry more at the end is one like any other."""
    rest = [link.previous for link in changed[len(chain) :]]
    return changed[: len(chain)] == chain and rest == [
        link.digest for link in changed[len(chain) - 1 : -1]
    ]


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
