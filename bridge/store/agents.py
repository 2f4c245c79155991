"""The hosts' agents: the codes that let them in, and the keys that speak for them.

One key speaks for a host. A fresh one takes the place of the former in the transaction that lets it
in, and what was revoked stays revoked: a key is never taken again. Every change is one transaction
with its entry in the audit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from bridge import limits
from bridge.core.agents import Agent, Newcomer, name_key
from bridge.core.audit import Entry
from bridge.core.host_codes import (
    Admission,
    Invitation,
    Misuse,
    digest_secret,
    find_misuse,
)
from bridge.store.audit import put_entry
from bridge.store.database import Database
from bridge.store.host_codes import is_admin
from bridge.store.host_tables import agent_codes, agents


class Agents:
    """Which hosts have an agent."""

    def __init__(self, database: Database, owners: Collection[int] = ()) -> None:
        self._database = database
        self._owners = frozenset(owners)
        """Admins of the settings, who have no row."""
        self._wanted: set[str] = set()
        self._look: asyncio.Task[Mapping[str, Agent]] | None = None
        """The next one; whoever comes before it begins is told of it as well."""

    async def find(self, host: str) -> Agent | None:
        """Find the agent that speaks for a host now; those who ask at once share a look."""
        key = name_key(host)
        self._wanted.add(key)
        if self._look is None:
            self._look = asyncio.create_task(self._find_wanted())
        # Whoever leaves must not take the others' answer along.
        return (await asyncio.shield(self._look)).get(key)

    async def _find_wanted(self) -> Mapping[str, Agent]:
        wanted, self._wanted, self._look = self._wanted, set(), None
        return await self._database.read(lambda connection: _find_all(connection, wanted))

    async def all(self) -> tuple[Agent, ...]:
        """List every agent that speaks for a host, by the hosts' names."""
        wanted = _alive().order_by(agents.c.host)
        rows = await self._database.read(lambda connection: connection.execute(wanted).all())
        return tuple(map(_read, rows))

    async def put_code(
        self, secret: str, *, host: str, address: str, by: int | None, entry: Entry, now: datetime
    ) -> Invitation:
        """Make a code good for a while, in the place of the host's former one.

        Raises:
            Outage: nothing of it was kept.
        """
        expires_at = now + limits.CODE_LIFE
        made = Invitation(host=host, address=address, made_by=by, expires_at=expires_at)

        def work(connection: Connection) -> Invitation:
            _replace_codes(connection, host, now)
            connection.execute(
                insert(agent_codes).values(
                    digest=digest_secret(secret),
                    host=name_key(host),
                    about={"host": host, "address": address},
                    made_by=by,
                    made_at=now,
                    expires_at=expires_at,
                    told=[],
                )
            ).close()
            old = agent_codes.c.expires_at < now - limits.CODE_KEPT
            connection.execute(delete(agent_codes).where(old)).close()
            put_entry(connection, entry)
            return made

        return await self._database.write(work)

    async def find_code(self, secret: str) -> Invitation | None:
        """Find what is known of a code."""
        digest = digest_secret(secret)
        return await self._database.read(
            lambda connection: self._find_invitation(connection, digest)
        )

    async def use_code(
        self, secret: str, newcomer: Newcomer, *, entry: Entry, now: datetime
    ) -> Admission:
        """Let an agent in, once; the key of the former one dies in the same moment.

        Raises:
            Outage: nothing of it was kept.
        """
        digest = digest_secret(secret)

        def work(connection: Connection) -> Admission:
            known = self._find_invitation(connection, digest)
            misuse = find_misuse(known, host=newcomer.host, address=newcomer.address, now=now)
            if misuse is None and _is_spent(connection, newcomer):
                misuse = Misuse.DEAD_KEY
            if misuse is not None:
                return Admission(misuse=misuse, invitation=known)
            used = update(agent_codes).where(agent_codes.c.digest == digest).values(used_at=now)
            connection.execute(used).close()
            former = _find(connection, newcomer.host)
            _let_in(connection, newcomer, former, now)
            put_entry(connection, replace(entry, detail=_describe(former, newcomer)))
            return Admission(misuse=None, invitation=known, former=former)

        return await self._database.write(work)

    async def note_misuse(self, secret: str, misuse: Misuse) -> bool:
        """Remember how a code was misused; say whether that is news.

        Raises:
            Outage: it was not kept.
        """
        here = agent_codes.c.digest == digest_secret(secret)

        def work(connection: Connection) -> bool:
            told = connection.execute(select(agent_codes.c.told).where(here)).scalar_one_or_none()
            if told is None or misuse.value in told:
                return False
            noted = update(agent_codes).where(here).values(told=[*told, misuse.value])
            connection.execute(noted).close()
            return True

        return await self._database.write(work)

    async def revoke(self, host: str, *, entry: Entry, now: datetime) -> Agent | None:
        """Let a host's key and code never count again; answer whose key it was, if there was one.

        Raises:
            Outage: nothing of it was kept.
        """

        def work(connection: Connection) -> Agent | None:
            former = _find(connection, host)
            _replace_codes(connection, host, now)
            _bury(connection, host, now)
            put_entry(connection, entry)
            return former

        return await self._database.write(work)

    async def note_seen(self, agent: Agent, *, now: datetime) -> None:
        """Remember when an agent was last heard; it costs nothing while that was just now.

        Raises:
            Outage: it was not kept.
        """
        last = agent.last_seen
        if last is not None and now < last + limits.AGENT_SEEN_NOTED:
            return
        seen = update(agents).where(agents.c.key == agent.key.hex()).values(last_seen=now)
        await self._database.write(lambda connection: connection.execute(seen).close())

    def _find_invitation(self, connection: Connection, digest: str) -> Invitation | None:
        """Find a code; it is worth no more than its maker, also one that was made just after."""
        found = _find_code(connection, digest)
        if found is None or is_admin(connection, found.made_by, self._owners):
            return found
        return replace(found, is_void=True)


