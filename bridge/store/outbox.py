"""The outbox: what Telegram shall show. A row here is the promise that it will be shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, case, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from bridge import limits
from bridge.core.audience import NOBODY, Destination
from bridge.core.cards import Ending, ListFacts, UnreadableFacts
from bridge.core.hearing import Hearing
from bridge.core.logins import LoginFacts
from bridge.core.outbox import (
    Claimed,
    Facts,
    Form,
    Kind,
    Priority,
    Verdict,
    is_over,
    is_pressing,
)
from bridge.core.second_way import WaitingCard
from bridge.logs import create_log
from bridge.store.board_facts import find_board_facts
from bridge.store.boards import next_edit
from bridge.store.cards import find_facts
from bridge.store.database import Database
from bridge.store.destinations import Broken, break_destination, mend_destination
from bridge.store.episodes import note_endings
from bridge.store.logins import read_login
from bridge.store.messages import IS_WAITING, put_message, wanted_anew
from bridge.store.moving import move_chat, show_anew
from bridge.store.notices import read_notice
from bridge.store.places import find_hearing
from bridge.store.queue import change_boards, decide, lease
from bridge.store.rings import find_ring_facts
from bridge.store.standing import OF_A_CARD
from bridge.store.tables import calls, chats, heartbeat, messages

_log = create_log(__name__)
_READERS: Final[Mapping[Kind, Callable[[Any], Facts]]] = {
    Kind.NOTICE: read_notice,
    Kind.LOGIN: read_login,
}
"""How the facts of a message are read that has them in its row."""


@dataclass(frozen=True)
class Depth:
    """How much waits."""

    waiting: int
    unheard: int
    """Of those, how many have no chat to go to."""
    oldest: datetime | None


class Outbox:
    """The queue of messages, kept in the database."""

    def __init__(self, database: Database, hearing: Hearing) -> None:
        self._database = database
        self._hearing = hearing

    async def claim(self, *, under_way: Collection[int], now: datetime) -> list[Claimed]:
        """Lease what may go now, one message a chat; open and close boards as the load asks.

        The decision is made on what is read inside the very transaction that writes it, so several
        bridges never let out more together than Telegram takes.
        """

        def look(connection: Connection) -> bool:
            return bool(decide(connection, under_way, now))

        def work(connection: Connection) -> list[Any]:
            plan = decide(connection, under_way, now)
            if plan.changes_boards:
                change_boards(connection, plan, self._hearing, now)
                plan = decide(connection, under_way, now)
            return lease(connection, plan.chosen, now)

        if not await self._database.read(look):
            return []
        rows = await self._database.write(work)
        try:
            claimed = await self._database.read(
                lambda connection: _read_all(connection, rows, self._hearing, now)
            )
        except BaseException:
            # Else every chat of this pass would wait for its lease to run out.
            ids = [row.id for row in rows]
            soon = now + limits.BACKOFF_FIRST
            await self._database.write(lambda connection: _put_back(connection, ids, soon))
            raise
        await self._put_off_unreadable(rows, claimed, now)
        void = [row.id for row, message in zip(rows, claimed, strict=True) if message is None]
        if void:
            await self._database.write(lambda connection: _forget(connection, void))
            if len(void) == len(rows):
                return await self.claim(under_way=under_way, now=now)
        return [message for message in claimed if isinstance(message, Claimed)]

    async def _put_off_unreadable(
        self, rows: Sequence[Any], claimed: Sequence[object], now: datetime
    ) -> None:
        """Let what cannot be read wait, so that it holds up nothing but itself."""
        pairs = zip(rows, claimed, strict=True)
        ids = [row.id for row, message in pairs if isinstance(message, Exception)]
        if ids:
            _log.error("messages cannot be read from the store", action="claim", messages=ids)
            later = now + limits.BACKOFF_REFUSED
            await self._database.write(lambda connection: _put_back(connection, ids, later))

    async def settle(
        self,
        message: Claimed,
        verdict: Verdict,
        *,
        endings: Mapping[int, Ending],
        now: datetime,
    ) -> None:
        """Write what an attempt has come to and end the lease."""

        def work(connection: Connection) -> None:
            note_endings(connection, endings)
            _note_call(connection, message, verdict, now)
            if _forget_withdrawn(connection, message):
                return
            if _is_still_ours(connection, message):
                _settle(connection, message, verdict, now)
            hearing = find_hearing(connection, self._hearing)
            if verdict.shown:
                mend_destination(connection, message.destination, hearing, now)
            if verdict.is_broken and verdict.reason is not None:
                reason, detail = verdict.reason.value, verdict.detail
                broken = Broken(message.destination, reason, detail)
                break_destination(connection, broken, hearing, now)
            if verdict.moved_to is not None:
                move_chat(connection, message.destination.chat_id, verdict.moved_to, hearing, now)

        await self._database.write(work)

    async def release(self) -> None:
        """End the leases of those who are gone.

        In a shared database they may be another bridge's, at work on them; there they run out.
        """
        if self._database.is_shared:
            return
        released = update(messages).where(messages.c.leased_until.is_not(None))
        await self._database.write(
            lambda connection: connection.execute(released.values(leased_until=None)).close()
        )

    async def lift_pauses(self, reasons: Collection[str], *, now: datetime) -> None:
        """Try at once what waits for Telegram to come back."""

        def work(connection: Connection) -> None:
            lifted = update(chats).where(chats.c.pause_reason.in_(reasons))
            connection.execute(lifted.values(paused_until=None))
            due = update(messages).where(IS_WAITING, messages.c.last_reason.in_(reasons))
            connection.execute(due.values(due_at=now))

        await self._database.write(work)

    async def waiting_cards(self, *, now: datetime) -> list[WaitingCard]:
        """Gather all cards that wait, the most urgent first; whatever is missing was shown."""
        del now  # whatever waits, waits

        def work(connection: Connection) -> list[WaitingCard]:
            waiting = (
                select(messages.c.card_id, messages.c.revision)
                .where(IS_WAITING, messages.c.kind == Kind.CARD.value)
                .order_by(messages.c.priority, messages.c.waiting_since)
            )
            return [
                (row.card_id, row.revision, find_facts(connection, row.card_id))
                for row in connection.execute(waiting).all()
            ]

        return await self._database.read(work)

    async def depth(self) -> Depth:
        """Measure the queue."""
        measure = select(
            func.count(),
            func.count(case((messages.c.chat_id == NOBODY, 1))),
            func.min(messages.c.waiting_since),
        ).where(IS_WAITING)
        row = await self._database.read(lambda connection: connection.execute(measure).one())
        return Depth(*row)

    async def probe(self, *, now: datetime) -> None:
        """Prove that a write reaches the disk.

        Raises:
            Outage: it does not.
        """

        def work(connection: Connection) -> None:
            connection.execute(delete(heartbeat))
            connection.execute(insert(heartbeat).values(id=1, beat_at=now))

        await self._database.write(work)


def _read_all(
    connection: Connection, rows: Sequence[Any], settled: Hearing, now: datetime
) -> list[Claimed | Exception | None]:
    hearing = find_hearing(connection, settled)
    return [_read_or_fail(connection, row, hearing, now) for row in rows]


def _read_claimed(
    connection: Connection, row: Any, hearing: Hearing, now: datetime
) -> Claimed | None:
    """Gather what a leased row of `messages` is to show; None when there is nothing to say."""
    facts = _find_message_facts(connection, row)
    if facts is None:
        return None
    here = Destination(row.chat_id, row.thread_id)
    if isinstance(facts, LoginFacts) and not hearing.covers(here, facts.labels):
        return None  # the host no longer exists for the chat
    is_news = bool(row.is_loud) and row.telegram_id is None and not is_over(facts)
    return Claimed(
        id=row.id,
        kind=Kind(row.kind),
        destination=here,
        revision=row.revision,
        telegram_id=row.telegram_id,
        form=Form(row.form),
        attempts=row.attempts,
        waiting_since=row.waiting_since,
        facts=facts,
        is_loud=is_news and (is_pressing(facts) or not hearing.is_quiet(here, now)),
        reply_to=_find_answered(connection, row),
        claimed_at=row.leased_until - limits.CLAIM_LEASE,
        preferences=hearing.ear(here).preferences,
        is_subscribed=here in hearing.subscribed,
    )


def _find_message_facts(connection: Connection, row: Any) -> Facts | None:
    kind = Kind(row.kind)
    if kind is Kind.CARD:
        return find_facts(connection, row.card_id)
    if kind is Kind.LIST:
        return ListFacts(card=find_facts(connection, row.card_id))
    if kind is Kind.RING:
        return find_ring_facts(connection, row)
    if kind is Kind.BOARD:
        return find_board_facts(connection, row.board_id)
    if kind in _READERS:
        return _READERS[kind](row.facts)
    return UnreadableFacts(**row.facts)


def _find_answered(connection: Connection, row: Any) -> int | None:
    """Find the message that a ring or a list belongs to."""
    if row.kind not in {Kind.RING.value, Kind.LIST.value}:
        return None
    owner = messages.c.card_id == row.card_id, messages.c.kind == Kind.CARD.value
    if row.card_id is None:
        owner = messages.c.board_id == row.board_id, messages.c.kind == Kind.BOARD.value
    answered = connection.execute(select(messages.c.telegram_id).where(*owner)).scalar_one_or_none()
    return None if answered is None else int(answered)


def _read_or_fail(
    connection: Connection, row: Any, hearing: Hearing, now: datetime
) -> Claimed | Exception | None:
    """Gather what a row is to show; what is wrong with it is its own failure alone."""
    try:
        return _read_claimed(connection, row, hearing, now)
    except SQLAlchemyError:
        raise
    except Exception as fault:  # noqa: BLE001 - one bad row must not hold up every chat
        return fault


def _put_back(connection: Connection, ids: Sequence[int], due_at: datetime) -> None:
    """End leases of messages whose facts could not be read."""
    _uncount(connection, ids)
    free = update(messages).where(messages.c.id.in_(ids))
    connection.execute(free.values(leased_until=None, due_at=due_at))


def _uncount(connection: Connection, ids: Sequence[int]) -> None:
    """Take back the calls counted last for these messages: they were never made."""
    last = (
        select(func.max(calls.c.id)).where(calls.c.message_id.in_(ids)).group_by(calls.c.message_id)
    )
    connection.execute(delete(calls).where(calls.c.id.in_(last)))


def _forget(connection: Connection, ids: Sequence[int]) -> None:
    """Drop rings that have nothing left to say; their calls were never made."""
    _uncount(connection, ids)
    connection.execute(delete(messages).where(messages.c.id.in_(ids)))


def _is_still_ours(connection: Connection, message: Claimed) -> bool:
    """Say whether nobody else has claimed a message since: what came of that one counts then.

    A lease runs out while a machine stands still, or a shared database cannot be reached.
    """
    leased = select(messages.c.leased_until).where(messages.c.id == message.id)
    until = connection.execute(leased).scalar_one_or_none()
    return message.claimed_at is None or until == message.claimed_at + limits.CLAIM_LEASE


def _settle(connection: Connection, message: Claimed, verdict: Verdict, now: datetime) -> None:
    values: dict[str, Any] = {
        "form": verdict.form,
        "due_at": verdict.due_at,
        "leased_until": None,
        "last_reason": verdict.reason.value if verdict.reason else None,
        "attempts": 0 if verdict.shown else message.attempts + 1,
    }
    if verdict.shown:
        # What changed while it was under way is still wanted, and waits from now on.
        values |= {"shown_revision": message.revision, "waiting_since": now, "is_loud": False}
        values["is_whole"] = verdict.is_whole
        if message.kind is Kind.BOARD:
            mine = select(messages.c.board_id).where(messages.c.id == message.id)
            board_id = connection.execute(mine).scalar_one_or_none()
            if board_id is not None:  # it was withdrawn while it was under way
                claimed_at = message.claimed_at or now
                values["due_at"] = next_edit(connection, board_id, claimed_at, now)
        elif message.kind is Kind.CARD:
            _want_list(connection, message, verdict, now)
            # What has been seen is no news any more: new alerts that came meanwhile ring.
            is_pressing = messages.c.priority.in_((Priority.RESOLVE, Priority.REPEAT))
            values["priority"] = case(
                (and_(messages.c.revision > message.revision, is_pressing), messages.c.priority),
                else_=int(Priority.EDIT),
            )
    itself = messages.c.id == message.id
    connection.execute(update(messages).where(itself).values(values))
    stays = and_(itself, messages.c.chat_id == message.destination.chat_id)
    number = {"telegram_id": verdict.telegram_id}
    if connection.execute(update(messages).where(stays).values(number)).rowcount == 0:
        # Its group has moved while it was under way: what was shown stands in the old place.
        show_anew(connection, itself)


def _forget_withdrawn(connection: Connection, message: Claimed) -> bool:
    """Drop the row of a message that was withdrawn while it was under way; answer whether it was.

    Whatever became of it, it is not for its destination any more.
    """
    withdrawn = delete(messages).where(
        messages.c.id == message.id,
        messages.c.kind.in_(OF_A_CARD),
        messages.c.card_id.is_(None),
        messages.c.board_id.is_(None),
    )
    return connection.execute(withdrawn).rowcount > 0


def _note_call(connection: Connection, message: Claimed, verdict: Verdict, now: datetime) -> None:
    """Note when Telegram answered, and how long it shall be left alone."""
    answered = select(func.max(calls.c.id)).where(calls.c.message_id == message.id)
    connection.execute(update(calls).where(calls.c.id == answered.scalar_subquery()).values(at=now))
    if verdict.pause_chat_until is not None and verdict.reason is not None:
        _pause(
            connection, message.destination.chat_id, verdict.pause_chat_until, verdict.reason.value
        )


def _want_list(connection: Connection, message: Claimed, verdict: Verdict, now: datetime) -> None:
    """Ask for the file of a card that left something out; one that is there follows its card."""
    mine = select(messages.c.card_id).where(messages.c.id == message.id).scalar_subquery()
    again = update(messages).where(messages.c.card_id == mine, messages.c.kind == Kind.LIST.value)
    if connection.execute(again.values(wanted_anew(now))).rowcount or verdict.is_whole:
        return
    place = select(messages.c.card_id, messages.c.chat_id, messages.c.thread_id)
    row = connection.execute(place.where(messages.c.id == message.id)).one_or_none()
    if row is not None:  # another card has taken its place while it was under way
        here = Destination(row.chat_id, row.thread_id)  # or its group has moved
        put_message(connection, Kind.LIST, here, now, priority=Priority.LIST, card_id=row.card_id)


def _pause(connection: Connection, chat_id: int, until: datetime, reason: str) -> None:
    values = {"paused_until": until, "pause_reason": reason}
    paused = update(chats).where(chats.c.chat_id == chat_id).values(values)
    if connection.execute(paused).rowcount == 0:
        connection.execute(insert(chats).values(chat_id=chat_id, **values))
