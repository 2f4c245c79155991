"""Whether a chain of the audit is whole, and what of it is known by the signed head."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.core.audit import START, Head, Link, Place, Signer, Statement, digest_entry, read_entry


class Soundness(enum.Enum):
    """What is to be thought of a chain."""

    SOUND = "sound"
    TAMPERED = "tampered"
    UNKNOWN = "unknown"
    """Nothing speaks against it, but it cannot be told."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a look at a chain has come to."""

    soundness: Soundness
    sentence: str
    """For people: where it is broken, or what is missing to tell."""
    first: Place = START
    """What its first entry follows."""
    end: Place = START
    row: int = 0
    """Where the store finds the end."""
    is_whole: bool = False
    """Whether every entry follows the one before it, whatever the head says."""
    is_continued: bool = False
    """Whether it also goes on from where the signed head knew it."""

    @property
    def entries(self) -> int:
        """How many there are."""
        return self.end.number - self.first.number


def verify_chain(links: Iterable[Link], head: Head | None, signer: Signer) -> Verdict:
    """Look at a whole chain, the oldest entry first."""
    return _Walk(head, signer).look(links)


def verify_tail(links: Iterable[Link], head: Head, signer: Signer) -> Verdict | None:
    """Look at what comes after the head, given its own entry first; None where it is not."""
    walk = _Walk(head, signer, is_tail=True)
    verdict = walk.look(links)
    return verdict if walk.at_head == head.place else None


class _Broken(Exception):
    """The chain is broken here; the text says how."""


@dataclass
class _Walk:
    """Goes along a chain, entry by entry."""

    head: Head | None
    signer: Signer
    is_tail: bool = False
    """Whether it begins at the head's own entry instead of the first that there is."""
    first: Place | None = None
    end: Place = START
    row: int = 0
    at_head: Place | None = None
    """What stands where the head's own entry should."""
    statements: list[Statement] = field(default_factory=list)
    """Those that we signed."""
    strange: list[Statement] = field(default_factory=list)
    """Those that somebody signed with a key that is not here."""

    def look(self, links: Iterable[Link]) -> Verdict:
        """Go all the way and judge."""
        is_whole = False
        try:
            for link in links:
                self._step(link)
            is_whole = True
            doubt = self._compare_with_head()
            is_continued = not doubt
            doubt = doubt or self._explain_start()
        except _Broken as broken:
            return self._conclude(Soundness.TAMPERED, str(broken), is_whole=is_whole)
        if doubt:
            return self._conclude(
                Soundness.UNKNOWN, doubt, is_whole=True, is_continued=is_continued
            )
        words = "every entry follows the one before it, up to the signed head and beyond"
        return self._conclude(Soundness.SOUND, words, is_whole=True, is_continued=True)

    def _step(self, link: Link) -> None:
        try:
            number, entry = read_entry(link.text)
        except ValueError:
            raise _Broken(f"what follows entry {self.end.number} is no entry") from None
        if digest_entry(link.previous, link.text) != link.digest:
            raise _Broken(f"entry {number} was edited")
        if self.first is None:
            self.first = self.end = Place(number - 1, link.previous)
        self._require_order(number, link.previous)
        self.end, self.row = Place(number, link.digest), link.row
        if self.head is not None and number == self.head.place.number:
            self.at_head = self.end
        if entry.statement is not None:
            self._take(entry.statement, number)

    def _require_order(self, number: int, previous: str) -> None:
        due = self.end.number + 1
        if number > due:
            raise _Broken(f"entries {due} to {number - 1} are missing")
        if number < due:
            raise _Broken(f"entry {number} stands where entry {due} should")
        if previous != self.end.digest:
            raise _Broken(f"entry {number} follows another entry than the one before it")

    def _take(self, statement: Statement, number: int) -> None:
        if statement.key != self.signer.name:
            self.strange.append(statement)
        elif self.signer.has_signed(statement.content, statement.signature):
            self.statements.append(statement)
        else:
            raise _Broken(f"the statement in entry {number} is forged")

    def _compare_with_head(self) -> str:
        """Say why the head cannot tell; "" when it could."""
        if self.head is None:
            return "there is no signed head that can be read, which would know how long it must be"
        if self.head.key != self.signer.name:
            return "the head is signed with another key than the one that is here"
        if not self.signer.has_signed(self.head.content, self.head.signature):
            raise _Broken("the signed head was edited")
        known, first = self.head.place, self.first or START
        if self.at_head not in {None, known}:
            raise _Broken(f"entry {known.number} is not the one that the signed head knows")
        if known.number > self.end.number:
            raise _Broken(
                f"the last {known.number - self.end.number} entries are missing: the signed head "
                f"knows {known.number}"
            )
        if known.number == first.number and known != first:
            raise _Broken(f"entry {known.number + 1} does not follow what the signed head knows")
        return ""

    def _explain_start(self) -> str:
        """Say why the chain's beginning cannot be trusted; "" when it can."""
        first = self.first or START
        if first == START or self.is_tail:
            return ""
        if any(_begins_after(each, first) for each in self.statements):
            return ""
        if any(_begins_after(each, first) for each in self.strange):
            return (
                f"the entries up to {first.number} were let go of by a bridge whose key is not here"
            )
        raise _Broken(f"the entries up to {first.number} are missing, and nothing signed says why")

    def _conclude(
        self,
        soundness: Soundness,
        sentence: str,
        *,
        is_whole: bool,
        is_continued: bool = False,
    ) -> Verdict:
        return Verdict(
            soundness=soundness,
            sentence=sentence,
            first=self.first or START,
            end=self.end,
            row=self.row,
            is_whole=is_whole,
            is_continued=is_continued,
        )


def _begins_after(statement: Statement, place: Place) -> bool:
    return (statement.first, statement.previous) == (place.number + 1, place.digest)
