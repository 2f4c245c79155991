"""Chats on disk: who is subscribed, what each has chosen, and how it is limited.

Every change is felt in the transaction that makes it: what a chat hears from then on is shown
there at once as far as it fires, and what it may hear no more is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, delete, insert, select, type_coerce, update

from bridge.core.access import Scope
from bridge.core.audience import Destination, Hearer
from bridge.core.chats import Chat, Subscribed
from bridge.core.hearing import Ear, Hearing
from bridge.core.preferences import Preferences
from bridge.errors import Missing, Mistake
from bridge.store.boards import find_standing_boards, want_board
from bridge.store.database import Database
from bridge.store.destinations import adopt, try_again
from bridge.store.leaving import leave
from bridge.store.places import find_hearing, follow_moves, is_at, read_json
from bridge.store.standing import file_cards, show_standing
from bridge.store.tables import card_episodes, cards, episodes, messages, preferences, subscriptions

Change = Callable[[Preferences], Preferences]


class Chats:
    """The chats, kept in the database; `hearing` is what the settings say."""

    def __init__(self, database: Database, hearing: Hearing) -> None:
        self._database = database
        self._hearing = hearing

    async def find(self, here: Destination) -> Chat:
        """Tell what is known of a chat, also of one that nobody knows yet."""
        return (await self._read([here]))[0]

    async def find_subscribed(self) -> list[Chat]:
        """List the chats that hear alerts, those of the settings first."""
        return await self._read(None)

    async def subscribe(
        self, here: Destination, *, made_by: int | None, now: datetime
    ) -> Subscribed:
        """Let a chat hear alerts, and show it what fires; what nobody could hear is its own now.

        Raises:
            Outage: nothing of it was kept.
        """
        return await self._database.write(
            lambda connection: _subscribe(connection, self._hearing, here, made_by, now)
        )

    async def unsubscribe(self, here: Destination, *, now: datetime) -> None:
        """Let a chat hear no more: nothing that waits for it is sent once this returns.

        What is being sent this moment cannot be called back; `is_under_way` says when it is over.

        Raises:
            Mistake: ALERT_CHAT_ID names it.
            Missing: it was not subscribed.
            Outage: nothing of it was kept.
        """
        await self._database.write(
            lambda connection: _unsubscribe(connection, self._hearing, here, now)
        )

    async def is_under_way(self, here: Destination, *, now: datetime) -> bool:
        """Say whether something is being sent to a chat this moment."""
        leased = select(messages.c.id).where(messages.c.leased_until > now, *is_at(messages, here))
        return await self._database.read(
            lambda connection: connection.execute(leased.limit(1)).first() is not None
        )

    async def choose(self, here: Destination, change: Change, *, now: datetime) -> Preferences:
        """Change what a chat has chosen for itself, and answer all of that.

        What it hears from now on is shown there at once as far as it fires, silently. What it hears
        no more is not shown anew; cards that stand are kept true to their end.

        Raises:
            Mistake: `change` does.
            Outage: nothing of it was kept.
        """
        return await self._database.write(
            lambda connection: _choose(connection, self._hearing, here, change, now)
        )

    async def limit(self, here: Destination, scope: Scope, *, now: datetime) -> None:
        """Limit a chat to some hosts, or lift that; a chat's limit holds in all its topics.

        Cards about other hosts are kept true no more: they no longer exist for it.

        Raises:
            Outage: nothing of it was kept.
        """
        await self._database.write(
            lambda connection: _limit(connection, self._hearing, here, scope, now)
        )

    async def note_title(self, here: Destination, title: str) -> None:
        """Remember what a chat is called, if it is subscribed or has chosen anything.

        Raises:
            Outage: nothing of it was kept.
        """
        known = await self.find(here)
        if known.title == title:
            return
        if not known.is_subscribed and known.ear == Ear():
            return  # strangers' chats must not become rows without end
        await self._database.write(
            lambda connection: _put(connection, known.destination, title=title)
        )

    async def _read(self, places: Sequence[Destination] | None) -> list[Chat]:
        return await self._database.read(
            lambda connection: _read_chats(connection, self._hearing, places)
        )


def _read_chats(
    connection: Connection, settled: Hearing, places: Sequence[Destination] | None
) -> list[Chat]:
    """Tell what is known of these chats; of all that are subscribed where none are named."""
    follow, hearing = follow_moves(connection), find_hearing(connection, settled)
    settled_places = set(map(follow, settled.subscribed))
    stored = {
        Destination(row.chat_id, row.thread_id): row
        for row in connection.execute(select(subscriptions))
    }
    title = type_coerce(preferences.c.title, Text).label("title")
    titles = {
        Destination(row.chat_id, row.thread_id): str(read_json(row.title) or "")
        for row in connection.execute(select(preferences.c.chat_id, preferences.c.thread_id, title))
    }
    return [
        Chat(
            destination=here,
            is_subscribed=here in hearing.subscribed,
            is_settled=here in settled_places,
            title=titles.get(here, ""),
            since=stored[here].since if here in stored else None,
            made_by=stored[here].made_by if here in stored else None,
            ear=hearing.ear(here),
        )
        for here in (map(follow, places) if places is not None else hearing.subscribed)
    ]


def _subscribe(
    connection: Connection,
    settled: Hearing,
    here: Destination,
    made_by: int | None,
    now: datetime,
) -> Subscribed:
    here = follow_moves(connection)(here)
    if here in find_hearing(connection, settled).subscribed:
        return Subscribed(is_news=False)
    place = {"chat_id": here.chat_id, "thread_id": here.thread_id}
    subscribe = insert(subscriptions).values(**place, matchers=[], since=now, made_by=made_by)
    connection.execute(subscribe)
    hearing = find_hearing(connection, settled)
    try_again(connection, here, hearing, now)
    adopted = adopt(connection, hearing, now)
    shown = _show(connection, here, hearing, now)
    return Subscribed(is_news=True, adopted=adopted, shown=shown)


def _unsubscribe(
    connection: Connection, settled: Hearing, here: Destination, now: datetime
) -> None:
    follow = follow_moves(connection)
    here = follow(here)
    if here in map(follow, settled.subscribed):
        raise Mistake(
            "ALERT_CHAT_ID names the chat %(chat)s; take it out there and start the bridge again",
            chat=here,
        )
    unsubscribe = delete(subscriptions).where(*is_at(subscriptions, here))
    if not connection.execute(unsubscribe).rowcount:
        raise Missing("the chat %(chat)s is not subscribed", chat=here)
    leave(connection, here, find_hearing(connection, settled), now)


def _choose(
    connection: Connection, settled: Hearing, here: Destination, change: Change, now: datetime
) -> Preferences:
    here = follow_moves(connection)(here)
    before = find_hearing(connection, settled).ears.get(here, Ear()).preferences
    after = change(before)
    _put(connection, here, chosen=after.to_json())
    hearing = find_hearing(connection, settled)
    for place in _find_places(connection, here, hearing):
        _show(connection, place, hearing, now)
    return after


def _limit(
    connection: Connection, settled: Hearing, here: Destination, scope: Scope, now: datetime
) -> None:
    here = follow_moves(connection)(here)
    _put(connection, here, scope=scope.to_json())
    hearing = find_hearing(connection, settled)
    standing = find_standing_boards(connection)
    for place in _find_places(connection, here, hearing):
        file_cards(connection, _find_uncovered(connection, place, hearing), now)
        if place in standing:
            want_board(connection, standing[place].id, now)
        _show(connection, place, hearing, now)


def _find_places(connection: Connection, here: Destination, hearing: Hearing) -> list[Destination]:
    """Find where a choice is felt: a chat's is in its topics too."""
    if here.thread_id:
        return [here]
    heard = select(cards.c.thread_id).distinct().where(cards.c.chat_id == here.chat_id)
    topics = [Destination(here.chat_id, each) for each in connection.execute(heard).scalars()]
    subscribed = [each for each in hearing.subscribed if each.chat_id == here.chat_id]
    return list(dict.fromkeys([here, *subscribed, *topics]))


