"""Answers to people, as calls to Telegram: they count against the same pace as alerts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from bridge import limits
from bridge.core.outbox import Reason
from bridge.core.pacing import Budget
from bridge.store.database import Database
from bridge.store.queue import ANSWER, find_calls
from bridge.store.tables import calls, chats


class Calls:
    """The calls of the last minute, kept in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, chat_id: int, *, now: datetime) -> bool:
        """Count one more answer, where the chat has room for it.

        Raises:
            Outage: the database did not answer.
        """
        return await self._database.write(lambda connection: _reserve(connection, chat_id, now))

    async def note(self, chat_id: int, *, now: datetime) -> None:
        """Count one more answer, room or not.

        Raises:
            Outage: it was not kept.
        """
        await self._database.write(lambda connection: _note(connection, chat_id, now))

    async def pause(self, chat_id: int, *, until: datetime) -> None:
        """Leave a chat alone: Telegram has said for how long.

        Raises:
            Outage: it was not kept.
        """
        await self._database.write(lambda connection: _pause(connection, chat_id, until))


def _reserve(connection: Connection, chat_id: int, now: datetime) -> bool:
    asked = select(chats.c.paused_until).where(
        chats.c.chat_id == chat_id, chats.c.pause_reason == Reason.RATE_LIMIT.value
    )
    paused_until = connection.execute(asked).scalar_one_or_none()
    if paused_until is not None and now < paused_until <= now + limits.RATE_LIMIT_LONGEST:
        return False
    has_room = Budget(find_calls(connection, now), now).admits_answer(chat_id)
    if has_room:
        _note(connection, chat_id, now)
    return has_room


def _note(connection: Connection, chat_id: int, now: datetime) -> None:
    row = {"chat_id": chat_id, "message_id": ANSWER, "is_board": False, "at": now}
    connection.execute(insert(calls).values(row))
    # Where no alert is ever sent, nobody else lets go of old ones.
    connection.execute(delete(calls).where(calls.c.at < now - 2 * limits.GROUP_CALLS.span))


def _pause(connection: Connection, chat_id: int, until: datetime) -> None:
    values = {"paused_until": until, "pause_reason": Reason.RATE_LIMIT.value}
    paused = update(chats).where(chats.c.chat_id == chat_id).values(values)
    if connection.execute(paused).rowcount == 0:
        connection.execute(insert(chats).values(chat_id=chat_id, **values))
