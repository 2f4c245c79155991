"""One webhook becomes episodes, cards, rings and boards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from bridge import limits
from bridge.core.alerts import Notification, Severity, Unreadable
from bridge.core.audience import Destination, Hearer
from bridge.core.episodes import Step
from bridge.core.hearing import Hearing
from bridge.core.outbox import Kind, Priority
from bridge.core.rings import RingKind, is_worse, worst
from bridge.store.boards import (
    cover,
    find_standing_boards,
    hurry_board,
    note_wave,
    want_board,
)
from bridge.store.cards import Touched, find_facts, note_changes, note_repeats, put_cards
from bridge.store.episodes import Kept, in_chunks, put_alerts
from bridge.store.messages import Want, put_message, want_cards
from bridge.store.places import choose_unreadable, find_hearing
from bridge.store.reconciling import note_writer, vouch
from bridge.store.rings import Ring, put_ring
from bridge.store.tables import cards, messages


class Folding:
    """One pass over the journal: what holds for all its webhooks is looked up once."""

    def __init__(self, connection: Connection, hearing: Hearing, now: datetime) -> None:
        self._connection = connection
        self._hearing = find_hearing(connection, hearing)
        self._now = now
        self._boards = find_standing_boards(connection)

    def writer(self, notification: Notification, addressed: Destination | None) -> None:
        """Remember who writes to us, for the day when they do not."""
        note_writer(self._connection, notification, addressed, self._now)

    def alerts(
        self, notification: Notification, audience: Sequence[Hearer], *, is_listed: bool = False
    ) -> None:
        """Bring everything in line with what a webhook, or a list, says of its alerts."""
        connection, now = self._connection, self._now
        source, alerts = notification.source, notification.alerts
        kept = put_alerts(connection, source, alerts, now, is_listed=is_listed)
        if is_listed:  # so that it ends like any other, should no list have it any more
            vouch(connection, [each.id for each in kept if each.is_open], now)
        touched = put_cards(connection, notification, kept, audience, now)
        repeated = _find_repeated(kept, touched, self._hearing, now)
        news = [card for card in touched if card.is_changed or card.card_id in repeated]
        shown = _find_shown(connection, [card.card_id for card in news if not card.is_begun])
        worse: dict[int, int] = {}
        rings: list[Ring] = []
        ears = {each.destination: each.hears for each in audience}
        for card in news:
            hears = ears.get(card.destination) or partial(self._hearing.hears, card.destination)
            heard = (each for each in kept if hears(each.labels))
            ring, worse[card.card_id] = self._choose_sound(card, heard, shown, repeated)
            if ring is not None and not _is_storm(self._boards.get(card.destination)):
                rings.append(ring)
        note_changes(connection, [each for each in news if each.card_id in shown], worse, now)
        note_repeats(connection, sorted(repeated), now)
        wants = {card.card_id: _want(card, self._hearing, shown, repeated) for card in news}
        want_cards(connection, wants, now)
        for each in rings:
            put_ring(connection, each, now)
        _tell_boards(connection, news, self._boards, now)

    def unreadable(self, source: str, unreadable: Unreadable, audience: Sequence[Hearer]) -> None:
        """Ask for what could not be read to be shown as it came, unless it lately was."""
        raw, rest = unreadable.raw, unreadable.raw[limits.UNREADABLE_KEPT :]
        if rest:
            raw = f"{raw[: limits.UNREADABLE_KEPT]}… (+{len(rest)} characters)"
        facts = {"raw": raw, "fault": unreadable.fault, "source": source}
        for destination in choose_unreadable(audience, self._hearing):
            if not self._is_repeat(unreadable.identity, destination):
                put_message(
                    self._connection,
                    Kind.UNREADABLE,
                    destination,
                    self._now,
                    priority=Priority.NEW,
                    is_loud=True,
                    facts=facts,
                    digest=unreadable.identity,
                )

    def _is_repeat(self, digest: str, destination: Destination) -> bool:
        repeat = select(messages.c.id).where(
            messages.c.digest == digest,
            messages.c.chat_id == destination.chat_id,
            messages.c.thread_id == destination.thread_id,
            messages.c.created_at > self._now - limits.UNREADABLE_REPEAT,
        )
        return self._connection.execute(repeat.limit(1)).first() is not None

    def _choose_sound(
        self,
        card: Touched,
        heard: Iterable[Kept],
        shown: Collection[int],
        repeated: Collection[int],
    ) -> tuple[Ring | None, int]:
        """Say how a phone sounds for what happened to a card, and how many alerts are worse.

        `heard` is what the chat hears of the webhook.
        """
        if card.card_id in repeated and card.card_id in shown:
            return _choose_repeat(card, list(heard), self._hearing), 0
        if card.card_id in shown and card.begun:
            return _choose_ring(self._connection, card, self._hearing)
        if card.card_id in shown and card.is_over and card.ended:
            return _choose_end(card, heard, self._hearing), 0
        return None, 0


def _is_storm(board: Any) -> bool:
    return board is not None and board.over_at is None


def _find_repeated(
    kept: Sequence[Kept], touched: Sequence[Touched], hearing: Hearing, now: datetime
) -> set[int]:
    """Find the standing cards that a webhook without any news repeats.

    Another value is no news: Alertmanager sends none for it, and with a repeat it comes.
    """
    if any(each.step is Step.BEGIN or not each.is_open for each in kept):
        return set()
    return {
        card.card_id
        for card in touched
        if not card.begun
        and card.told_at is not None
        and now - card.told_at >= hearing.repeat_after
    }


def _want(
    card: Touched, hearing: Hearing, shown: Collection[int], repeated: Collection[int]
) -> Want:
    if card.is_over:
        return Want(priority=Priority.RESOLVE, is_over=True)
    is_loud = any(hearing.sounds_at_first(each.severity) for each in card.begun)
    if card.begun and card.card_id not in shown:
        is_critical = worst([each.severity for each in card.begun]) is Severity.CRITICAL
        priority = Priority.NEW_CRITICAL if is_critical else Priority.NEW
        return Want(priority=priority, is_loud=is_loud)
    if card.ended:
        return Want(priority=Priority.RESOLVE)
    return Want(priority=Priority.REPEAT if card.card_id in repeated else Priority.EDIT)


def _find_shown(connection: Connection, card_ids: Sequence[int]) -> set[int]:
    """Find the cards that a chat has seen, or is being shown this instant."""
    found: set[int] = set()
    for chunk in in_chunks(card_ids):
        seen = select(messages.c.card_id).where(
            messages.c.card_id.in_(chunk),
            messages.c.kind == Kind.CARD.value,
            or_(
                messages.c.telegram_id.is_not(None),
                messages.c.leased_until.is_not(None),
            ),
        )
        found |= set(connection.execute(seen).scalars())
    return found


def _choose_ring(
    connection: Connection, card: Touched, hearing: Hearing
) -> tuple[Ring | None, int]:
    """Say how a phone sounds for the new alerts of a standing card, and how many are worse."""
    begun = {each.id: each for each in card.begun}
    others = [
        each.labels
        for each in find_facts(connection, card.card_id).members
        if each.episode_id not in begun
    ]
    worse = {each.id for each in card.begun if is_worse(each.labels, others)}
    loudness = hearing.loudness
    sounding = [
        each
        for each in card.begun
        if each.severity in loudness.new or (each.id in worse and each.severity in loudness.worse)
    ]
    if not sounding:
        return None, len(worse)
    kind = RingKind.WORSE if worse.issuperset(each.id for each in sounding) else RingKind.NEW
    return _ring(card, kind, sounding), len(worse)


def _choose_repeat(card: Touched, heard: Sequence[Kept], hearing: Hearing) -> Ring | None:
    if not any(each.severity in hearing.loudness.repeat for each in heard):
        return None
    return _ring(card, RingKind.REPEAT, heard)


def _choose_end(card: Touched, heard: Iterable[Kept], hearing: Hearing) -> Ring | None:
    ended = [each for each in heard if each.has_ended]
    if not any(each.severity in hearing.loudness.resolved for each in ended):
        return None
    return _ring(card, RingKind.RESOLVED, ended)


def _ring(card: Touched, kind: RingKind, about: Sequence[Kept]) -> Ring:
    return Ring(
        card_id=card.card_id,
        destination=card.destination,
        kind=kind,
        episode_ids=[each.id for each in about],
        worst=worst([each.severity for each in about]),
    )


def _tell_boards(
    connection: Connection,
    news: Sequence[Touched],
    boards: Mapping[Destination, Any],
    now: datetime,
) -> None:
    for destination, board in boards.items():
        here = [card for card in news if card.destination == destination]
        if not here:
            continue
        if _is_storm(board):
            arrived = sum(len(card.begun) for card in here)
            note_wave(connection, board, [card.card_id for card in here], arrived, now)
            if any(each.severity is Severity.CRITICAL for card in here for each in card.begun):
                hurry_board(connection, board, now)
            continue
        over = [card.card_id for card in here if card.is_over]
        mine = select(cards.c.id).where(cards.c.board_id == board.id)
        told = messages.c.card_id.in_([card.card_id for card in here])
        cover(connection, and_(messages.c.card_id.in_(over), messages.c.card_id.in_(mine)))
        if connection.execute(
            select(messages.c.id).where(told, messages.c.card_id.in_(mine))
        ).first():
            want_board(connection, board.id, now)
