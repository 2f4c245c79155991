"""Logins on disk: each event once, and a message for every chat that hears of its host.

Failures of a host within some hours are one message, edited as they become more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bridge.core.audience import NOBODY, Destination
from bridge.core.hearing import Hearing
from bridge.core.logins import (
    LoginFacts,
    LoginKind,
    Telling,
    choose_telling,
    fold_failures,
    is_worth_showing,
)
from bridge.core.outbox import Kind, Priority
from bridge.store.database import Database
from bridge.store.messages import name_matter, put_message, wanted_anew
from bridge.store.places import find_audience, find_hearing, is_at
from bridge.store.tables import logins, messages


class Logins:
    """What agents tell of logins, kept in the database."""

    def __init__(self, database: Database, hearing: Hearing) -> None:
        self._database = database
        self._hearing = hearing

    async def put(self, event: str, facts: LoginFacts, *, now: datetime) -> bool:
        """Keep an event and ask for its messages; answer whether it is news.

        Raises:
            Outage: nothing of it was kept.
        """
        return await self._database.write(self.putting(event, facts, now=now))

    def putting(
        self, event: str, facts: LoginFacts, *, now: datetime
    ) -> Callable[[Connection], bool]:
        """Make the work of `put`, for a transaction of somebody else's."""
        return lambda connection: _put(connection, self._hearing, event, facts, now)


def read_login(written: Any) -> LoginFacts:
    """Read the facts of a message's row."""
    facts = written["now"]
    return LoginFacts(
        host=facts["host"],
        kind=LoginKind(facts["kind"]),
        user=facts["user"],
        address=facts["address"],
        method=facts["method"],
        count=facts["count"],
        first=datetime.fromisoformat(facts["first"]),
        last=datetime.fromisoformat(facts["last"]),
        users=facts["users"],
        addresses=facts["addresses"],
    )


def _put(
    connection: Connection, settled: Hearing, event: str, facts: LoginFacts, now: datetime
) -> bool:
    name = name_matter("login", facts.host, event)
    known = select(logins.c.id).where(logins.c.event == name)
    if connection.execute(known).first() is not None:
        return False
    row = {"event": name, "facts": _write(facts), "received_at": now}
    connection.execute(insert(logins).values(row))
    telling = choose_telling(facts, settled.logouts)
    if telling is Telling.NOT:
        return True
    hearing = find_hearing(connection, settled)
    for hearer in find_audience(connection, hearing)(None):
        here = hearer.destination
        if here.chat_id == NOBODY or not hearer.hears(facts.labels):
            continue
        if facts.kind is not LoginKind.FAILURE or not _fold(connection, here, facts, now):
            _tell(connection, here, facts, now, is_loud=telling is Telling.LOUD)
    return True


def _tell(
    connection: Connection, here: Destination, facts: LoginFacts, now: datetime, *, is_loud: bool
) -> None:
    """Ask for a message: a login is news, everything else lets whatever waits go first."""
    put_message(
        connection,
        Kind.LOGIN,
        here,
        now,
        priority=Priority.NEW if facts.kind is LoginKind.LOGIN else Priority.LIST,
        is_loud=is_loud,
        facts=_show(facts, facts),
        digest=_matter(facts) if facts.kind is LoginKind.FAILURE else None,
    )


def _fold(connection: Connection, here: Destination, facts: LoginFacts, now: datetime) -> bool:
    """Let the latest message about failures of the host tell of these too, if it still may."""
    latest = (
        select(messages.c.id, messages.c.facts)
        .where(messages.c.digest == _matter(facts), *is_at(messages, here))
        .order_by(messages.c.id.desc())
        .limit(1)
    )
    row = connection.execute(latest).first()
    folded = fold_failures(read_login(row.facts), facts) if row else None
    if row is None or folded is None:
        return False
    shown = read_login({"now": row.facts["shown"]})
    again = update(messages).where(messages.c.id == row.id)
    if is_worth_showing(shown, folded):
        connection.execute(again.values(facts=_show(folded, folded), **wanted_anew(now)))
    else:
        connection.execute(again.values(facts=_show(folded, shown)))
    return True


def _matter(facts: LoginFacts) -> str:
    return name_matter("failures", facts.host)


def _show(now: LoginFacts, shown: LoginFacts) -> dict[str, Any]:
    """Write what is to be told, and what was when it was last asked for."""
    return {"now": _write(now), "shown": _write(shown)}


def _write(facts: LoginFacts) -> dict[str, Any]:
    return {
        "host": facts.host,
        "kind": facts.kind.value,
        "user": facts.user,
        "address": facts.address,
        "method": facts.method,
        "count": facts.count,
        "first": facts.first.isoformat(),
        "last": facts.last.isoformat(),
        "users": facts.users,
        "addresses": facts.addresses,
    }
