"""What stands in one place and is given to, or taken from, another.

A card that no chat is to be shown any more is filed: it has no message, and still accounts for its
alerts, so that whoever comes later can be shown what fires.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, literal, not_, select, update

from bridge.core.alerts import Severity
from bridge.core.audience import UNWANTED, Destination, Hearer
from bridge.core.outbox import Kind, Priority
from bridge.store.cards import (
    close_finished,
    drop_cards,
    find_shown,
    find_standing,
    open_card,
    write_whose,
)
from bridge.store.episodes import in_chunks
from bridge.store.messages import Want, want_cards
from bridge.store.places import is_at
from bridge.store.tables import card_episodes, cards, episodes, messages

OF_A_CARD: Final = frozenset({Kind.CARD.value, Kind.RING.value, Kind.LIST.value, Kind.BOARD.value})
"""Kinds of messages that tell of a card or a board; without either, they were withdrawn."""
_INSTEAD: Final = frozenset({"instead_of", "instead_because"})
_FILED: Final = {"chat_id": UNWANTED.chat_id, "thread_id": UNWANTED.thread_id, "board_id": None}


@dataclass
class _Group:
    """What fires of one group, wherever it is shown."""

    about: dict[str, Any]
    episodes: dict[int, Severity] = field(default_factory=dict)


def copy_card(
    connection: Connection, card_id: int, hearer: Hearer, now: datetime, *, is_loud: bool
) -> None:
    """Give a destination its own copy of a card, or let its standing card take the members.

    What is not heard there is left out.
    """
    original = connection.execute(select(cards).where(cards.c.id == card_id)).one()
    heard = _find_heard(connection, card_id, hearer)
    if not heard:
        return
    standing = find_standing(connection, original.alert_group, hearer.destination)
    if standing is None:
        values = original._asdict() | {
            "chat_id": hearer.destination.chat_id,
            "thread_id": hearer.destination.thread_id,
            "about": {**original.about, **write_whose(hearer)},
            "board_id": None,
        }
        del values["id"]
        copied = insert(cards).values(values).returning(cards.c.id)
        copy = int(connection.execute(copied).scalar_one())
    else:
        copy = standing.id
    _take(connection, heard, copy)
    is_over = standing is None and bool(close_finished(connection, [copy], now))
    priority = Priority.RESOLVE if is_over else Priority.NEW
    want = Want(priority=priority, is_loud=is_loud, is_over=is_over)
    want_cards(connection, {copy: want}, now)


def has_more_to_tell(connection: Connection, card_id: int, hearer: Hearer) -> bool:
    """Say whether a card shows an episode that a hearer hears and is not shown yet."""
    ids = _find_heard(connection, card_id, hearer)
    return not find_shown(connection, ids, hearer.destination).issuperset(ids)


def take_members(connection: Connection, giver: int, taker: int) -> None:
    """Let a card show all that another shows."""
    missing = select(literal(taker), card_episodes.c.episode_id).where(
        card_episodes.c.card_id == giver,
        card_episodes.c.episode_id.not_in(
            select(card_episodes.c.episode_id).where(card_episodes.c.card_id == taker)
        ),
    )
    connection.execute(insert(card_episodes).from_select(["card_id", "episode_id"], missing))


def show_standing(
    connection: Connection,
    hearer: Hearer,
    now: datetime,
    *,
    is_subscribed: bool,
    loud: Collection[str] = (),
) -> int:
    """Show a hearer at once what fires of all it hears; answer how many cards that takes.

    Who is not subscribed is shown only what Alertmanager sends there. It comes silently, for it is
    no news, the worst first and after all that is; but the groups named as `loud` are news.
    """
    wants: dict[int, Want] = {}
    for name, group in _find_firing(connection, hearer, is_subscribed=is_subscribed).items():
        standing = find_standing(connection, name, hearer.destination)
        if standing is None:
            about = {key: value for key, value in group.about.items() if key not in _INSTEAD}
            about |= write_whose(hearer)
            card_id = open_card(connection, name, hearer.destination, about, now)
        else:
            card_id = standing.id
        _take(connection, list(group.episodes), card_id)
        wants[card_id] = _want(group, is_loud=name in loud)
    want_cards(connection, wants, now)
    return len(wants)


def file_cards(connection: Connection, card_ids: Sequence[int], now: datetime) -> None:
    """Take cards from where they are and keep them where no chat sees them.

    What is being sent of them this moment cannot be called back; its row vanishes once settled.
    """
    for chunk in in_chunks(card_ids):
        withdraw(connection, messages.c.card_id.in_(chunk), now)
        open_ones = select(cards.c.id, cards.c.alert_group).where(
            cards.c.id.in_(chunk), cards.c.closed_at.is_(None)
        )
        merged = []
        for row in connection.execute(open_ones).all():
            filed = find_standing(connection, row.alert_group, UNWANTED)
            if filed is None:
                connection.execute(update(cards).where(cards.c.id == row.id).values(_FILED))
            elif filed.id != row.id:
                take_members(connection, row.id, filed.id)
                merged.append(row.id)
        drop_cards(connection, merged)
        connection.execute(update(cards).where(cards.c.id.in_(chunk)).values(_FILED))


def withdraw(connection: Connection, which: Any, now: datetime) -> None:
    """Take messages out of the queue for good."""
    is_under_way = and_(messages.c.leased_until.is_not(None), messages.c.leased_until > now)
    connection.execute(delete(messages).where(which, not_(is_under_way)))
    left = update(messages).where(which)
    connection.execute(
        left.values(
            card_id=None,
            board_id=None,
            shown_revision=messages.c.revision,
            is_covered=False,
            is_whole=True,
        )
    )


def _find_heard(connection: Connection, card_id: int, hearer: Hearer) -> list[int]:
    """Find the episodes of a card that a hearer hears."""
    mine = (
        select(episodes.c.id, episodes.c.facts)
        .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
        .where(card_episodes.c.card_id == card_id)
        .order_by(episodes.c.id)
    )
    rows = connection.execute(mine).all()
    return [row.id for row in rows if hearer.hears(row.facts["labels"])]


def _find_firing(
    connection: Connection, hearer: Hearer, *, is_subscribed: bool
) -> dict[str, _Group]:
    """Find what fires in other places and is heard, but not shown, here: group → what fires."""
    here = hearer.destination
    wherever = (
        select(cards.c.alert_group, cards.c.about, episodes.c.id, episodes.c.facts)
        .join(card_episodes, card_episodes.c.card_id == cards.c.id)
        .join(episodes, episodes.c.id == card_episodes.c.episode_id)
        .where(cards.c.closed_at.is_(None), episodes.c.ended_at.is_(None))
        .where(not_(and_(*is_at(cards, here))))
        .order_by(cards.c.id, episodes.c.id)
    )
    found = [
        row
        for row in connection.execute(wherever)
        if _is_for(row.about, here, is_subscribed=is_subscribed)
        and hearer.hears(row.facts["labels"])
    ]
    shown = find_shown(connection, sorted({row.id for row in found}), here)
    groups: dict[str, _Group] = {}
    for row in found:
        if row.id not in shown:
            group = groups.setdefault(row.alert_group, _Group(row.about))
            group.episodes[row.id] = Severity.of(row.facts["labels"])
    return groups


def _is_for(about: Mapping[str, Any], here: Destination, *, is_subscribed: bool) -> bool:
    addressed = about.get("addressed", "")
    return addressed == str(here) or (is_subscribed and not addressed)


def _take(connection: Connection, episode_ids: Sequence[int], taker: int) -> None:
    """Let a card show these episodes too."""
    mine = select(card_episodes.c.episode_id).where(card_episodes.c.card_id == taker)
    shown = set(connection.execute(mine).scalars())
    rows = [{"card_id": taker, "episode_id": each} for each in episode_ids if each not in shown]
    if rows:
        connection.execute(insert(card_episodes), rows)


def _want(group: _Group, *, is_loud: bool) -> Want:
    is_critical = Severity.CRITICAL in group.episodes.values()
    priority = Priority.RETURN_CRITICAL if is_critical else Priority.RETURN
    return Want(priority=priority, is_loud=is_loud)