def _show(connection: Connection, here: Destination, hearing: Hearing, now: datetime) -> int:
    """Show a chat what fires of all that it hears and does not see yet."""
    hearer = hearing.attune(Hearer(destination=here))
    is_subscribed = here in hearing.subscribed
    return show_standing(connection, hearer, now, is_subscribed=is_subscribed)


def _find_uncovered(connection: Connection, here: Destination, hearing: Hearing) -> list[int]:
    """Find the cards with an alert that must not be known here; one that is over may change yet."""
    shown = (
        select(cards.c.id, episodes.c.facts)
        .distinct()
        .join(card_episodes, card_episodes.c.card_id == cards.c.id)
        .join(episodes, episodes.c.id == card_episodes.c.episode_id)
        .where(*is_at(cards, here))
    )
    rows = connection.execute(shown)
    return sorted({row.id for row in rows if not hearing.covers(here, row.facts["labels"])})


def _put(connection: Connection, here: Destination, **values: Any) -> None:
    """Write something about a chat, which may have had nothing of its own."""
    known = update(preferences).where(*is_at(preferences, here)).values(**values)
    if connection.execute(known).rowcount == 0:
        place = {"chat_id": here.chat_id, "thread_id": here.thread_id}
        fresh = {"chosen": {}, "scope": [], "title": "", **place, **values}
        connection.execute(insert(preferences).values(fresh))
