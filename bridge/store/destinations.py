"""Where messages go: destinations that take none for now, and groups that have moved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from bridge.core.audience import NOBODY, Destination, Hearer, choose_audience
from bridge.core.hearing import Hearing
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Kind, Priority
from bridge.store.cards import copy_card, drop_cards, has_more_to_tell, take_members
from bridge.store.database import Database
from bridge.store.messages import IS_WAITING, Want, put_message, want_cards
from bridge.store.notices import put_notice
from bridge.store.places import (
    choose_admin,
    find_broken,
    find_fallback,
    find_in_use,
    find_listeners,
    find_unheard,
    follow_moves,
    is_at,
)
from bridge.store.tables import boards, cards, chats, destinations, messages


class Destinations:
    """What is known of each destination, kept in the database."""

    def __init__(self, database: Database, hearing: Hearing) -> None:
        self._database = database
        self._hearing = hearing

    async def adopt(self, *, now: datetime) -> int:
        """Give what nobody could hear to the chats that can now; answer how many messages."""
        if not self._hearing.subscribed:
            return 0
        return await self._database.write(lambda connection: _adopt(connection, self._hearing, now))

    async def broken(self) -> dict[Destination, str]:
        """Tell which destinations take nothing for now: destination → reason."""
        return await self._database.read(find_broken)

    async def unheard(self) -> dict[Destination, str]:
        """Tell which subscribed chats take nothing and have nobody who hears instead."""
        return await self._database.read(lambda connection: find_unheard(connection, self._hearing))

    async def in_use(self) -> list[Destination]:
        """List every destination that alerts or notices go to."""
        return await self._database.read(lambda connection: find_in_use(connection, self._hearing))

    async def moved(self, destination: Destination) -> Destination:
        """Tell where a destination is now."""
        return await self._database.read(lambda connection: follow_moves(connection)(destination))

    async def break_off(
        self, destination: Destination, reason: str, detail: str, *, now: datetime
    ) -> bool:
        """Note that a destination takes nothing, and let others hear; answer whether it is news."""
        return await self._database.write(
            lambda connection: break_destination(
                connection, Broken(destination, reason, detail), self._hearing, now
            )
        )

    async def mend(self, destination: Destination, *, now: datetime) -> bool:
        """Note that nothing speaks against a destination; answer whether it is mended by that.

        Where something waits for it, the next message decides.
        """
        return await self._database.write(
            lambda connection: _try_again(connection, destination, self._hearing, now)
        )

    async def move(self, old: int, fresh: int, *, now: datetime) -> None:
        """Follow a group that has become a supergroup."""
        await self._database.write(
            lambda connection: move_chat(connection, old, fresh, self._hearing, now)
        )

    async def put_notice(self, facts: NoticeFacts, *, now: datetime) -> None:
        """Tell the chats that hear alerts of a matter, or how it stands now.

        What a broken chat cannot hear its fallback does; where nobody is left, all admins do.
        """

        def work(connection: Connection) -> None:
            put_notice(connection, facts, find_listeners(connection, self._hearing), now)

        await self._database.write(work)


class Broken:
    """A destination that takes nothing, and why."""

    def __init__(self, destination: Destination, reason: str, detail: str) -> None:
        self.destination = destination
        self.reason = reason
        self.detail = detail


def break_destination(
    connection: Connection, broken: Broken, hearing: Hearing, now: datetime
) -> bool:
    """Mark a destination broken, once, and let the fallback hear what it cannot."""
    here = broken.destination
    known = connection.execute(select(destinations).where(*is_at(destinations, here))).first()
    if known is not None and known.broken_since is not None:
        failed = update(destinations).where(*is_at(destinations, here))
        values = {"reason": broken.reason, "detail": broken.detail, "checked_at": now}
        connection.execute(failed.values(is_on_trial=False, **values))
        if known.reason != broken.reason:
            _rescue(connection, hearing, now)
        return False
    values = {
        "broken_since": now,
        "reason": broken.reason,
        "detail": broken.detail,
        "is_on_trial": False,
        "checked_at": now,
    }
    if known is None:
        place = {"chat_id": here.chat_id, "thread_id": here.thread_id}
        connection.execute(insert(destinations).values(values | place))
    else:
        connection.execute(update(destinations).where(*is_at(destinations, here)).values(values))
    fallback = find_fallback(connection, here, hearing)
    _rescue(connection, hearing, now)
    _tell(connection, broken, fallback, hearing, now)
    return True


def move_chat(
    connection: Connection, old: int, fresh: int, hearing: Hearing, now: datetime
) -> None:
    """Rewrite a group's id everywhere; its old messages cannot be edited from the new place."""
    if old == fresh:
        return
    _note_move(connection, old, fresh)
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
    for table in (cards, boards):
        connection.execute(update(table).where(table.c.chat_id == old).values(chat_id=fresh))
    _show_cards_anew(connection, fresh)
    notice = NoticeFacts(
        kind=NoticeKind.CHAT_MOVED, since=now, until=now, subject=str(old), detail=str(fresh)
    )
    put_notice(connection, notice, hearing.admins or [Destination(fresh)], now)


