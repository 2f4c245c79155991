"""The outbox: what Telegram shall show. A row here is the promise that it will be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, insert, literal, or_, select, update

from bridge import limits
from bridge.core.alerts import Notification, Unreadable
from bridge.core.audience import NOBODY, Destination
from bridge.core.cards import UnreadableFacts
from bridge.core.outbox import Claimed, Form, Verdict, Waiting
from bridge.store.cards import find_facts, put_cards
from bridge.store.database import Database
from bridge.store.episodes import in_chunks, put_alerts
from bridge.store.tables import Instant, card_episodes, cards, chats, heartbeat, messages

AHEAD = 4  # how many messages of one chat a pass looks at; it sends one
_IS_WAITING = messages.c.shown_revision < messages.c.revision


@dataclass(frozen=True)
class Depth:
    """How much waits."""

    waiting: int
    unheard: int
    """Of those, how many have no chat to go to."""
    oldest: datetime | None


class Outbox:
    """The queue of messages, kept in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, notification: Notification, audience: Sequence[Destination], *, now: datetime
    ) -> None:
        """Keep a webhook: episodes, cards and messages in one transaction.

        Raises:
            Outage: nothing of it was kept.
        """

        def work(connection: Connection) -> None:
            kept = put_alerts(connection, notification, now)
            touched = put_cards(connection, notification, kept, audience, now)
            _want_anew(connection, sorted(touched), now)
            for unreadable in notification.unreadable:
                _put_unreadable(connection, notification.source, unreadable, audience, now)

        await self._database.write(work)

    async def adopt(self, subscribed: Sequence[Destination], *, now: datetime) -> int:
        """Give what nobody could hear to the chats that can now; answer how many messages."""

        def work(connection: Connection) -> int:
            return _adopt(connection, subscribed, now)

        return await self._database.write(work) if subscribed else 0

    async def waiting(self, *, now: datetime) -> list[Waiting]:
        """Look at what waits, oldest first, a few of each chat."""
        return await self._database.read(lambda connection: _find_waiting(connection, now))

    async def claim(self, ids: Sequence[int], *, now: datetime, until: datetime) -> list[Claimed]:
        """Lease messages, oldest first; those that another bridge took meanwhile are left out."""
        if not ids:
            return []
        return await self._database.write(lambda connection: _claim(connection, ids, now, until))

    async def settle(self, message: Claimed, verdict: Verdict, *, now: datetime) -> None:
        """Write what an attempt has come to and end the lease."""
        await self._database.write(lambda connection: _settle(connection, message, verdict, now))

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

    async def depth(self) -> Depth:
        """Measure the queue."""
        measure = select(
            func.count(),
            func.count(case((messages.c.chat_id == NOBODY, 1))),
            func.min(messages.c.waiting_since),
        ).where(_IS_WAITING)
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


def _want_anew(connection: Connection, card_ids: Sequence[int], now: datetime) -> None:
    """Ask for cards to be shown as they are now: a change while one waits costs nothing more."""
    known: set[int] = set()
    for chunk in in_chunks(card_ids):
        wanted = (
            update(messages)
            .where(messages.c.card_id.in_(chunk))
            .values(
                revision=messages.c.revision + 1,
                waiting_since=case(
                    (_IS_WAITING, messages.c.waiting_since), else_=literal(now, Instant)
                ),
                due_at=case((_IS_WAITING, messages.c.due_at), else_=literal(now, Instant)),
            )
            .returning(messages.c.card_id)
        )
        known |= set(connection.execute(wanted).scalars())
    for card_id in card_ids:
        if card_id not in known:
            place = select(cards.c.chat_id, cards.c.thread_id).where(cards.c.id == card_id)
            chat_id, thread_id = connection.execute(place).one()
            _put_message(connection, Destination(chat_id, thread_id), now, card_id=card_id)


def _put_message(
    connection: Connection, destination: Destination, now: datetime, **content: Any
) -> None:
    connection.execute(
        insert(messages).values(
            chat_id=destination.chat_id,
            thread_id=destination.thread_id,
            revision=1,
            shown_revision=0,
            form=Form.FORMATTED,
            due_at=now,
            attempts=0,
            waiting_since=now,
            created_at=now,
            **content,
        )
    )


def _put_unreadable(
    connection: Connection,
    source: str,
    unreadable: Unreadable,
    audience: Sequence[Destination],
    now: datetime,
) -> None:
    facts = {"raw": unreadable.raw, "fault": unreadable.fault, "source": source}
    for destination in audience:
        repeat = select(messages.c.id).where(
            messages.c.digest == unreadable.identity,
            messages.c.chat_id == destination.chat_id,
            messages.c.thread_id == destination.thread_id,
            messages.c.created_at > now - limits.UNREADABLE_REPEAT,
        )
        if connection.execute(repeat.limit(1)).first() is None:
            _put_message(connection, destination, now, facts=facts, digest=unreadable.identity)


