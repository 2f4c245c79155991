"""What may go now, in which order, and when a chat cannot carry what arrives.

Every bound is a number of calls in any span of a given length. A call counts from its beginning
until that span after its answer: Telegram has met it somewhere between the two, so no delay on the
way can bring more calls together there than were let out here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.outbox import Kind, Priority, Waiting

NEWS = frozenset({Priority.NEW_CRITICAL, Priority.NEW})
"""Tells of alerts that nobody has seen yet."""
CHANGES = frozenset({Priority.RESOLVE, Priority.REPEAT, Priority.EDIT})
"""Brings what is shown up to date."""


@dataclass(frozen=True)
class Call:
    """One call to Telegram; `at` is its answer, or its beginning while there is none."""

    chat_id: int
    at: datetime
    is_board: bool
    is_answer: bool = False
    """Whether somebody had asked: answers take nothing from the share of the cards."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What waits in one destination for lack of room."""

    destination: Destination
    news: int
    """Messages that tell of alerts nobody has seen yet."""
    changes: int
    """Messages that bring what is shown up to date."""
    oldest_edit: datetime | None
    """Since when the oldest of those waits, for lack of room or because Telegram was away."""


class Budget:
    """What the limits leave of the present instant."""

    def __init__(self, calls: Iterable[Call], now: datetime) -> None:
        self._now = now
        self._overall: list[datetime] = []
        self._chats: defaultdict[int, list[datetime]] = defaultdict(list)
        self._recent: defaultdict[int, list[datetime]] = defaultdict(list)
        self._cards: defaultdict[int, list[datetime]] = defaultdict(list)
        self._answers: defaultdict[int, list[datetime]] = defaultdict(list)
        self._boards: defaultdict[int, list[datetime]] = defaultdict(list)
        for call in calls:
            self._note(call)

    def admits(self, chat_id: int, *, is_board: bool) -> bool:
        """Say whether a call may go out now."""
        if not limits.OVERALL_CALLS.has_room(self._overall, self._now):
            return False
        if chat_id < 0 and not limits.GROUP_CALLS.has_room(self._chats[chat_id], self._now):
            return False
        boards = self._boards[chat_id]
        if is_board and chat_id < 0 and not limits.GROUP_BOARD_CALLS.has_room(boards, self._now):
            return False
        if is_board:
            return limits.CHAT_BOARD_CALLS.has_room(boards, self._now)
        cards = self._cards[chat_id]
        if chat_id < 0 and not limits.GROUP_CARD_CALLS.has_room(cards, self._now):
            return False
        return limits.CHAT_CALLS.has_room(self._recent[chat_id], self._now)

    def admits_answer(self, chat_id: int) -> bool:
        """Say whether an answer may go out now; what cards and boards may need is kept free."""
        if not limits.OVERALL_CALLS.has_room(self._overall, self._now):
            return False
        if chat_id < 0:
            span = limits.GROUP_CALLS.span
            taken = max(
                _count(self._cards[chat_id], span, self._now), limits.GROUP_CARD_CALLS.calls
            )
            taken += _count(self._boards[chat_id], span, self._now)
            taken += _count(self._answers[chat_id], span, self._now)
            if taken >= limits.GROUP_CALLS.calls:
                return False
        return limits.CHAT_CALLS.has_room(self._recent[chat_id], self._now)

    def take(self, chat_id: int, *, is_board: bool) -> None:
        """Count a call that goes out now."""
        self._note(Call(chat_id, self._now, is_board))

    def room_soon(self, chat_id: int) -> int:
        """Count the cards and rings that the chat can carry within the board's patience."""
        soon = self._now + limits.BOARD_PATIENCE
        room = limits.CHAT_CALLS.room_by(self._recent[chat_id], self._now, soon)
        if chat_id > 0:
            return room
        return min(room, limits.GROUP_CARD_CALLS.room_by(self._cards[chat_id], self._now, soon))

    def _note(self, call: Call) -> None:
        self._overall.append(call.at)
        self._chats[call.chat_id].append(call.at)
        if call.is_board:
            self._boards[call.chat_id].append(call.at)
            return
        self._recent[call.chat_id].append(call.at)
        (self._answers if call.is_answer else self._cards)[call.chat_id].append(call.at)


def _count(calls: Iterable[datetime], span: timedelta, now: datetime) -> int:
    return sum(min(at, now) > now - span for at in calls)


def choose(
    waiting: Iterable[Waiting],
    budget: Budget,
    *,
    now: datetime,
    under_way: Collection[int] = (),
) -> list[int]:
    """Pick what to send now: the most urgent that is due in each chat, one a chat at a time.

    One at a time keeps the order a chat sees; chats do not wait for each other. `under_way` are the
    chats that we are sending to: a lease that has lapsed meanwhile is no leave to send a second
    time.
    """
    busy = set(under_way)
    ready: list[Waiting] = []
    for message in waiting:
        if message.leased_until is not None and message.leased_until > now:
            busy.add(message.destination.chat_id)
        elif message.due_at <= now and not is_paused(message, now):
            ready.append(message)
    chosen: list[int] = []
    for message in sorted(ready, key=_urgency):
        chat, is_board = message.destination.chat_id, message.kind is Kind.BOARD
        if chat not in busy and budget.admits(chat, is_board=is_board):
            budget.take(chat, is_board=is_board)
            busy.add(chat)
            chosen.append(message.id)
    return chosen


def is_paused(message: Waiting, now: datetime) -> bool:
    """Say whether Telegram asked for quiet in this chat, or does not answer."""
    return message.chat_paused_until is not None and message.chat_paused_until > now


def is_flooded(load: Load, budget: Budget, now: datetime, *, has_board: bool) -> bool:
    """Say whether a board has to take over: more news than fit soon, or changes that wait long.

    Where a board already tells of the changes, they may wait.
    """
    room = budget.room_soon(load.destination.chat_id)
    if load.news > room:
        return True
    return (
        not has_board
        and load.news + load.changes > room
        and load.oldest_edit is not None
        and now - load.oldest_edit > limits.BOARD_EDITS_WAIT
    )


def _urgency(message: Waiting) -> tuple[Priority, datetime, int]:
    return message.priority, message.waiting_since, message.id
