"""Rings on disk: one short reply for all that a standing card has become worse by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from bridge.core.alerts import Severity
from bridge.core.audience import Destination
from bridge.core.cards import in_order
from bridge.core.outbox import Kind, Priority
from bridge.core.rings import RingFacts, RingKind
from bridge.store.board_facts import find_storm_members
from bridge.store.episodes import in_chunks, read_member
from bridge.store.messages import IS_WAITING, put_message
from bridge.store.tables import card_episodes, episodes, messages


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A ring to put: about which episodes, and why."""

    card_id: int
    destination: Destination
    kind: RingKind
    episode_ids: Sequence[int]
    worst: Severity


def put_ring(connection: Connection, ring: Ring, now: datetime) -> None:
    """Ask for a ring; one that already waits for the same card takes the news along."""
    waiting = connection.execute(
        select(messages.c.id, messages.c.facts, messages.c.priority).where(
            IS_WAITING,
            messages.c.card_id == ring.card_id,
            messages.c.kind == Kind.RING.value,
            messages.c.leased_until.is_(None),
        )
    ).first()
    priority = _urgency(ring)
    facts = {"kind": ring.kind.value, "episodes": list(ring.episode_ids)}
    if waiting is None:
        put_message(
            connection,
            Kind.RING,
            ring.destination,
            now,
            priority=priority,
            card_id=ring.card_id,
            is_loud=True,
            facts=facts,
        )
        return
    again = update(messages).where(messages.c.id == waiting.id)
    facts = _take_along(waiting.facts, ring)
    connection.execute(again.values(facts=facts, priority=min(priority, waiting.priority)))


def _take_along(earlier: Any, ring: Ring) -> dict[str, Any]:
    """Make one ring of two; what is new, and what is over, is not told with what repeats."""
    kind = RingKind(earlier["kind"])
    fresh = {"kind": ring.kind.value, "episodes": list(ring.episode_ids)}
    if RingKind.RESOLVED in (kind, ring.kind) or (kind is RingKind.REPEAT is not ring.kind):
        return fresh
    if ring.kind is RingKind.REPEAT is not kind:
        return dict(earlier)
    both = {kind, ring.kind}
    return {
        "kind": next(each for each in RingKind if each in both).value,
        "episodes": sorted({*earlier["episodes"], *ring.episode_ids}),
    }


def find_ring_facts(connection: Connection, row: Any) -> RingFacts | None:
    """Gather what a ring of `messages` says; None when it is not so any more."""
    kind = RingKind(row.facts["kind"])
    if kind is RingKind.STORM:
        members, firing = find_storm_members(
            connection, row.board_id, row.facts["after"], row.facts["until"]
        )
    else:
        members = _find_members(connection, row.facts["episodes"])
        firing = _count_firing(connection, row.card_id)
    members = [each for each in members if each.is_firing is not (kind is RingKind.RESOLVED)]
    if not members:
        return None
    return RingFacts(kind=kind, members=in_order(members), firing=firing, at=row.waiting_since)


def _find_members(connection: Connection, episode_ids: Sequence[int]) -> list[Any]:
    found = []
    for chunk in in_chunks(episode_ids):
        rows = connection.execute(select(episodes).where(episodes.c.id.in_(chunk)))
        found += [read_member(row) for row in rows]
    return found


def _count_firing(connection: Connection, card_id: int) -> int:
    firing = (
        select(func.count())
        .select_from(episodes)
        .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
        .where(card_episodes.c.card_id == card_id, episodes.c.ended_at.is_(None))
    )
    return int(connection.execute(firing).scalar_one())


def _urgency(ring: Ring) -> Priority:
    if ring.kind is RingKind.REPEAT:
        return Priority.REPEAT
    return Priority.NEW_CRITICAL if ring.worst is Severity.CRITICAL else Priority.NEW
