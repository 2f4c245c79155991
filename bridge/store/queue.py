"""The queue on disk: what waits, what holds it back, and which of it goes now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, insert, or_, select, true, update

from bridge import limits
from bridge.core.audience import NOBODY, Destination
from bridge.core.hearing import Hearing
from bridge.core.outbox import Kind, Priority, Reason, Waiting
from bridge.core.pacing import CHANGES, NEWS, Budget, Call, Load, choose, is_flooded
from bridge.store.boards import (
    close_board,
    continue_board,
    end_wave,
    find_standing_boards,
    has_returned,
    open_board,
    put_storm_ring,
)
from bridge.store.messages import IS_WAITING
from bridge.store.tables import calls, chats, destinations, messages

ANSWER = 0  # the message of a call that answers somebody: none of the queue's
AHEAD = 4  # how many messages of one chat a pass looks at; it sends one
# A lease or a wait beyond what we ever give was given by a clock that has been put back since.
_LONGEST_LEASE = 2 * limits.CLAIM_LEASE
_LONGEST_WAIT = 2 * limits.BACKOFF_REFUSED
_URGENCY = (messages.c.priority, messages.c.waiting_since, messages.c.id)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a pass means to do."""

    chosen: Sequence[int]
    flooded: Sequence[Destination]
    calm: Sequence[Any]
    """Boards whose wave is over."""
    returned: Sequence[Any]
    """Boards that have no more to tell than the cards do."""
    ringing: Sequence[Any]
    """Boards for which a phone may sound again."""
    grown: Sequence[Any]
    """Boards that another has to continue."""
    is_set_back: bool = False
    """Whether calls were noted at moments that are still to come."""

    @property
    def changes_boards(self) -> bool:
        """Say whether boards have to change before anything is sent."""
        return bool(self.flooded or self.calm or self.returned or self.ringing or self.grown)

    def __bool__(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self.chosen) or self.changes_boards or self.is_set_back


def decide(connection: Connection, under_way: Collection[int], now: datetime) -> Plan:
    """Look at everything that waits and decide what a pass does."""
    recent = find_calls(connection, now)
    budget = Budget(recent, now)
    boards = find_standing_boards(connection)
    storms = {place: board for place, board in boards.items() if board.over_at is None}
    loads = _find_loads(connection, set(storms), now)
    return Plan(
        flooded=[
            load.destination
            for load in loads
            if is_flooded(load, budget, now, has_board=load.destination in boards)
        ],
        calm=[
            each
            for each in storms.values()
            if each.arrived < limits.BOARD_ALERTS and _is_calm(each, now)
        ],
        returned=[
            each
            for each in boards.values()
            if each.over_at is not None and has_returned(connection, each)
        ],
        ringing=[
            each
            for each in storms.values()
            if each.arrived < limits.BOARD_ALERTS and _may_ring(each, now)
        ],
        grown=[each for each in storms.values() if each.arrived >= limits.BOARD_ALERTS],
        chosen=choose(_find_waiting(connection, now), budget, now=now, under_way=under_way),
        is_set_back=any(call.at > now for call in recent),
    )


def _is_calm(board: Any, now: datetime) -> bool:
    """Say whether a wave is over: nothing new for a while, or a minute of no more than fits."""
    # Not only the past: a clock that was put back must not keep a board for ever.
    if abs(now - board.news_at) >= limits.BOARD_CALM:
        return True
    is_counted = abs(now - board.minute_at) >= limits.BOARD_MINUTE
    return bool(is_counted and board.minute_arrived <= limits.BOARD_TRICKLE)


def _may_ring(board: Any, now: datetime) -> bool:
    is_news = board.news_at > board.rung_at or board.rung_at > now
    return bool(is_news and abs(now - board.rung_at) >= limits.BOARD_RING)


def change_boards(connection: Connection, plan: Plan, hearing: Hearing, now: datetime) -> None:
    """Open, ring for, end and close boards."""
    for destination in plan.flooded:
        open_board(connection, destination, hearing, now)
    for board in plan.grown:
        continue_board(connection, board, now)
    for board in plan.ringing:
        put_storm_ring(connection, board, hearing, now)
    for board in plan.calm:
        end_wave(connection, board, hearing, now)
    for board in plan.returned:
        close_board(connection, board, now)


def find_calls(connection: Connection, now: datetime) -> list[Call]:
    """Find what counts against the pace; a call under way may meet Telegram at any moment yet."""
    recent = (
        select(calls, _is_leased(now).label("is_leased"))
        .outerjoin(messages, messages.c.id == calls.c.message_id)
        .where(calls.c.at > now - limits.GROUP_CALLS.span)
        .order_by(calls.c.id)
    )
    rows = connection.execute(recent).all()
    last = {row.message_id: row.id for row in rows}
    return [
        Call(
            row.chat_id,
            max(row.at, now) if row.is_leased and last[row.message_id] == row.id else row.at,
            row.is_board,
            is_answer=row.message_id == ANSWER,
        )
        for row in rows
    ]


def _may_go(now: datetime) -> Any:
    """Not held back by anything but the chat's pace."""
    broken = (
        select(destinations.c.chat_id)
        .where(
            destinations.c.chat_id == messages.c.chat_id,
            destinations.c.thread_id == messages.c.thread_id,
            destinations.c.broken_since.is_not(None),
            destinations.c.is_on_trial.is_(False),
        )
        .exists()
    )
    return and_(
        IS_WAITING,
        messages.c.chat_id != NOBODY,
        messages.c.is_held.is_(False),
        or_(
            messages.c.due_at <= now,
            messages.c.due_at > now + _LONGEST_WAIT,
            and_(messages.c.attempts == 0, messages.c.due_at > now + 2 * limits.BOARD_EVERY),
        ),
        ~broken,
    )


