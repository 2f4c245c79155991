"""Which destinations there are, which take nothing for now, and who is told what instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select

from bridge.core.audience import NOBODY, Destination, choose_audience, choose_fallback
from bridge.core.hearing import Hearing
from bridge.store.tables import cards, chats, destinations


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
    """Find the subscribed chats that take nothing and have nobody who hears instead."""
    broken = find_broken(connection)
    subscribed = map(follow_moves(connection), hearing.subscribed)
    return {
        each: broken[each]
        for each in subscribed
        if each in broken and find_fallback(connection, each, hearing) is None
    }


def find_listeners(connection: Connection, hearing: Hearing) -> list[Destination]:
    """Find who is told of a matter of the bridge itself: who hears alerts, else all admins."""
    follow, broken = follow_moves(connection), find_broken(connection)
    subscribed = [follow(each) for each in hearing.subscribed]
    fallback = follow(hearing.fallback) if hearing.fallback else None
    hearers = choose_audience(subscribed, None, broken=broken, fallback=fallback)
    places = [each.destination for each in hearers]
    if any(each.chat_id != NOBODY and each not in broken for each in places):
        return places
    return [each for each in places if each.chat_id != NOBODY] + list(hearing.admins)


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
