"""Calls to Telegram that are not the queue's: answers to people count against the same pace."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from bridge import limits
from bridge.store.database import Database
from bridge.store.tables import calls

_NOBODY = 0  # the message of a call that shows none of the queue's


class Calls:
    """The calls of the last minute, kept in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, chat_id: int, *, now: datetime) -> bool:
        """Count one more call, where the chat has room for it.

        Raises:
            Outage: the database did not answer.
        """
        return await self._database.write(lambda connection: _reserve(connection, chat_id, now))

    async def note(self, chat_id: int, *, now: datetime) -> None:
        """Count one more call, room or not.

        Raises:
            Outage: it was not kept.
        """
        await self._database.write(lambda connection: _note(connection, chat_id, now))


def _reserve(connection: Connection, chat_id: int, now: datetime) -> bool:
    """Count a call if the chat and the bot as a whole may make it."""
    look = select(calls.c.chat_id, calls.c.at).where(calls.c.at > now - limits.GROUP_CALLS.span)
    recent = connection.execute(look).all()
    mine = [row.at for row in recent if row.chat_id == chat_id]
    has_room = limits.OVERALL_CALLS.has_room((row.at for row in recent), now)
    if chat_id < 0:
        has_room = has_room and limits.GROUP_CALLS.has_room(mine, now)
    has_room = has_room and limits.CHAT_CALLS.has_room(mine, now)
    if has_room:
        _note(connection, chat_id, now)
    return has_room


def _note(connection: Connection, chat_id: int, now: datetime) -> None:
    row = {"chat_id": chat_id, "message_id": _NOBODY, "is_board": False, "at": now}
    connection.execute(insert(calls).values(row))
