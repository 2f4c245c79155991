"""Chains of the audit, and what somebody without a key can do to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from bridge.core.audience import Destination
from bridge.core.audit import (
    START,
    Entry,
    Head,
    Link,
    Outcome,
    Place,
    Signer,
    make_link,
    read_entry,
    sign_head,
    write_entry,
)
from bridge.core.audit_check import Verdict, verify_chain
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