def _alive() -> Select[Any]:
    return select(agents).where(agents.c.revoked_at.is_(None))


def _find(connection: Connection, host: str) -> Agent | None:
    wanted = _alive().where(agents.c.host == name_key(host))
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _read(row)


def _find_all(connection: Connection, keys: Collection[str]) -> Mapping[str, Agent]:
    rows = connection.execute(_alive().where(agents.c.host.in_(keys)))
    return {row.host: _read(row) for row in rows}


def _is_spent(connection: Connection, newcomer: Newcomer) -> bool:
    """Say whether a key was revoked, or speaks for another host."""
    wanted = select(agents.c.host, agents.c.revoked_at).where(agents.c.key == newcomer.key.hex())
    row = connection.execute(wanted).one_or_none()
    return row is not None and (row.revoked_at is not None or row.host != name_key(newcomer.host))


def _let_in(
    connection: Connection, newcomer: Newcomer, former: Agent | None, now: datetime
) -> None:
    key = newcomer.key.hex()
    values = {
        "about": {
            "host": newcomer.host,
            "serial": newcomer.serial,
            "address": newcomer.address,
            "version": newcomer.version,
        },
        "enrolled_at": now,
    }
    if former is not None and former.key == newcomer.key:
        connection.execute(update(agents).where(agents.c.key == key).values(**values)).close()
        return
    _bury(connection, newcomer.host, now)
    row = {"host": name_key(newcomer.host), "key": key, **values}
    connection.execute(insert(agents).values(**row)).close()


def _bury(connection: Connection, host: str, now: datetime) -> None:
    alive = agents.c.host == name_key(host), agents.c.revoked_at.is_(None)
    connection.execute(update(agents).where(*alive).values(revoked_at=now)).close()


def _replace_codes(connection: Connection, host: str, now: datetime) -> None:
    good = (
        agent_codes.c.host == name_key(host),
        agent_codes.c.used_at.is_(None),
        agent_codes.c.replaced_at.is_(None),
    )
    connection.execute(update(agent_codes).where(*good).values(replaced_at=now)).close()


def _find_code(connection: Connection, digest: str) -> Invitation | None:
    wanted = select(agent_codes).where(agent_codes.c.digest == digest)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    return Invitation(
        host=row.about["host"],
        address=row.about["address"],
        made_by=row.made_by,
        expires_at=row.expires_at,
        used_at=row.used_at,
        replaced_at=row.replaced_at,
        is_void=row.about.get("is_void", False),
    )


def _read(row: Any) -> Agent:
    return Agent(
        host=row.about["host"],
        key=bytes.fromhex(row.key),
        serial=row.about["serial"],
        address=row.about["address"],
        enrolled_at=row.enrolled_at,
        last_seen=row.last_seen,
        version=row.about["version"],
    )


def _describe(former: Agent | None, newcomer: Newcomer) -> str:
    was = f"key {former.key.hex()[:16]}" if former else "no agent"
    return f"{was} → key {newcomer.key.hex()[:16]} at {newcomer.address}"
