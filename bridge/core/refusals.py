"""Which refusals are written down: a stranger who goes on and on must not fill the disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge import limits


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Refusals that one entry stands for."""

    who: int | None
    """None: several strangers, of whom there are too many to tell them apart."""
    count: int
    since: datetime


@dataclass
class _Tally:
    """What is not written down of one stranger."""

    written_at: datetime
    count: int = 0


class Refusals:
    """Counts refusals of strangers, in bounded memory.

    The first of a stranger is written down at once, then at most one entry an hour that says how
    many there were. So many strangers that they cannot be told apart share one such entry.
    """

    def __init__(self) -> None:
        self._tallies: dict[int | None, _Tally] = {}

    def note(self, user_id: int, now: datetime) -> Fold | None:
        """Count a refusal; answer the entry to be written now, or None."""
        self._forget(now)
        is_known = user_id in self._tallies
        who = user_id if is_known or len(self._tallies) < limits.REFUSALS_STRANGERS else None
        tally = self._tallies.get(who)
        if tally is None:
            self._tallies[who] = _Tally(now)
            return Fold(who=who, count=1, since=now)
        tally.count += 1
        return self._write(who, tally, now) if _is_due(tally, now) else None

    def collect(self, now: datetime) -> tuple[Fold, ...]:
        """Answer the entries that are due although their strangers have gone."""
        due = [(who, each) for who, each in self._tallies.items() if _is_due(each, now)]
        folds = tuple(self._write(who, each, now) for who, each in due if each.count)
        self._forget(now)
        return folds

    def _write(self, who: int | None, tally: _Tally, now: datetime) -> Fold:
        fold = Fold(who=who, count=tally.count, since=tally.written_at)
        tally.written_at, tally.count = now, 0
        return fold

    def _forget(self, now: datetime) -> None:
        """Forget strangers of whom nothing is left to write and whose hour is over."""
        over = [who for who, each in self._tallies.items() if not each.count and _is_due(each, now)]
        for who in over:
            del self._tallies[who]


def _is_due(tally: _Tally, now: datetime) -> bool:
    # A clock that was put back must not silence the audit.
    return abs(now - tally.written_at) >= limits.REFUSALS_FOLDED