def _note_move(connection: Connection, old: int, fresh: int) -> None:
    moved = update(chats).where(chats.c.chat_id == old).values(moved_to=fresh)
    if connection.execute(moved).rowcount == 0:
        connection.execute(insert(chats).values(chat_id=old, moved_to=fresh))
    # Back and forth would be a circle.
    connection.execute(update(chats).where(chats.c.chat_id == fresh).values(moved_to=None))


def _show_cards_anew(connection: Connection, chat_id: int) -> None:
    """Bring the cards that still fire to the new place, silently: the old ones grow old."""
    firing = select(cards.c.id).where(cards.c.chat_id == chat_id, cards.c.closed_at.is_(None))
    left_behind = update(messages).where(
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


def _try_again(connection: Connection, here: Destination, hearing: Hearing, now: datetime) -> bool:
    """Put a broken destination on trial: a check is not yet a message that was taken.

    A closed topic, for one, is not told of before something is sent there.
    """
    waiting = select(messages.c.id).where(
        IS_WAITING, messages.c.is_held.is_(False), *is_at(messages, here)
    )
    if connection.execute(waiting.limit(1)).first() is None:
        return mend_destination(connection, here, hearing, now)
    trial = update(destinations).where(
        destinations.c.broken_since.is_not(None), *is_at(destinations, here)
    )
    connection.execute(trial.values(is_on_trial=True, checked_at=now))
    return False


def mend_destination(
    connection: Connection, here: Destination, hearing: Hearing, now: datetime
) -> bool:
    """Note that a destination takes messages; answer whether it did not before."""
    known = connection.execute(select(destinations).where(*is_at(destinations, here))).first()
    if known is None or known.broken_since is None:
        return False
    fallback = find_fallback(connection, here, hearing)
    healed = update(destinations).where(*is_at(destinations, here))
    connection.execute(healed.values(broken_since=None, is_on_trial=False, checked_at=now))
    connection.execute(
        update(messages)
        .where(IS_WAITING, *is_at(messages, here))
        .values(due_at=now, waiting_since=now)
    )
    notice = NoticeFacts(
        kind=NoticeKind.CHAT_BROKEN,
        since=known.broken_since,
        until=now,
        subject=str(here),
        reason=known.reason,
        detail=known.detail,
        fallback=str(fallback or ""),
    )
    told = [*choose_admin(connection, hearing), *([fallback] if fallback else [])]
    put_notice(connection, notice, told, now)
    _rescue(connection, hearing, now)
    return True


def _reroute(connection: Connection, broken: Broken, hearer: Hearer, now: datetime) -> None:
    """Let somebody hear all that waits for a broken destination, and all of it that still fires.

    What they have heard already is not told again.
    """
    unseen = (
        select(cards.c.id, cards.c.closed_at)
        .join(messages, messages.c.card_id == cards.c.id)
        .where(
            messages.c.kind == Kind.CARD.value,
            *is_at(cards, broken.destination),
            or_(IS_WAITING, cards.c.closed_at.is_(None)),
        )
        .order_by(cards.c.id)
    )
    for row in connection.execute(unseen).all():
        if has_more_to_tell(connection, row.id, hearer.destination):
            copy_card(connection, row.id, hearer, now, is_loud=row.closed_at is None)
    told = select(messages.c.digest).where(*is_at(messages, hearer.destination))
    raw = select(messages).where(
        IS_WAITING,
        messages.c.kind == Kind.UNREADABLE.value,
        messages.c.digest.not_in(told.where(messages.c.digest.is_not(None))),
        *is_at(messages, broken.destination),
    )
    for row in connection.execute(raw).all():
        _copy_unreadable(connection, row, hearer.destination, now)


def _rescue(connection: Connection, hearing: Hearing, now: datetime) -> None:
    """Let somebody hear what broken destinations cannot, as things are now.

    A destination that nobody subscribes to any more was a slip that has been mended, or a chat that
    was given up: those who hear alerts now hear what waits there.
    """
    follow, places = follow_moves(connection), find_broken(connection)
    subscribed = [follow(each) for each in hearing.subscribed]
    for here, reason in places.items():
        broken = Broken(here, reason, "")
        fallback = find_fallback(connection, here, hearing)
        well = [each for each in subscribed if each not in places]
        instead = [fallback] if fallback else ([] if here in subscribed else well)
        for each in instead:
            hearer = Hearer(destination=each, instead_of=here, because=reason)
            _reroute(connection, broken, hearer, now)


def _tell(
    connection: Connection,
    broken: Broken,
    fallback: Destination | None,
    hearing: Hearing,
    now: datetime,
) -> None:
    """Tell the fallback and one admin, unless it is themselves that cannot be reached."""
    subscribed = map(follow_moves(connection), hearing.subscribed)
    here = broken.destination
    if here not in set(subscribed) and not _hears_alerts(connection, here):
        return
    notice = NoticeFacts(
        kind=NoticeKind.CHAT_BROKEN,
        since=now,
        subject=str(here),
        reason=broken.reason,
        detail=broken.detail,
        fallback=str(fallback or ""),
    )
    told = [*choose_admin(connection, hearing), *([fallback] if fallback else [])]
    put_notice(connection, notice, [each for each in told if each != here], now)


def _hears_alerts(connection: Connection, here: Destination) -> bool:
    heard = select(messages.c.id).where(
        messages.c.kind.in_((Kind.CARD.value, Kind.UNREADABLE.value)), *is_at(messages, here)
    )
    return connection.execute(heard.limit(1)).first() is not None


def _adopt(connection: Connection, hearing: Hearing, now: datetime) -> int:
    follow = follow_moves(connection)
    hearers = choose_audience(
        [follow(each) for each in hearing.subscribed],
        None,
        broken=find_broken(connection),
        fallback=follow(hearing.fallback) if hearing.fallback else None,
    )
    waiting = select(messages).where(
        messages.c.chat_id == NOBODY,
        messages.c.kind.in_((Kind.CARD.value, Kind.UNREADABLE.value)),
    )
    orphans = connection.execute(waiting.order_by(messages.c.id)).all()
    for orphan in orphans:
        for hearer in hearers:
            if orphan.card_id is None:
                _copy_unreadable(connection, orphan, hearer.destination, now)
            else:
                copy_card(connection, orphan.card_id, hearer, now, is_loud=bool(orphan.is_loud))
    connection.execute(delete(messages).where(messages.c.chat_id == NOBODY))
    nobodys = connection.execute(select(cards.c.id).where(cards.c.chat_id == NOBODY)).scalars()
    drop_cards(connection, list(nobodys))
    _rescue(connection, hearing, now)
    return len(orphans) * len(hearers)


def _copy_unreadable(
    connection: Connection, row: Any, destination: Destination, now: datetime
) -> None:
    put_message(
        connection,
        Kind.UNREADABLE,
        destination,
        now,
        priority=Priority.NEW,
        is_loud=True,
        facts=row.facts,
        digest=row.digest,
    )
