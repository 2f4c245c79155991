"""Small things to remember over a restart: a JSON value by its name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from bridge.store.database import Database
from bridge.store.tables import state


class State:
    """Remembers values by name; a name has at most 64 characters."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> Any:  # a JSON value
        """Recall a value; None where there is none.

        Raises:
            Outage: the database did not answer.
        """
        wanted = select(state.c.value).where(state.c.name == name)
        return await self._database.read(
            lambda connection: connection.execute(wanted).scalar_one_or_none()
        )

    async def put(self, name: str, value: object, *, now: datetime) -> None:
        """Remember a value in the place of the former one; return once it is on disk.

        Raises:
            Outage: nothing of it was kept.
        """
        content = {"value": value, "noted_at": now}
        renew = update(state).where(state.c.name == name).values(content)
        put = insert(state).values(name=name, **content)
        # Writers take turns: nobody puts the same name between the two.
        await self._database.write(
            lambda connection: (
                connection.execute(renew).rowcount or connection.execute(put).rowcount
            )
        )
