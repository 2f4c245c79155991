"""The books: whether every alert is accounted for, and letting go of what is old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, not_, or_, select

from bridge.core.alerts import Severity
from bridge.core.audience import UNWANTED
from bridge.core.outbox import Kind
from bridge.store.cards import drop_cards
from bridge.store.database import Database
from bridge.store.episodes import read_member
from bridge.store.messages import IS_WAITING
from bridge.store.places import is_at
from bridge.store.tables import boards, card_episodes, cards, episodes, logins, messages

_AT_ONCE = 500  # chosen: rows purged in one transaction hold up a webhook for a few milliseconds


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where alerts got lost between the rooms; every figure must be 0."""

    without_card: int
    """Episodes that no card shows."""
    without_message: int
    """Cards that no message shows."""
    unseen: int
    """Cards taken out of the queue unseen, without a board that tells of them."""
    without_list: int
    """Cards that left something out, without the file that has it."""

    @property
    def total(self) -> int:
        """Everything that is unaccounted for."""
        return self.without_card + self.without_message + self.unseen + self.without_list


@dataclass(frozen=True)
class Unwanted:
    """What fires and is shown to nobody, because no chat wants it or may know of it."""

    alerts: int
    critical: int
    """Of those, how many are critical."""


class Records:
    """What is kept of the past."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def balance(self) -> Account:
        """Account for every alert: shown, listed as left out, or waiting in plain sight."""
        return await self._database.read(_balance)

    async def unwanted(self) -> Unwanted:
        """Count what fires and is shown to nobody although there are chats."""
        return await self._database.read(_find_unwanted)

    async def purge(self, *, before: datetime) -> int:
        """Let go of a portion of what was over and shown by then; answer how much.

        What is not delivered stays, however old it is.
        """
        return await self._database.write(
            lambda connection: _purge(connection, before), is_patient=True
        )


def _balance(connection: Connection) -> Account:
    def count(*where: Any, of: Any) -> int:
        question = select(func.count()).select_from(of).where(*where)
        return int(connection.execute(question).scalar_one())

    is_card = messages.c.kind == Kind.CARD.value
    shown_by = select(card_episodes.c.episode_id).where(card_episodes.c.episode_id == episodes.c.id)
    told_by = select(messages.c.id).where(messages.c.card_id == cards.c.id, is_card)
    board = messages.alias("board")
    told_on = (
        select(board.c.id)
        .join(cards, cards.c.board_id == board.c.board_id)
        .where(cards.c.id == messages.c.card_id, board.c.kind == Kind.BOARD.value)
    )
    listed = messages.alias("listed")
    list_of = select(listed.c.id).where(
        listed.c.card_id == messages.c.card_id, listed.c.kind == Kind.LIST.value
    )
    return Account(
        without_card=count(~shown_by.exists(), of=episodes),
        # What no chat is to be shown is filed, and has no message.
        without_message=count(~told_by.exists(), not_(and_(*is_at(cards, UNWANTED))), of=cards),
        unseen=count(is_card, messages.c.is_covered, ~told_on.exists(), of=messages),
        without_list=count(is_card, messages.c.is_whole.is_(False), ~list_of.exists(), of=messages),
    )


def _find_unwanted(connection: Connection) -> Unwanted:
    filed = is_at(cards, UNWANTED)
    firing = (
        select(episodes)
        .distinct()
        .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
        .join(cards, cards.c.id == card_episodes.c.card_id)
        .where(*filed, cards.c.closed_at.is_(None), episodes.c.ended_at.is_(None))
    )
    other = cards.alias("other")
    told = card_episodes.alias("told")
    shown = (
        select(other.c.id)
        .join(told, told.c.card_id == other.c.id)
        .where(told.c.episode_id == episodes.c.id, not_(and_(*is_at(other, UNWANTED))))
    )
    members = [read_member(row) for row in connection.execute(firing.where(~shown.exists()))]
    critical = sum(each.severity is Severity.CRITICAL for each in members)
    return Unwanted(len(members), critical)


def _purge(connection: Connection, before: datetime) -> int:
    tells = or_(messages.c.card_id == cards.c.id, messages.c.board_id == cards.c.board_id)
    waits = select(messages.c.id).where(tells, IS_WAITING)
    old = select(cards.c.id).where(cards.c.closed_at < before, ~waits.exists())
    card_ids = connection.execute(old.order_by(cards.c.closed_at).limit(_AT_ONCE)).scalars().all()
    drop_cards(connection, card_ids)
    return len(card_ids) + _purge_orphans(connection, before)


def _purge_orphans(connection: Connection, before: datetime) -> int:
    """Drop old episodes that no card shows any more, boards without cards, messages and logins."""
    shown = select(card_episodes.c.episode_id).where(card_episodes.c.episode_id == episodes.c.id)
    stands = select(cards.c.id).where(cards.c.board_id == boards.c.id)
    waits = select(messages.c.id).where(messages.c.board_id == boards.c.id, IS_WAITING)
    purged = _delete(connection, episodes, episodes.c.ended_at < before, ~shown.exists())
    purged += _delete(
        connection, boards, boards.c.closed_at < before, ~stands.exists(), ~waits.exists()
    )
    purged += _delete(connection, logins, logins.c.received_at < before)
    return purged + _delete(
        connection,
        messages,
        ~IS_WAITING,
        messages.c.waiting_since < before,
        messages.c.card_id.is_(None),
        messages.c.board_id.is_(None),
    )


def _delete(connection: Connection, table: Any, *where: Any) -> int:
    ids: Sequence[int] = (
        connection.execute(select(table.c.id).where(*where).limit(_AT_ONCE)).scalars().all()
    )
    connection.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)