def _find_waiting(connection: Connection, now: datetime) -> list[Waiting]:
    place = func.row_number().over(
        partition_by=messages.c.chat_id, order_by=(messages.c.waiting_since, messages.c.id)
    )
    may_go = or_(messages.c.due_at <= now, messages.c.leased_until > now)
    ranked = (
        select(messages.c.id, place.label("place"))
        .where(_IS_WAITING, messages.c.chat_id != NOBODY, may_go)
        .subquery()
    )
    look = (
        select(messages, chats.c.paused_until)
        .join(ranked, ranked.c.id == messages.c.id)
        .outerjoin(chats, chats.c.chat_id == messages.c.chat_id)
        .where(or_(ranked.c.place <= AHEAD, messages.c.leased_until > now))
        .order_by(messages.c.waiting_since, messages.c.id)
        .limit(limits.WAITING_LOOK)
    )
    return [
        Waiting(
            id=row.id,
            destination=Destination(row.chat_id, row.thread_id),
            due_at=row.due_at,
            leased_until=row.leased_until,
            chat_paused_until=row.paused_until,
        )
        for row in connection.execute(look)
    ]


def _claim(
    connection: Connection, ids: Sequence[int], now: datetime, until: datetime
) -> list[Claimed]:
    free = or_(messages.c.leased_until.is_(None), messages.c.leased_until <= now)
    claim = (
        update(messages)
        # Another bridge may have tried meanwhile and been told to wait.
        .where(messages.c.id.in_(ids), _IS_WAITING, messages.c.due_at <= now, free)
        .values(leased_until=until)
        .returning(messages)
    )
    rows = sorted(connection.execute(claim), key=lambda row: (row.waiting_since, row.id))
    return [_read_claimed(connection, row) for row in rows]


def _read_claimed(connection: Connection, row: Any) -> Claimed:  # a row of `messages`
    if row.card_id is None:
        facts: Any = UnreadableFacts(**row.facts)
    else:
        facts = find_facts(connection, row.card_id)
    return Claimed(
        id=row.id,
        destination=Destination(row.chat_id, row.thread_id),
        revision=row.revision,
        telegram_id=row.telegram_id,
        form=Form(row.form),
        attempts=row.attempts,
        waiting_since=row.waiting_since,
        facts=facts,
    )


def _settle(connection: Connection, message: Claimed, verdict: Verdict, now: datetime) -> None:
    values: dict[str, Any] = {
        "telegram_id": verdict.telegram_id,
        "form": verdict.form,
        "due_at": verdict.due_at,
        "leased_until": None,
        "last_reason": verdict.reason.value if verdict.reason else None,
        "attempts": 0 if verdict.shown else message.attempts + 1,
    }
    if verdict.shown:
        # What changed while it was under way is still wanted, and waits from now on.
        values["shown_revision"] = message.revision
        values["waiting_since"] = now
    connection.execute(update(messages).where(messages.c.id == message.id).values(values))
    if verdict.pause_chat_until is not None:
        _pause(connection, message.destination.chat_id, verdict.pause_chat_until)


def _pause(connection: Connection, chat_id: int, until: datetime) -> None:
    paused = update(chats).where(chats.c.chat_id == chat_id).values(paused_until=until)
    if connection.execute(paused).rowcount == 0:
        connection.execute(insert(chats).values(chat_id=chat_id, paused_until=until))


def _adopt(connection: Connection, subscribed: Sequence[Destination], now: datetime) -> int:
    waiting = select(messages).where(messages.c.chat_id == NOBODY).order_by(messages.c.id)
    orphans = connection.execute(waiting).all()
    for orphan in orphans:
        for destination in subscribed:
            if orphan.card_id is None:
                _put_message(connection, destination, now, facts=orphan.facts, digest=orphan.digest)
            else:
                _adopt_card(connection, orphan.card_id, destination, now)
        connection.execute(delete(messages).where(messages.c.id == orphan.id))
    parentless = select(cards.c.id).where(cards.c.chat_id == NOBODY)
    connection.execute(delete(card_episodes).where(card_episodes.c.card_id.in_(parentless)))
    connection.execute(delete(cards).where(cards.c.chat_id == NOBODY))
    return len(orphans) * len(subscribed)


def _adopt_card(
    connection: Connection, card_id: int, destination: Destination, now: datetime
) -> None:
    """Give a destination its own copy of a card, or let its standing card take the members."""
    orphan = connection.execute(select(cards).where(cards.c.id == card_id)).one()
    standing = connection.execute(
        select(cards.c.id).where(
            and_(
                cards.c.alert_group == orphan.alert_group,
                cards.c.chat_id == destination.chat_id,
                cards.c.thread_id == destination.thread_id,
                cards.c.closed_at.is_(None),
            )
        )
    ).scalar_one_or_none()
    if standing is None:
        values = orphan._asdict() | {
            "chat_id": destination.chat_id,
            "thread_id": destination.thread_id,
        }
        del values["id"]
        standing = connection.execute(
            insert(cards).values(values).returning(cards.c.id)
        ).scalar_one()
    missing = select(literal(standing), card_episodes.c.episode_id).where(
        card_episodes.c.card_id == card_id,
        card_episodes.c.episode_id.not_in(
            select(card_episodes.c.episode_id).where(card_episodes.c.card_id == standing)
        ),
    )
    connection.execute(insert(card_episodes).from_select(["card_id", "episode_id"], missing))
    _want_anew(connection, [standing], now)
