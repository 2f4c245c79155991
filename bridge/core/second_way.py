"""The second way out: when Telegram counts as away, and what goes elsewhere meanwhile.

    reached ──an attempt fails──► failing ──for the patience──► away
       ▲                             │                            │
       └─────────────────────── an attempt succeeds ──────────────┘

Every way remembers which revision of which card it has taken, so that neither a restart nor a
change elsewhere shows anything twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from bridge import limits
from bridge.core.cards import CardFacts
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Failed, Outcome, Reason

STATE_NAME: Final = "second_way"
"""Under which name the state is remembered."""
WaitingCard = tuple[int, int, CardFacts]
"""A card that Telegram does not show as it should: its row, its revision, its truth."""

_OVER: Final = 99  # behind every severity
_AWAY: Final = frozenset({Reason.OUTAGE, Reason.NOT_AUTHORISED})


def is_reached(outcome: Outcome) -> bool | None:
    """Say whether Telegram was there, whatever it answered; None where nobody asked it."""
    if isinstance(outcome, Failed) and outcome.reason is Reason.UNFORESEEN:
        return None
    return not (isinstance(outcome, Failed) and outcome.reason in _AWAY)


class Digest(NamedTuple):
    """What goes to one way out at once."""

    title: str
    body: str
    written: tuple[int, ...]
    """Which of the given cards it tells of, by their places."""


def gather_alike(cards: Iterable[WaitingCard]) -> list[list[WaitingCard]]:
    """Put together the cards of several chats that show the same."""
    found: dict[object, list[WaitingCard]] = {}
    for card in cards:
        facts = card[2]
        members = tuple((_name_alert(facts, n), m.ended_at) for n, m in enumerate(facts.members))
        key = (facts.source, facts.receiver, *sorted(facts.group_labels.items()), members)
        found.setdefault(key, []).append(card)
    return list(found.values())


def _name_alert(facts: CardFacts, number: int) -> object:
    member = facts.members[number]
    return member.episode_id or tuple(sorted(member.labels.items()))


def _rank(facts: CardFacts) -> int:
    return min((m.severity.rank for m in facts.members if m.is_firing), default=_OVER)


@dataclass(kw_only=True)
class _Absence:
    """One time that Telegram is or was away."""

    since: datetime
    until: datetime | None = None
    alerts: set[int] = field(default_factory=set)
    """Which have gone elsewhere because of it."""


@dataclass(frozen=True, kw_only=True)
class _Way:
    sent: Mapping[int, int] = field(default_factory=dict)
    """Card → its revision when it was sent, the longest ago first."""
    failures: int = 0
    due_at: datetime | None = None
    """Before this nothing goes there."""


class SecondWay:
    """Knows since when Telegram is away, and what has gone elsewhere."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience
        self._absence: _Absence | None = None
        self._attempt_failed_at: datetime | None = None
        self._under_way: dict[str, _Absence] = {}
        self._ways: dict[str, _Way] = {}
        self._over: list[NoticeFacts] = []
        self._written: dict[str, Any] | None = None
        self.is_restored = False

    @property
    def since(self) -> datetime | None:
        """When Telegram stopped being reached; None while it is."""
        return self._absence.since if self._absence else None

    @property
    def over(self) -> tuple[NoticeFacts, ...]:
        """What the chats are to be told, now that they can be."""
        return tuple(self._over)

    def is_away(self, now: datetime) -> bool:
        """Say whether Telegram has been away for longer than the patience."""
        return self.since is not None and now - self.since >= self._patience

    def note_outcome(self, outcome: Outcome, now: datetime) -> None:
        """Learn from an attempt to show a message."""
        reached = is_reached(outcome)
        if reached:
            self._end(now)
        elif reached is False:
            self._begin(now)
            self._attempt_failed_at = now

    def note_probe(self, now: datetime, *, is_well: bool) -> None:
        """Learn from a look at the bot: one that works proves little while messages fail."""
        if not is_well:
            self._begin(now)
            return
        failed_at = self._attempt_failed_at
        if failed_at is None or not timedelta(0) <= now - failed_at <= limits.AWAY_DOUBT:
            self._end(now)

    def note_told(self, notice: NoticeFacts) -> None:
        """Remember that the chats were told of an absence that is over."""
        if notice in self._over:  # it may have grown meanwhile
            self._over.remove(notice)

    def choose(self, way: str, waiting: Sequence[WaitingCard], now: datetime) -> list[WaitingCard]:
        """Say which cards go this way now: those it has not taken as they are.

        What it has never been told comes first, the worst of it before the rest; then what has
        changed, the longest untold first: what changes all the time keeps nothing else away.
        """
        known = self._ways.get(way, _Way())
        # A moment further off comes from a clock that was put back.
        if known.due_at and now < known.due_at <= now + limits.DIGEST_BACKOFF_LONGEST:
            return []
        if self._absence is not None:
            self._under_way[way] = self._absence
        places = {card: place for place, card in enumerate(known.sent)}
        chosen = [card for card in waiting if known.sent.get(card[0]) != card[1]]
        return sorted(chosen, key=lambda card: (places.get(card[0], -1), _rank(card[2])))

    def forget_all_but(self, waiting: Sequence[WaitingCard]) -> None:
        """Let go of cards that no longer wait."""
        ids = {card[0] for card in waiting}
        for name, way in self._ways.items():
            kept = {card: revision for card, revision in way.sent.items() if card in ids}
            self._ways[name] = replace(way, sent=kept)

    def note_begun(self, way: str, now: datetime) -> None:
        """Remember that something is being sent this way: no other bridge sends the same then."""
        known = self._ways.get(way, _Way())
        self._ways[way] = replace(known, due_at=now + limits.DIGEST_EVERY)

    def note_taken(self, way: str, cards: Sequence[WaitingCard], now: datetime) -> None:
        """Remember what has gone this way; it belongs to the absence in which it was chosen."""
        news = {card[0]: card[1] for card in cards}
        kept = self._ways.get(way, _Way()).sent
        sent = {card: revision for card, revision in kept.items() if card not in news} | news
        self._ways[way] = _Way(sent=sent, due_at=now + limits.DIGEST_EVERY)
        absence = self._under_way.pop(way, self._absence)
        if absence is not None:
            absence.alerts |= {member.episode_id for card in cards for member in card[2].members}
            self._tell(absence)

    def note_refused(self, way: str, now: datetime, jitter: float) -> datetime:
        """Remember that this way failed; answer when it is tried again."""
        known = self._ways.get(way, _Way())
        doubled: timedelta = limits.DIGEST_EVERY * 2 ** min(known.failures, 16)
        wait = min(doubled, limits.DIGEST_BACKOFF_LONGEST) * (0.5 + jitter / 2)
        due_at = now + wait
        self._ways[way] = replace(known, failures=known.failures + 1, due_at=due_at)
        return due_at

    @property
    def is_unwritten(self) -> bool:
        """Say whether there is something to write to disk."""
        return self._written != self.write()

    def note_written(self, written: dict[str, Any]) -> None:
        """Remember what is on disk."""
        self._written = written

    def write(self) -> dict[str, Any]:
        """Give the state as JSON."""
        return {
            "since": self.since.isoformat() if self.since else None,
            "alerts": sorted(self._absence.alerts) if self._absence else [],
            "ways": {
                name: {
                    "sent": {str(card): revision for card, revision in way.sent.items()},
                    "failures": way.failures,
                    "due_at": way.due_at.isoformat() if way.due_at else None,
                }
                for name, way in self._ways.items()
            },
        }

    def restore(self, written: Any) -> None:  # JSON, as `write` gave it, or None
        """Take up what was remembered; an absence lasts until Telegram is reached."""
        self.is_restored = True
        kept = _read(written)
        if kept is None:
            return  # nothing yet, or written by another version
        since, alerts, ways = kept
        self._written = written
        if since is not None:
            self._begin(since)
        if self._absence is not None:
            self._absence.alerts |= alerts
        self._ways = ways | self._ways

    def merge(self, written: Any) -> None:  # JSON, as `write` gave it, or None
        """Take up what another bridge may have remembered meanwhile: what it sent is sent."""
        kept = _read(written)
        if kept is None:
            return
        since, alerts, ways = kept
        self._written = written
        self._ways |= {name: _join(self._ways.get(name, _Way()), ways[name]) for name in ways}
        if self._absence is not None and since is not None:
            self._begin(since)
            self._absence.alerts |= alerts

    def _begin(self, now: datetime) -> None:
        # A moment of the future comes from a clock that was put back.
        self._absence = self._absence or _Absence(since=now)
        self._absence.since = min(self._absence.since, now)

    def _end(self, now: datetime) -> None:
        self._attempt_failed_at = None
        absence, self._absence = self._absence, None
        if absence is not None:
            absence.until = max(now, absence.since)
            self._tell(absence)

    def _tell(self, absence: _Absence) -> None:
        """Queue the notice of an absence that is over; it grows while digests are under way."""
        if absence.until is None or not absence.alerts:
            return
        self._over = [each for each in self._over if each.since != absence.since]
        self._over.append(
            NoticeFacts(
                kind=NoticeKind.TELEGRAM_WAS_AWAY,
                since=absence.since,
                until=absence.until,
                count=len(absence.alerts),
            )
        )


def _read(written: Any) -> tuple[datetime | None, set[int], dict[str, _Way]] | None:
    """Read what `write` gave as JSON; None where it was something else."""
    try:
        since = datetime.fromisoformat(written["since"]) if written["since"] else None
        alerts = {int(each) for each in written["alerts"]}
        return since, alerts, {str(name): _read_way(way) for name, way in written["ways"].items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _read_way(written: Any) -> _Way:
    return _Way(
        sent={int(card): int(revision) for card, revision in written["sent"].items()},
        failures=int(written["failures"]),
        due_at=datetime.fromisoformat(written["due_at"]) if written["due_at"] else None,
    )


def _join(own: _Way, other: _Way) -> _Way:
    """Put together what two bridges know of a way: whoever used it last says when it is due."""
    newest = {card: max(each, own.sent.get(card, each)) for card, each in other.sent.items()}
    is_ours = other.due_at is None or (own.due_at is not None and own.due_at >= other.due_at)
    return replace(own if is_ours else other, sent={**own.sent, **newest})
