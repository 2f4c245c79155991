"""Cards on disk: one standing card a group and chat, and the episodes it shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bridge.core.alerts import Notification
from bridge.core.audience import Destination
from bridge.core.cards import CardFacts, Member, in_order
from bridge.core.episodes import Step
from bridge.store.episodes import Kept, in_chunks, read_episode
from bridge.store.tables import card_episodes, cards, episodes


def put_cards(
    connection: Connection,
    notification: Notification,
    kept: Sequence[Kept],
    audience: Sequence[Destination],
    now: datetime,
) -> set[int]:
    """Bring the cards in line with the episodes; answer those whose truth has changed.

    An episode that changed touches every card that shows it, whoever the webhook addressed; one
    that a destination's cards do not show yet joins its standing card.
    """
    changed = [each.id for each in kept if each.step is not Step.KEEP]
    touched = _cards_of(connection, changed)
    for destination in audience:
        touched |= _join(connection, notification, kept, destination, now)
    _close_finished(connection, touched, now)
    return touched


def find_facts(connection: Connection, card_id: int) -> CardFacts:
    """Gather a card's whole truth."""
    about = connection.execute(select(cards.c.about).where(cards.c.id == card_id)).scalar_one()
    shown = (
        select(episodes)
        .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
        .where(card_episodes.c.card_id == card_id)
    )
    return CardFacts(members=in_order([_member(row) for row in connection.execute(shown)]), **about)


def _member(row: Any) -> Member:  # a row of `episodes`
    episode = read_episode(row)
    return Member(
        labels=episode.labels,
        annotations=episode.annotations,
        started_at=episode.started_at,
        ended_at=episode.ended_at,
        generator_url=episode.generator_url,
    )


def _join(
    connection: Connection,
    notification: Notification,
    kept: Sequence[Kept],
    destination: Destination,
    now: datetime,
) -> set[int]:
    standing = _find_standing(connection, notification.group, destination)
    shown = _shown_there(connection, [each.id for each in kept], destination)
    joining = [
        each.id
        for each in kept
        if each.id not in shown and (each.is_open or each.step is not Step.KEEP)
    ]
    about = _about(notification)
    if standing is None:
        if not joining:
            return set()
        standing = _open_card(connection, notification.group, destination, about, now)
    elif standing.about != about:
        connection.execute(update(cards).where(cards.c.id == standing.id).values(about=about))
    elif not joining:
        return set()
    if joining:
        rows = [{"card_id": standing.id, "episode_id": episode} for episode in joining]
        connection.execute(insert(card_episodes), rows)
    return {standing.id}


def _about(notification: Notification) -> Mapping[str, Any]:
    return {
        "group_labels": dict(notification.group_labels),
        "receiver": notification.receiver,
        "source": notification.source,
        "truncated": notification.truncated,
    }


def _find_standing(connection: Connection, group: str, destination: Destination) -> Any:
    """Find the open card of a group in a destination: a row, or None."""
    standing = select(cards.c.id, cards.c.about).where(
        cards.c.alert_group == group,
        cards.c.chat_id == destination.chat_id,
        cards.c.thread_id == destination.thread_id,
        cards.c.closed_at.is_(None),
    )
    return connection.execute(standing).one_or_none()


def _open_card(
    connection: Connection,
    group: str,
    destination: Destination,
    about: Mapping[str, Any],
    now: datetime,
) -> Any:
    """Begin a card: a row like `_find_standing`'s."""
    begin = (
        insert(cards)
        .values(
            chat_id=destination.chat_id,
            thread_id=destination.thread_id,
            alert_group=group,
            about=about,
            opened_at=now,
        )
        .returning(cards.c.id, cards.c.about)
    )
    return connection.execute(begin).one()


def _shown_there(
    connection: Connection, episode_ids: Sequence[int], destination: Destination
) -> set[int]:
    found: set[int] = set()
    for chunk in in_chunks(episode_ids):
        shown = (
            select(card_episodes.c.episode_id)
            .join(cards, cards.c.id == card_episodes.c.card_id)
            .where(
                card_episodes.c.episode_id.in_(chunk),
                cards.c.chat_id == destination.chat_id,
                cards.c.thread_id == destination.thread_id,
            )
        )
        found |= set(connection.execute(shown).scalars())
    return found


def _cards_of(connection: Connection, episode_ids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for chunk in in_chunks(episode_ids):
        showing = select(card_episodes.c.card_id).where(card_episodes.c.episode_id.in_(chunk))
        found |= set(connection.execute(showing).scalars())
    return found


def _close_finished(connection: Connection, card_ids: Collection[int], now: datetime) -> None:
    """Close the cards whose members are all over; the group's next firing opens another."""
    for chunk in in_chunks(sorted(card_ids)):
        firing = (
            select(card_episodes.c.card_id)
            .join(episodes, episodes.c.id == card_episodes.c.episode_id)
            .where(card_episodes.c.card_id.in_(chunk), episodes.c.ended_at.is_(None))
        )
        finished = update(cards).where(
            cards.c.id.in_(chunk), cards.c.closed_at.is_(None), cards.c.id.not_in(firing)
        )
        connection.execute(finished.values(closed_at=now))
