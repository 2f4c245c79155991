"""Boards on disk: what a board stands for, and how a wave begins and ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.hearing import Hearing
from bridge.core.outbox import Kind, Priority
from bridge.core.rings import RingKind
from bridge.store.board_facts import find_critical_cards, find_open_members
from bridge.store.episodes import in_chunks, read_member
from bridge.store.messages import IS_UNSHOWN, IS_WAITING, put_message
from bridge.store.tables import Instant, boards, card_episodes, cards, episodes, messages

_COVERED = (Kind.CARD.value, Kind.LIST.value)
_IS_FREE = messages.c.leased_until.is_(None)


def find_standing_boards(connection: Connection) -> dict[Destination, Any]:
    """Find the boards that are not closed: destination → row of `boards`."""
    standing = select(boards).where(boards.c.closed_at.is_(None))
    return {Destination(row.chat_id, row.thread_id): row for row in connection.execute(standing)}


def open_board(
    connection: Connection, destination: Destination, hearing: Hearing, now: datetime
) -> None:
    """Let a board take over: it stands for everything that waits there.

    A board that still tells of an earlier wave takes this one too.
    """
    board = find_standing_boards(connection).get(destination)
    waiting = _find_waiting_cards(connection, destination)
    arrived, severities = _count_arrived(connection, waiting, board.id if board else None)
    ringing = _drop_rings(connection, destination)
    arrived += len(ringing)
    if board is None:
        is_loud = _does_fire(connection, ringing) or any(map(hearing.sounds_at_first, severities))
        board_id = _begin_board(connection, destination, arrived, now, is_loud=is_loud)
    else:
        board_id = board.id
        _reopen_board(connection, board_id, arrived, now)
    hold(connection, board_id, waiting)


def _begin_board(
    connection: Connection, here: Destination, arrived: int, now: datetime, *, is_loud: bool
) -> int:
    newest = connection.execute(select(func.max(episodes.c.id))).scalar_one() or 0
    begin = insert(boards).values(
        chat_id=here.chat_id,
        thread_id=here.thread_id,
        opened_at=now,
        news_at=now,
        arrived=arrived,
        minute_at=now,
        minute_arrived=arrived,
        rung_at=now,
        rung_episode=newest,
    )
    board_id = int(connection.execute(begin.returning(boards.c.id)).scalar_one())
    put_message(
        connection,
        Kind.BOARD,
        here,
        now,
        priority=Priority.BOARD,
        board_id=board_id,
        is_loud=is_loud,
    )
    return board_id


def _reopen_board(connection: Connection, board_id: int, arrived: int, now: datetime) -> None:
    again = update(boards).where(boards.c.id == board_id)
    connection.execute(
        again.values(
            over_at=None,
            news_at=now,
            arrived=boards.c.arrived + arrived,
            minute_at=now,
            minute_arrived=arrived,
        )
    )
    want_board(connection, board_id, now)
    urgent = update(messages).where(
        messages.c.board_id == board_id, messages.c.kind == Kind.BOARD.value
    )
    connection.execute(urgent.values(priority=Priority.BOARD))


def note_wave(
    connection: Connection, board: Any, card_ids: Collection[int], arrived: int, now: datetime
) -> None:
    """Let a board stand for these cards too; `arrived` alerts are new."""
    values: dict[str, Any] = {"arrived": boards.c.arrived + arrived}
    if arrived:
        values["news_at"] = now
        is_over = abs(now - board.minute_at) >= limits.BOARD_MINUTE
        values["minute_at"] = now if is_over else board.minute_at
        values["minute_arrived"] = arrived if is_over else boards.c.minute_arrived + arrived
    connection.execute(update(boards).where(boards.c.id == board.id).values(values))
    hold(connection, board.id, card_ids)
    want_board(connection, board.id, now)


def hold(connection: Connection, board_id: int, card_ids: Iterable[int]) -> None:
    """Keep cards from being shown while the board speaks for them."""
    for chunk in in_chunks(sorted(card_ids)):
        connection.execute(update(cards).where(cards.c.id.in_(chunk)).values(board_id=board_id))
        held = update(messages).where(messages.c.card_id.in_(chunk), messages.c.kind.in_(_COVERED))
        connection.execute(held.values(is_held=True))


def want_board(connection: Connection, board_id: int, now: datetime) -> None:
    """Ask for a board to be shown as it is now, no sooner than its pace allows."""
    anew = update(messages).where(
        messages.c.board_id == board_id, messages.c.kind == Kind.BOARD.value
    )
    since = case((IS_WAITING, messages.c.waiting_since), else_=literal(now, Instant))
    connection.execute(anew.values(revision=messages.c.revision + 1, waiting_since=since))


def hurry_board(connection: Connection, board: Any, now: datetime) -> None:
    """Show a board at once for a critical alert that is new, unless it lately was."""
    last = board.hurried_at
    if last is not None and timedelta(0) <= now - last < limits.BOARD_HURRY:
        return
    connection.execute(update(boards).where(boards.c.id == board.id).values(hurried_at=now))
    mine = update(messages).where(
        messages.c.board_id == board.id, messages.c.kind == Kind.BOARD.value
    )
    connection.execute(mine.values(due_at=now))


def next_edit(
    connection: Connection, board_id: int, claimed_at: datetime, now: datetime
) -> datetime:
    """Say when a board that has just been shown, as it was when claimed, may be edited next."""
    hurried = select(boards.c.hurried_at).where(boards.c.id == board_id)
    last = connection.execute(hurried).scalar_one()
    if last is not None and claimed_at < last <= now:
        return now
    is_hurried = last is not None and timedelta(0) <= now - last < limits.BOARD_EVERY
    return now + (limits.BOARD_AFTER_HURRY if is_hurried else limits.BOARD_EVERY)


def continue_board(connection: Connection, board: Any, now: datetime) -> None:
    """Close a board that has grown long, and let another go on with what still fires."""
    here = Destination(board.chat_id, board.thread_id)
    connection.execute(
        update(boards).where(boards.c.id == board.id).values(over_at=now, closed_at=now)
    )
    over = select(cards.c.id).where(cards.c.board_id == board.id, cards.c.closed_at.is_not(None))
    cover(connection, and_(messages.c.card_id.in_(over), messages.c.is_held))
    want_board(connection, board.id, now)
    following = insert(boards).values(
        chat_id=here.chat_id,
        thread_id=here.thread_id,
        opened_at=now,
        news_at=board.news_at,
        arrived=0,
        minute_at=now,
        minute_arrived=0,
        rung_at=board.rung_at,
        rung_episode=board.rung_episode,
        hurried_at=board.hurried_at,
    )
    board_id = int(connection.execute(following.returning(boards.c.id)).scalar_one())
    put_message(connection, Kind.BOARD, here, now, priority=Priority.BOARD, board_id=board_id)
    moved = update(cards).where(cards.c.board_id == board.id, cards.c.closed_at.is_(None))
    connection.execute(moved.values(board_id=board_id))
    # What was shown before and is over now still has to be edited, once the wave is over.
    waiting = select(messages.c.card_id).where(IS_WAITING, messages.c.is_held)
    rest = update(cards).where(cards.c.board_id == board.id, cards.c.id.in_(waiting))
    connection.execute(rest.values(board_id=board_id))


def end_wave(connection: Connection, board: Any, hearing: Hearing, now: datetime) -> None:
    """Let the cards speak again: those shown before at once, those that still fire after them.

    What began and ended under the board is told by the board alone.
    """
    # Not by the moments alone: the clock may have been put back since it last rang.
    here = Destination(board.chat_id, board.thread_id)
    if find_open_members(connection, here, episodes.c.id > board.rung_episode):
        put_storm_ring(connection, board, hearing, now)
    connection.execute(update(boards).where(boards.c.id == board.id).values(over_at=now))
    mine = select(cards.c.id).where(cards.c.board_id == board.id)
    over = select(cards.c.id).where(cards.c.board_id == board.id, cards.c.closed_at.is_not(None))
    held = and_(messages.c.card_id.in_(mine), messages.c.kind.in_(_COVERED), messages.c.is_held)
    cover(connection, and_(messages.c.card_id.in_(over), messages.c.is_held))
    returning = and_(held, IS_UNSHOWN, messages.c.kind == Kind.CARD.value)
    for chunk in in_chunks(find_critical_cards(connection, board.id)):
        worst = update(messages).where(returning, messages.c.card_id.in_(chunk))
        worst = worst.values(priority=Priority.RETURN_CRITICAL, is_loud=False, is_held=False)
        connection.execute(worst)
    rest = update(messages).where(returning)
    connection.execute(rest.values(priority=Priority.RETURN, is_loud=False, is_held=False))
    connection.execute(
        update(messages).where(held).values(is_held=False, waiting_since=now, due_at=now)
    )
    board_message = update(messages).where(
        messages.c.board_id == board.id, messages.c.kind == Kind.BOARD.value
    )
    connection.execute(board_message.values(priority=Priority.EDIT))
    want_board(connection, board.id, now)


def cover(connection: Connection, which: Any) -> None:
    """Take cards that were never shown and are over out of the queue: their board tells of them."""
    connection.execute(
        update(messages)
        .where(which, IS_UNSHOWN, messages.c.kind == Kind.CARD.value, _IS_FREE)
        .values(shown_revision=messages.c.revision, is_held=False, is_covered=True)
    )


def tell_boards(connection: Connection, card_ids: Collection[int], now: datetime) -> None:
    """Let the boards that stand for these cards tell how they are now, webhook or none.

    What is over before it has returned is told by its board alone.
    """
    standing = {board.id: board for board in find_standing_boards(connection).values()}
    mine = cards.c.board_id.in_(standing)
    changed: set[int] = set()
    for chunk in in_chunks(sorted(card_ids)):
        told = select(cards.c.board_id).where(cards.c.id.in_(chunk), mine)
        changed |= set(connection.execute(told.distinct()).scalars())
        after = [each for each in changed if standing[each].over_at is not None]
        over = select(cards.c.id).where(
            cards.c.id.in_(chunk), cards.c.board_id.in_(after), cards.c.closed_at.is_not(None)
        )
        cover(connection, messages.c.card_id.in_(over))
    for board_id in sorted(changed):
        want_board(connection, board_id, now)


def has_returned(connection: Connection, board: Any) -> bool:
    """Say whether every card that a board stood for shows the truth itself, or is over."""
    missing = (
        select(cards.c.id)
        .join(messages, messages.c.card_id == cards.c.id)
        .where(cards.c.board_id == board.id, messages.c.kind == Kind.CARD.value, IS_WAITING)
        .limit(1)
    )
    return connection.execute(missing).first() is None


def close_board(connection: Connection, board: Any, now: datetime) -> None:
    """Show a board for the last time."""
    connection.execute(update(boards).where(boards.c.id == board.id).values(closed_at=now))
    want_board(connection, board.id, now)


def put_storm_ring(connection: Connection, board: Any, hearing: Hearing, now: datetime) -> None:
    """Let a phone sound for what the board alone has shown since it last did."""
    newest = connection.execute(select(func.max(episodes.c.id))).scalar_one() or 0
    here = Destination(board.chat_id, board.thread_id)
    rung = update(boards).where(boards.c.id == board.id)
    connection.execute(rung.values(rung_at=now, rung_episode=newest))
    new = find_open_members(connection, here, episodes.c.id > board.rung_episode)
    waiting = and_(
        IS_WAITING,
        _IS_FREE,
        messages.c.board_id == board.id,
        messages.c.kind == Kind.RING.value,
    )
    earlier = connection.execute(select(messages.c.id, messages.c.facts).where(waiting)).first()
    if earlier is not None:
        facts = {**earlier.facts, "until": newest}
        connection.execute(update(messages).where(messages.c.id == earlier.id).values(facts=facts))
    elif any(hearing.sounds_at_first(each.severity) for each in new):
        put_message(
            connection,
            Kind.RING,
            here,
            now,
            priority=Priority.NEW_CRITICAL,
            board_id=board.id,
            is_loud=True,
            facts={"kind": RingKind.STORM.value, "after": board.rung_episode, "until": newest},
        )


def _find_waiting_cards(connection: Connection, destination: Destination) -> list[int]:
    waiting = select(messages.c.card_id).where(
        IS_WAITING,
        messages.c.chat_id == destination.chat_id,
        messages.c.thread_id == destination.thread_id,
        messages.c.card_id.is_not(None),
        or_(_IS_FREE, messages.c.kind == Kind.RING.value),
    )
    return sorted(set(connection.execute(waiting).scalars()))


def _count_arrived(
    connection: Connection, card_ids: Sequence[int], told_by: int | None
) -> tuple[int, set[Any]]:
    """Count the alerts of cards that nobody has seen, nor this board told of; gather severities."""
    count, severities = 0, set()
    for chunk in in_chunks(card_ids):
        unseen = (
            select(episodes)
            .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
            .join(cards, cards.c.id == card_episodes.c.card_id)
            .join(messages, messages.c.card_id == card_episodes.c.card_id)
            .where(messages.c.card_id.in_(chunk), messages.c.kind == Kind.CARD.value, IS_UNSHOWN)
            .where(cards.c.board_id.is_distinct_from(told_by) if told_by else true())
        )
        for row in connection.execute(unseen):
            count += 1
            if row.ended_at is None:
                severities.add(read_member(row).severity)
    return count, severities


def _drop_rings(connection: Connection, destination: Destination) -> list[int]:
    """Forget rings that wait, for the board names their alerts; answer the episodes of new ones."""
    waiting = connection.execute(
        select(messages.c.id, messages.c.facts).where(
            IS_WAITING,
            _IS_FREE,
            messages.c.kind == Kind.RING.value,
            messages.c.board_id.is_(None),
            messages.c.chat_id == destination.chat_id,
            messages.c.thread_id == destination.thread_id,
        )
    ).all()
    for chunk in in_chunks([row.id for row in waiting]):
        connection.execute(delete(messages).where(messages.c.id.in_(chunk)))
    return [
        number
        for row in waiting
        if RingKind(row.facts["kind"]) in {RingKind.NEW, RingKind.WORSE}
        for number in row.facts["episodes"]
    ]


def _does_fire(connection: Connection, episode_ids: Sequence[int]) -> bool:
    """Say whether any of these still fires: what is over by now makes no sound."""
    for chunk in in_chunks(episode_ids):
        firing = select(episodes.c.id).where(
            episodes.c.id.in_(chunk), episodes.c.ended_at.is_(None)
        )
        if connection.execute(firing.limit(1)).first() is not None:
            return True
    return False
