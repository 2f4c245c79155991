"""Where messages go: destinations that take none for now, and groups that have moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, insert, or_, select, true, update

from bridge.core.audience import UNHEARD, Destination, Hearer
from bridge.core.hearing import Hearing
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Kind, Priority
from bridge.store.database import Database
from bridge.store.messages import IS_WAITING, put_message
from bridge.store.moving import move_chat
from bridge.store.notices import put_notice
from bridge.store.places import (
    choose_admin,
    choose_unreadable,
    find_audience,
    find_broken,
    find_fallback,
    find_hearing,
    find_in_use,
    find_listeners,
    find_unheard,
    follow_moves,
    is_at,
)
from bridge.store.standing import copy_card, file_cards, has_more_to_tell
from bridge.store.tables import cards, destinations, messages

Result = TypeVar("Result")


class Destinations:
    """What is known of each destination, kept in the database."""

    def __init__(self, database: Database, hearing: Hearing) -> None:
        self._database = database
        self._hearing = hearing

    async def adopt(self, *, now: datetime) -> int:
        """Give what nobody could hear to the chats that can now; answer how many messages."""
        return await self._write(lambda connection, hearing: adopt(connection, hearing, now))

    async def broken(self) -> dict[Destination, str]:
        """Tell which destinations take nothing for now: destination → reason."""
        return await self._database.read(find_broken)

    async def unheard(self) -> dict[Destination, str]:
        """Tell which subscribed chats take nothing and have nobody who hears all of it instead."""
        return await self._read(find_unheard)

    async def in_use(self) -> list[Destination]:
        """List every destination that alerts or notices go to."""
        return await self._read(find_in_use)

    async def moved(self, destination: Destination) -> Destination:
        """Tell where a destination is now."""
        return await self._database.read(lambda connection: follow_moves(connection)(destination))

    async def break_off(
        self, destination: Destination, reason: str, detail: str, *, now: datetime
    ) -> bool:
        """Note that a destination takes nothing, and let others hear; answer whether it is news."""
        broken = Broken(destination, reason, detail)
        return await self._write(
            lambda connection, hearing: break_destination(connection, broken, hearing, now)
        )

    async def mend(self, destination: Destination, *, now: datetime) -> bool:
        """Note that nothing speaks against a destination; answer whether it is mended by that.

        Where something waits for it, the next message decides.
        """
        return await self._write(
            lambda connection, hearing: try_again(connection, destination, hearing, now)
        )

    async def move(self, old: int, fresh: int, *, now: datetime) -> None:
        """Follow a group that has become a supergroup."""
        await self._write(
            lambda connection, hearing: move_chat(connection, old, fresh, hearing, now)
        )

    async def put_notice(self, facts: NoticeFacts, *, now: datetime) -> None:
        """Tell the chats that hear alerts of a matter, or how it stands now.

        What a broken chat cannot hear its fallback does; where nobody is left, all admins do.
        """

        def work(connection: Connection, hearing: Hearing) -> None:
            put_notice(connection, facts, find_listeners(connection, hearing, facts.kind), now)

        await self._write(work)

    async def _read(self, work: Callable[[Connection, Hearing], Result]) -> Result:
        return await self._database.read(
            lambda connection: work(connection, find_hearing(connection, self._hearing))
        )

    async def _write(self, work: Callable[[Connection, Hearing], Result]) -> Result:
        return await self._database.write(
            lambda connection: work(connection, find_hearing(connection, self._hearing))
        )


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
            rescue(connection, hearing, now)
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
    rescue(connection, hearing, now)
    _tell(connection, broken, fallback, hearing, now)
    return True


def try_again(connection: Connection, here: Destination, hearing: Hearing, now: datetime) -> bool:
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
    rescue(connection, hearing, now)
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
        if has_more_to_tell(connection, row.id, hearer):
            copy_card(connection, row.id, hearer, now, is_loud=row.closed_at is None)
    if not hearer.hears_unreadable:
        return
    told = select(messages.c.digest).where(*is_at(messages, hearer.destination))
    raw = select(messages).where(
        IS_WAITING,
        messages.c.kind == Kind.UNREADABLE.value,
        messages.c.digest.not_in(told.where(messages.c.digest.is_not(None))),
        *is_at(messages, broken.destination),
    )
    for row in connection.execute(raw).all():
        copy_unreadable(connection, row, hearer.destination, now)


def rescue(connection: Connection, hearing: Hearing, now: datetime) -> None:
    """Let somebody hear what broken destinations cannot, as things are now.

    A destination that nobody subscribes to any more was a slip that has been mended, or a chat that
    was given up: those who hear alerts now hear what waits there, as far as they want to.
    """
    follow, places = follow_moves(connection), find_broken(connection)
    subscribed = [follow(each) for each in hearing.subscribed]
    for here, reason in places.items():
        broken = Broken(here, reason, "")
        fallback = find_fallback(connection, here, hearing)
        if fallback is not None:
            hearer = Hearer(destination=fallback, instead_of=here, because=reason)
            _reroute(connection, broken, hearing.attune(hearer), now)
        elif here not in subscribed:
            for each in subscribed:
                if each not in places:
                    hearer = hearing.attune(Hearer(destination=each))
                    hearer = replace(hearer, instead_of=here, because=reason)
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


def adopt(connection: Connection, hearing: Hearing, now: datetime) -> int:
    """Give what nobody could hear to the chats that can now; answer how many messages."""
    if not hearing.subscribed:
        return 0
    hearers = find_audience(connection, hearing)(None)
    waiting = select(messages).where(
        messages.c.kind.in_((Kind.CARD.value, Kind.UNREADABLE.value)), *is_at(messages, UNHEARD)
    )
    orphans = connection.execute(waiting.order_by(messages.c.id)).all()
    unreadable = [each for each in choose_unreadable(hearers, hearing) if each != UNHEARD]
    for orphan in orphans:
        if orphan.card_id is None:
            for destination in unreadable:
                copy_unreadable(connection, orphan, destination, now)
        else:
            for hearer in hearers:
                copy_card(connection, orphan.card_id, hearer, now, is_loud=bool(orphan.is_loud))
    told = messages.c.card_id.is_not(None) if not unreadable else true()
    connection.execute(delete(messages).where(*is_at(messages, UNHEARD), told))
    # What none of them wants is still accounted for.
    nobodys = connection.execute(select(cards.c.id).where(*is_at(cards, UNHEARD))).scalars()
    file_cards(connection, list(nobodys), now)
    rescue(connection, hearing, now)
    return len(orphans) * len(hearers)


def copy_unreadable(
    connection: Connection, row: Any, destination: Destination, now: datetime
) -> None:
    """Show what cannot be read, a row of `messages`, in another destination too."""
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
