"""What fires now, read for somebody who asks."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, select

from bridge import limits
from bridge.core.access import EVERYWHERE, Scope
from bridge.core.cards import in_order
from bridge.core.firing import FiringAlert, FiringFacts
from bridge.core.hearing import FindHost, covers_alert
from bridge.store.database import Database
from bridge.store.episodes import read_member
from bridge.store.tables import episodes


class Firing:
    """Everything that fires, kept in the database."""

    def __init__(self, database: Database, find_host: FindHost) -> None:
        self._database = database
        self._find_host = find_host

    async def find(
        self, *, scope: Scope = EVERYWHERE, host: str = "", most: int = limits.FIRING_LISTED
    ) -> FiringFacts:
        """Tell what fires of the hosts that exist for a scope, or of one of them by its name.

        Raises:
            Outage: the database did not answer.
        """
        return await self._database.read(
            lambda connection: _find(connection, self._find_host, scope, host, most)
        )


def _find(
    connection: Connection, find_host: FindHost, scope: Scope, host: str, most: int
) -> FiringFacts:
    wanted = host.casefold()
    members = [
        member
        for row in connection.execute(select(episodes).where(episodes.c.ended_at.is_(None)))
        if (not wanted or row.facts["labels"].get("host", "").casefold() == wanted)
        and covers_alert(scope, row.facts["labels"], find_host)
        for member in (read_member(row),)
    ]
    return FiringFacts(
        alerts=tuple(FiringAlert(member=each) for each in in_order(members)[:most]),
        counts=Counter(each.severity for each in members),
        muted=sum(each.muting is not None for each in members),
        host=host,
    )
