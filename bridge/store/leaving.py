"""A chat that hears no more: what waits for it, and what stands there, is taken back at once.

Nothing is lost for others: they have their own. With nobody left, what fires waits for the next who
subscribes.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, delete, select

from bridge.core.audience import UNHEARD, Destination, Hearer
from bridge.core.hearing import Hearing
from bridge.core.outbox import Kind
from bridge.store.boards import want_board
from bridge.store.destinations import copy_unreadable, rescue
from bridge.store.messages import IS_UNSHOWN, IS_WAITING
from bridge.store.places import choose_unreadable, find_audience, is_at
from bridge.store.standing import file_cards, show_standing, withdraw
from bridge.store.tables import boards, cards, destinations, messages


def leave(connection: Connection, here: Destination, hearing: Hearing, now: datetime) -> None:
    """Take back all that a destination heard as a subscriber, which it is no more.

    What Alertmanager sends there alone, and what it hears for broken ones, is none of that.
    """
    loud = _find_unseen_groups(connection, here)
    rows = connection.execute(select(cards.c.id, cards.c.about).where(*is_at(cards, here))).all()
    own = [row.id for row in rows if not {"addressed", "instead_of"} & set(row.about)]
    file_cards(connection, own, now)
    if not hearing.subscribed:
        nobody = Hearer(destination=UNHEARD)
        show_standing(connection, nobody, now, is_subscribed=True, loud=loud)
    _pass_on_unreadable(connection, here, hearing, now)
    _end_boards(connection, here, now)
    _withdraw_words(connection, here, hearing, now)
    _forget_trouble(connection, here, hearing)
    rescue(connection, hearing, now)


def _find_unseen_groups(connection: Connection, here: Destination) -> set[str]:
    """Find the groups of which there is news that the chat has not seen yet."""
    unseen = (
        select(cards.c.alert_group)
        .join(messages, messages.c.card_id == cards.c.id)
        .where(IS_UNSHOWN, messages.c.is_loud, *is_at(cards, here))
    )
    return set(connection.execute(unseen).scalars())


def _pass_on_unreadable(
    connection: Connection, here: Destination, hearing: Hearing, now: datetime
) -> None:
    """Let others see what could not be read and waits, unless they have it already."""
    unread = select(messages).where(
        IS_WAITING, messages.c.kind == Kind.UNREADABLE.value, *is_at(messages, here)
    )
    others = choose_unreadable(find_audience(connection, hearing)(None), hearing)
    for row in connection.execute(unread).all():
        for each in others:
            known = select(messages.c.id).where(
                messages.c.digest == row.digest, *is_at(messages, each)
            )
            if connection.execute(known.limit(1)).first() is None:
                copy_unreadable(connection, row, each, now)


def _end_boards(connection: Connection, here: Destination, now: datetime) -> None:
    """Forget the boards that stand for nothing any more; the others tell of what is left."""
    for board_id in (
        connection.execute(select(boards.c.id).where(*is_at(boards, here))).scalars().all()
    ):
        left = select(cards.c.id).where(cards.c.board_id == board_id).limit(1)
        if connection.execute(left).first() is not None:
            want_board(connection, board_id, now)
            continue
        withdraw(connection, messages.c.board_id == board_id, now)
        connection.execute(delete(boards).where(boards.c.id == board_id))


def _withdraw_words(
    connection: Connection, here: Destination, hearing: Hearing, now: datetime
) -> None:
    """Take back notices, logins and what could not be read, but for what it is told as an admin."""
    words = {Kind.UNREADABLE.value, Kind.NOTICE.value, Kind.LOGIN.value}
    kinds = set[str]() if here == hearing.fallback else words
    if here in hearing.admins:
        kinds.discard(Kind.NOTICE.value)
    withdraw(connection, and_(messages.c.kind.in_(kinds), *is_at(messages, here)), now)


def _forget_trouble(connection: Connection, here: Destination, hearing: Hearing) -> None:
    """Ask no more whether a chat takes messages when none go there."""
    left = select(cards.c.id).where(*is_at(cards, here)).limit(1)
    if here in {hearing.fallback, *hearing.admins} or connection.execute(left).first():
        return
    connection.execute(delete(destinations).where(*is_at(destinations, here)))
