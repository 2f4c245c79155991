"""A group that has become a supergroup: its new id is put everywhere its old one stood."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select, update

from bridge.core.audience import Destination
from bridge.core.hearing import Hearing
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Kind, Priority
from bridge.store.cards import drop_cards
from bridge.store.host_tables import jobs
from bridge.store.messages import IS_WAITING, Want, want_cards
from bridge.store.notices import put_notice
from bridge.store.places import find_ears, is_at
from bridge.store.standing import take_members
from bridge.store.tables import (
    boards,
    cards,
    chats,
    destinations,
    messages,
    preferences,
    subscriptions,
)


def move_chat(
    connection: Connection, old: int, fresh: int, hearing: Hearing, now: datetime
) -> None:
    """Rewrite a group's id everywhere; its old messages cannot be edited from the new place."""
    if old == fresh:
        return
    is_news = _note_move(connection, old, fresh)
    _carry_subscriptions(connection, old, fresh)
    _carry_preferences(connection, old, fresh)
    connection.execute(delete(destinations).where(destinations.c.chat_id.in_((old, fresh))))
    _merge_cards(connection, old, fresh, now)
    _let_cards_ring(connection, old)
    closing = update(boards).where(boards.c.chat_id == old, boards.c.closed_at.is_(None))
    connection.execute(closing.values(closed_at=now, over_at=now))
    connection.execute(
        update(messages)
        .where(messages.c.chat_id == old)
        .values(chat_id=fresh, telegram_id=None, is_held=False, due_at=now)
    )
    gone = update(jobs).where(jobs.c.chat_id == old)
    connection.execute(gone.values(chat_id=fresh, telegram_id=None))
    for table in (cards, boards):
        connection.execute(update(table).where(table.c.chat_id == old).values(chat_id=fresh))
    show_anew(connection, messages.c.chat_id == fresh)
    if is_news:  # a message that was under way meanwhile brings it a second time
        notice = NoticeFacts(
            kind=NoticeKind.CHAT_MOVED, since=now, until=now, subject=str(old), detail=str(fresh)
        )
        put_notice(connection, notice, hearing.admins or [Destination(fresh)], now)


def _note_move(connection: Connection, old: int, fresh: int) -> bool:
    """Write where a group is now; answer whether that was not known."""
    known = select(chats.c.chat_id).where(chats.c.chat_id == old, chats.c.moved_to == fresh)
    if connection.execute(known).first() is not None:
        return False
    moved = update(chats).where(chats.c.chat_id == old).values(moved_to=fresh)
    if connection.execute(moved).rowcount == 0:
        connection.execute(insert(chats).values(chat_id=old, moved_to=fresh))
    # Back and forth would be a circle.
    connection.execute(update(chats).where(chats.c.chat_id == fresh).values(moved_to=None))
    return True


def _carry_subscriptions(connection: Connection, old: int, fresh: int) -> None:
    known = select(subscriptions.c.thread_id).where(subscriptions.c.chat_id == fresh)
    there = list(connection.execute(known).scalars())
    mine = subscriptions.c.chat_id == old
    connection.execute(delete(subscriptions).where(mine, subscriptions.c.thread_id.in_(there)))
    connection.execute(update(subscriptions).where(mine).values(chat_id=fresh))


def _carry_preferences(connection: Connection, old: int, fresh: int) -> None:
    """Let what was chosen, and how the group is limited, hold at the new place too.

    Where both have chosen, the new place's choice holds; limits add up.
    """
    ears = find_ears(connection)
    for here in [each for each in ears if each.chat_id == old]:
        there = Destination(fresh, here.thread_id)
        left, own = ears[here], ears.get(there)
        if own is None:
            moved = update(preferences).where(*is_at(preferences, here))
            connection.execute(moved.values(chat_id=fresh))
            continue
        both = update(preferences).where(*is_at(preferences, there))
        chosen = own.preferences.over(left.preferences).to_json()
        scope = left.scope.both(own.scope).to_json()
        connection.execute(both.values(chosen=chosen, scope=scope))
        connection.execute(delete(preferences).where(*is_at(preferences, here)))


def show_anew(connection: Connection, which: Any) -> None:
    """Bring the cards among some messages that still fire to the new place, silently.

    The old ones grow old.
    """
    firing = select(cards.c.id).where(cards.c.closed_at.is_(None))
    left_behind = update(messages).where(
        which,
        messages.c.kind == Kind.CARD.value,
        messages.c.card_id.in_(firing),
        messages.c.telegram_id.is_(None),
        messages.c.shown_revision > 0,
        messages.c.is_loud.is_(False),
    )
    anew = {"revision": messages.c.revision + 1, "priority": Priority.RETURN}
    connection.execute(left_behind.values(**anew, is_loud=False))


def _let_cards_ring(connection: Connection, chat_id: int) -> None:
    """Let cards that are shown anew ring themselves: there is nothing yet for a ring to answer."""
    rings = connection.execute(
        select(messages.c.id, messages.c.card_id).where(
            IS_WAITING, messages.c.chat_id == chat_id, messages.c.kind == Kind.RING.value
        )
    ).all()
    for ring in rings:
        card = update(messages).where(
            messages.c.card_id == ring.card_id, messages.c.kind == Kind.CARD.value
        )
        anew = {"revision": messages.c.revision + 1, "priority": Priority.NEW_CRITICAL}
        connection.execute(card.values(**anew, is_loud=True))
        connection.execute(delete(messages).where(messages.c.id == ring.id))


def _merge_cards(connection: Connection, old: int, fresh: int, now: datetime) -> None:
    """Where both ids have a standing card of one group, the new one's takes the members."""
    theirs = cards.alias("theirs")
    both = connection.execute(
        select(cards.c.id, theirs.c.id)
        .join(
            theirs,
            and_(
                theirs.c.alert_group == cards.c.alert_group,
                theirs.c.thread_id == cards.c.thread_id,
            ),
        )
        .where(
            cards.c.chat_id == old,
            theirs.c.chat_id == fresh,
            cards.c.closed_at.is_(None),
            theirs.c.closed_at.is_(None),
        )
    ).all()
    for giver, taker in both:
        take_members(connection, giver, taker)
    drop_cards(connection, [giver for giver, _ in both])
    want_cards(connection, {taker: Want() for _, taker in both}, now)
