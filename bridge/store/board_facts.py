"""What a board knows: the alerts that it tells of, gathered from the disk."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from bridge.core.alerts import Severity
from bridge.core.audience import Destination
from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import in_order
from bridge.store.episodes import read_member
from bridge.store.tables import boards, card_episodes, cards, episodes


def find_board_facts(connection: Connection, board_id: int) -> BoardFacts:
    """Gather a board's whole truth."""
    board = connection.execute(select(boards).where(boards.c.id == board_id)).one()
    here = Destination(board.chat_id, board.thread_id)
    mine = {
        row.id: read_member(row)
        for row in connection.execute(
            select(episodes)
            .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
            .join(cards, cards.c.id == card_episodes.c.card_id)
            .where(cards.c.board_id == board_id)
        )
    }
    state = BoardState.STORM
    if board.closed_at is not None:
        state = BoardState.CLOSED
    elif board.over_at is not None:
        state = BoardState.AFTER
    if state is BoardState.STORM:
        mine |= {each.episode_id: each for each in find_open_members(connection, here)}
    return BoardFacts(
        state=state,
        opened_at=board.opened_at,
        over_at=board.over_at,
        arrived=board.arrived,
        members=in_order(list(mine.values())),
    )


def find_storm_members(connection: Connection, board_id: int, after: int, until: int) -> Any:
    """Find what a storm ring is about: the new alerts that still fire, and how many fire in all."""
    board = connection.execute(select(boards).where(boards.c.id == board_id)).one()
    here = Destination(board.chat_id, board.thread_id)
    everything = find_open_members(connection, here)
    return [each for each in everything if after < each.episode_id <= until], len(everything)


def find_open_members(connection: Connection, here: Destination, *which: Any) -> list[Any]:
    """Find the alerts that fire in a destination, those alone that match what is asked for."""
    firing = (
        select(episodes)
        .distinct()
        .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
        .join(cards, cards.c.id == card_episodes.c.card_id)
        .where(
            cards.c.closed_at.is_(None),
            cards.c.chat_id == here.chat_id,
            cards.c.thread_id == here.thread_id,
            episodes.c.ended_at.is_(None),
            *which,
        )
    )
    return [read_member(row) for row in connection.execute(firing)]


def find_critical_cards(connection: Connection, board_id: int) -> list[int]:
    """Find the cards of a board in which something critical fires."""
    firing = (
        select(cards.c.id.label("card_id"), episodes)
        .join(card_episodes, card_episodes.c.card_id == cards.c.id)
        .join(episodes, episodes.c.id == card_episodes.c.episode_id)
        .where(cards.c.board_id == board_id, episodes.c.ended_at.is_(None))
    )
    return sorted(
        {
            row.card_id
            for row in connection.execute(firing)
            if read_member(row).severity is Severity.CRITICAL
        }
    )
