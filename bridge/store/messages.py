"""Messages on disk: asking for one to be shown, or shown anew."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    insert,
    or_,
    select,
    update,
)

from bridge.core.audience import UNWANTED, Destination
from bridge.core.outbox import Form, Kind, Priority
from bridge.store.episodes import in_chunks
from bridge.store.tables import Instant, cards, messages

IS_WAITING = messages.c.shown_revision < messages.c.revision
IS_UNSHOWN = and_(messages.c.shown_revision == 0, messages.c.telegram_id.is_(None))


@dataclass(frozen=True, kw_only=True)
class Want:
    """How a card is wanted."""

    priority: Priority = Priority.EDIT
    is_loud: bool = False
    """Whether a phone shall sound, if this is its first showing."""
    is_over: bool = False
    """Whether nothing of it fires any more: a first showing is then silent and can wait."""


def put_message(
    connection: Connection,
    kind: Kind,
    destination: Destination,
    now: datetime,
    *,
    priority: Priority,
    **content: Any,
) -> int:
    """Ask for a message that is not there yet; answer its row."""
    values = {
        "kind": kind.value,
        "chat_id": destination.chat_id,
        "thread_id": destination.thread_id,
        "priority": priority,
        "is_loud": False,
        "is_held": False,
        "is_covered": False,
        "is_whole": True,
        "revision": 1,
        "shown_revision": 0,
        "form": Form.FORMATTED,
        "due_at": now,
        "attempts": 0,
        "waiting_since": now,
        "created_at": now,
    }
    put = insert(messages).values(values | content).returning(messages.c.id)
    return int(connection.execute(put).scalar_one())


def want_cards(connection: Connection, wants: Mapping[int, Want], now: datetime) -> None:
    """Ask for cards to be shown as they are now: a change while one waits costs nothing more.

    What is filed has no message and gets none.
    """
    if not wants:
        return
    known = _want_known(connection, wants, now)
    for card_id, want in wants.items():
        if card_id not in known:
            place = select(cards.c.chat_id, cards.c.thread_id).where(cards.c.id == card_id)
            here = Destination(*connection.execute(place).one())
            if here == UNWANTED:
                continue
            put_message(
                connection,
                Kind.CARD,
                here,
                now,
                priority=want.priority,
                card_id=card_id,
                is_loud=want.is_loud,
            )


def _want_known(connection: Connection, wants: Mapping[int, Want], now: datetime) -> set[int]:
    known: set[int] = set()
    is_card = messages.c.kind == Kind.CARD.value
    for chunk in in_chunks(sorted(wants)):
        there = select(messages.c.card_id).where(messages.c.card_id.in_(chunk), is_card)
        known |= set(connection.execute(there).scalars())
    if known:
        over, loud = bindparam("over", type_=Boolean), bindparam("loud", type_=Boolean)
        priority = bindparam("urgency", type_=Integer)
        again = (
            update(messages)
            .where(messages.c.card_id == bindparam("card"), is_card)
            .values(
                priority=case(
                    (and_(IS_UNSHOWN, over), int(Priority.RESOLVE)),
                    (and_(IS_WAITING, messages.c.priority < priority), messages.c.priority),
                    else_=priority,
                ),
                is_loud=case((over, False), else_=or_(messages.c.is_loud, loud)),
                **wanted_anew(now),
            )
        )
        rows = [
            {
                "card": card_id,
                "over": wants[card_id].is_over,
                "urgency": int(wants[card_id].priority),
                "loud": wants[card_id].is_loud,
            }
            for card_id in sorted(known)
        ]
        connection.execute(again, rows)
    return known


def wanted_anew(now: datetime) -> dict[str, Any]:
    """Give the values of a row whose truth has changed."""
    moment = bindparam("moment", now, type_=Instant)
    return {
        "revision": messages.c.revision + 1,
        "waiting_since": case((IS_WAITING, messages.c.waiting_since), else_=moment),
        "due_at": case((IS_WAITING, messages.c.due_at), else_=moment),
    }


def name_matter(*parts: object) -> str:
    """Name what a message is about, so that a repeat finds it."""
    return hashlib.sha256(ascii(parts).encode()).hexdigest()
