"""Which destinations there are, which take nothing for now, and who is told what instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Text, select, type_coerce

from bridge.core.access import Scope
from bridge.core.audience import (
    NOBODY,
    Destination,
    Hearer,
    choose_audience,
    choose_fallback,
)
from bridge.core.hearing import Ear, Hearing
from bridge.core.notices import NoticeKind
from bridge.core.preferences import Preferences
from bridge.store.tables import cards, chats, destinations, people, preferences, subscriptions

_NOWHERE: Final = Scope((("host", frozenset()),))
"""What is left of a limit that cannot be read: nothing, for it may have left out anything."""


def find_hearing(connection: Connection, settled: Hearing) -> Hearing:
    """Find who hears what as things are in this very transaction: others may write it as well."""
    follow = follow_moves(connection)
    stored = select(subscriptions.c.chat_id, subscriptions.c.thread_id).order_by(
        subscriptions.c.since, subscriptions.c.chat_id, subscriptions.c.thread_id
    )
    rows = connection.execute(stored).all()
    subscribed = [*settled.subscribed, *(Destination(row.chat_id, row.thread_id) for row in rows)]
    return replace(
        settled,
        subscribed=tuple(dict.fromkeys(map(follow, subscribed))),
        fallback=follow(settled.fallback) if settled.fallback else None,
        ears=_limit_private(connection, find_ears(connection), settled.admins),
    )


def find_ears(connection: Connection) -> dict[Destination, Ear]:
    """Find what chats have chosen and how they are limited."""
    rows = connection.execute(
        select(
            preferences.c.chat_id,
            preferences.c.thread_id,
            type_coerce(preferences.c.chosen, Text).label("chosen"),
            type_coerce(preferences.c.scope, Text).label("scope"),
        )
    )
    return {
        Destination(row.chat_id, row.thread_id): _read_ear(row.chosen, row.scope) for row in rows
    }


def _limit_private(
    connection: Connection, ears: dict[Destination, Ear], admins: Iterable[Destination]
) -> dict[Destination, Ear]:
    """Limit the private chat of a person as they are themselves: it has their number.

    Admins of the settings are never limited, whatever a row of former times says of them.
    """
    scope = type_coerce(people.c.scope, Text).label("scope")
    limited = select(people.c.user_id, scope).where(scope != "[]")
    for row in connection.execute(limited):
        here = Destination(row.user_id)
        if here not in admins:
            own = ears.get(here, Ear())
            ears[here] = replace(own, scope=own.scope.both(_read_scope(row.scope)))
    return ears


def find_audience(
    connection: Connection, hearing: Hearing
) -> Callable[[Destination | None], tuple[Hearer, ...]]:
    """Make the function that says who hears a webhook, given whom it is addressed to, if anybody.

    `hearing` is as found in this transaction.
    """
    follow, broken = follow_moves(connection), find_broken(connection)

    def choose(addressed: Destination | None) -> tuple[Hearer, ...]:
        given = follow(addressed) if addressed else None
        chosen = choose_audience(
            hearing.subscribed, given, broken=broken, fallback=hearing.fallback
        )
        return tuple(map(hearing.attune, chosen))

    return choose


def choose_unreadable(audience: Iterable[Hearer], hearing: Hearing) -> list[Destination]:
    """Choose who is shown what cannot be read: whoever may see all; else the admins; else nobody.

    It may be the worst of alerts, so that nobody wants it is no reason to drop it.
    """
    heard = [each.destination for each in audience if each.hears_unreadable]
    return heard or list(hearing.admins) or [Destination(NOBODY)]


def find_broken(connection: Connection) -> dict[Destination, str]:
    """Find the destinations that take nothing for now: destination → reason."""
    broken = select(destinations).where(destinations.c.broken_since.is_not(None))
    return {
        Destination(row.chat_id, row.thread_id): row.reason for row in connection.execute(broken)
    }


def follow_moves(connection: Connection) -> Callable[[Destination], Destination]:
    """Make the function that tells where a destination is now."""
    moved = select(chats.c.chat_id, chats.c.moved_to).where(chats.c.moved_to.is_not(None))
    moves = {row.chat_id: row.moved_to for row in connection.execute(moved)}

    def follow(destination: Destination) -> Destination:
        chat_id, seen = destination.chat_id, set()
        while chat_id in moves and chat_id not in seen:
            seen.add(chat_id)
            chat_id = moves[chat_id]
        return Destination(chat_id, destination.thread_id)

    return follow


def find_fallback(
    connection: Connection, here: Destination, hearing: Hearing
) -> Destination | None:
    """Find who hears what a broken destination cannot; None where nobody can."""
    fallback = follow_moves(connection)(hearing.fallback) if hearing.fallback else None
    return choose_fallback(here, broken=find_broken(connection), fallback=fallback)


def find_unheard(connection: Connection, hearing: Hearing) -> dict[Destination, str]:
    """Find the subscribed chats that take nothing and have nobody who hears all of it instead."""
    broken = find_broken(connection)
    unheard = {}
    for each in map(follow_moves(connection), hearing.subscribed):
        if each in broken:
            instead = find_fallback(connection, each, hearing)
            if instead is None or hearing.ear(instead).scope.is_limited:
                unheard[each] = broken[each]
    return unheard


def find_listeners(connection: Connection, hearing: Hearing, kind: NoticeKind) -> list[Destination]:
    """Find who is told of a matter of the bridge itself: who hears alerts, else all admins.

    Whoever has switched everything off is not told. Chats that are limited to some hosts are told
    of nothing but silence, which is about all hosts.
    """
    broken = find_broken(connection)
    places = [
        each.destination
        for each in find_audience(connection, hearing)(None)
        if each.destination.chat_id != NOBODY and _is_told(each, hearing, kind)
    ]
    if any(each not in broken for each in places):
        return places
    return places + list(hearing.admins)


def _is_told(hearer: Hearer, hearing: Hearing, kind: NoticeKind) -> bool:
    ears = [hearing.ear(each) for each in hearer.whose]
    is_limited = hearing.ear(hearer.destination).scope.is_limited or all(
        ear.scope.is_limited for ear in ears
    )
    if is_limited and kind is not NoticeKind.PIPELINE_SILENT:
        return False
    return not all(ear.preferences.is_off for ear in ears)


def choose_admin(connection: Connection, hearing: Hearing) -> list[Destination]:
    """Choose the one admin who is told when something is wrong: the first that can be reached."""
    broken = find_broken(connection)
    return [each for each in hearing.admins if each not in broken][:1]


def find_in_use(connection: Connection, hearing: Hearing) -> list[Destination]:
    """Find every destination that alerts or notices go to."""
    follow = follow_moves(connection)
    wanted = [*hearing.subscribed, *([hearing.fallback] if hearing.fallback else [])]
    standing = select(cards.c.chat_id, cards.c.thread_id).where(
        cards.c.closed_at.is_(None), cards.c.chat_id != NOBODY
    )
    rows = connection.execute(standing.distinct())
    known = [Destination(row.chat_id, row.thread_id) for row in rows]
    return list(dict.fromkeys([*map(follow, wanted), *known, *find_broken(connection)]))


def is_at(table: Any, here: Destination) -> tuple[Any, Any]:
    """Match the rows of a table that are about a destination."""
    return table.c.chat_id == here.chat_id, table.c.thread_id == here.thread_id


def read_json(written: str) -> object:
    """Read a value that somebody may have written by hand; None where it cannot be read."""
    with suppress(ValueError):
        return json.loads(written)
    return None


@lru_cache(maxsize=1024)  # chosen: more chats than a bridge serves; they are read every second
def _read_ear(chosen: str, scope: str) -> Ear:
    return Ear(preferences=Preferences.from_json(read_json(chosen)), scope=_read_scope(scope))


def _read_scope(written: str) -> Scope:
    try:
        return Scope.from_json(json.loads(written))
    except (ValueError, TypeError):
        return _NOWHERE