def _is_paused(now: datetime) -> Any:
    # Only what Telegram itself asks for is long.
    is_asked = chats.c.pause_reason == Reason.RATE_LIMIT.value
    return and_(
        chats.c.paused_until.is_not(None),
        chats.c.paused_until > now,
        or_(
            and_(is_asked, chats.c.paused_until <= now + limits.RATE_LIMIT_LONGEST),
            chats.c.paused_until <= now + limits.BACKOFF_LONGEST,
        ),
    )


def _is_leased(now: datetime) -> Any:
    return and_(
        messages.c.leased_until.is_not(None),
        messages.c.leased_until > now,
        messages.c.leased_until <= now + _LONGEST_LEASE,
    )


def _find_loads(
    connection: Connection, storms: Collection[Destination], now: datetime
) -> list[Load]:
    """Measure what waits for room where no board speaks and nothing but the pace holds it back."""
    # A board tells of cards alone: it would be no help with anything else.
    is_news = and_(messages.c.priority.in_(NEWS), messages.c.card_id.is_not(None))
    is_change = messages.c.priority.in_(CHANGES)
    free = and_(_may_go(now), ~_is_leased(now))
    measure = (
        select(
            messages.c.chat_id,
            messages.c.thread_id,
            func.count(case((is_news, 1))).label("news"),
            func.count(case((is_change, 1))).label("changes"),
            func.min(case((is_change, messages.c.waiting_since))).label("oldest"),
        )
        .outerjoin(chats, chats.c.chat_id == messages.c.chat_id)
        .where(free, func.coalesce(~_is_paused(now), true()))
        .group_by(messages.c.chat_id, messages.c.thread_id)
    )
    loads = []
    for row in connection.execute(measure):
        place = Destination(row.chat_id, row.thread_id)
        if place not in storms:
            loads.append(
                Load(destination=place, news=row.news, changes=row.changes, oldest_edit=row.oldest)
            )
    return loads


def _find_waiting(connection: Connection, now: datetime) -> list[Waiting]:
    """Look at the most urgent that may go in each chat, and at all that is under way."""
    leased = _is_leased(now)
    place = func.row_number().over(
        # Apart, or a chat with many boards would show nothing else.
        partition_by=(messages.c.chat_id, messages.c.kind == Kind.BOARD.value),
        order_by=_URGENCY,
    )
    ranked = (
        select(messages.c.id, place.label("place"))
        .outerjoin(chats, chats.c.chat_id == messages.c.chat_id)
        .where(_may_go(now), func.coalesce(~_is_paused(now), true()))
        .subquery()
    )
    look = (
        select(messages, chats.c.paused_until, _is_paused(now).label("is_paused"))
        .outerjoin(ranked, ranked.c.id == messages.c.id)
        .outerjoin(chats, chats.c.chat_id == messages.c.chat_id)
        .where(IS_WAITING, or_(ranked.c.place <= AHEAD, leased))
        # What is under way must be seen: its chat is busy.
        .order_by(case((leased, 0), else_=1), *_URGENCY)
        .limit(limits.WAITING_LOOK)
    )
    return [
        Waiting(
            id=row.id,
            kind=Kind(row.kind),
            priority=Priority(row.priority),
            destination=Destination(row.chat_id, row.thread_id),
            is_first=row.shown_revision == 0,
            due_at=min(row.due_at, now),
            waiting_since=row.waiting_since,
            leased_until=row.leased_until if _reaches(row.leased_until, now) else None,
            chat_paused_until=row.paused_until if row.is_paused else None,
        )
        for row in connection.execute(look)
    ]


def _reaches(leased_until: datetime | None, now: datetime) -> bool:
    return leased_until is not None and now < leased_until <= now + _LONGEST_LEASE


def lease(connection: Connection, ids: Sequence[int], now: datetime) -> list[Any]:
    """Lease messages and count their calls; answer rows of `messages`, the most urgent first."""
    _heed_setback(connection, now)
    if not ids:
        return []
    until = now + limits.CLAIM_LEASE
    connection.execute(update(messages).where(messages.c.id.in_(ids)).values(leased_until=until))
    rows = connection.execute(select(messages).where(messages.c.id.in_(ids))).all()
    connection.execute(
        insert(calls),
        [
            {
                "chat_id": row.chat_id,
                "message_id": row.id,
                "is_board": row.kind == Kind.BOARD.value,
                "at": now,
            }
            for row in rows
        ],
    )
    connection.execute(delete(calls).where(calls.c.at < now - 2 * limits.GROUP_CALLS.span))
    return sorted(rows, key=lambda row: ids.index(row.id))


def _heed_setback(connection: Connection, now: datetime) -> None:
    """Let waits go on by the clock as it is now, if it was put back.

    A call at a moment to come was noted before that: its moment is the present one, and a wait that
    was given then lasts as much longer as it still had from there.
    """
    latest = select(func.max(calls.c.at)).where(calls.c.at > now)
    before = connection.execute(latest).scalar_one()
    if before is None:
        return
    connection.execute(update(calls).where(calls.c.at > now).values(at=now))
    if before - now < limits.CLOCKS_APART:
        return
    paused = select(chats.c.chat_id, chats.c.paused_until).where(chats.c.paused_until > now)
    for row in connection.execute(paused).all():
        pause = update(chats).where(chats.c.chat_id == row.chat_id)
        connection.execute(pause.values(paused_until=max(now, now + (row.paused_until - before))))
    waits = select(messages.c.id, messages.c.due_at).where(IS_WAITING, messages.c.due_at > now)
    for row in connection.execute(waits).all():
        wait = update(messages).where(messages.c.id == row.id)
        connection.execute(wait.values(due_at=max(now, now + (row.due_at - before))))
