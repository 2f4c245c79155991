"""Hosts' codes that nobody has used yet: what ends them beside their age."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select, update

from bridge.core.access import Role
from bridge.store.host_tables import agent_codes
from bridge.store.tables import people


def is_admin(connection: Connection, user_id: int | None, owners: Collection[int]) -> bool:
    """Say whether whoever makes codes may do so now; None is the console."""
    if user_id is None or user_id in owners:
        return True
    here = people.c.user_id == user_id, people.c.role == Role.ADMIN.value
    return connection.execute(select(people.c.user_id).where(*here)).first() is not None


def void_codes(connection: Connection, maker: int, *, now: datetime) -> tuple[str, ...]:
    """Let no code that somebody has made count any more; answer for which hosts they were."""
    wanted = select(agent_codes.c.digest, agent_codes.c.about).where(
        agent_codes.c.made_by == maker,
        agent_codes.c.used_at.is_(None),
        agent_codes.c.replaced_at.is_(None),
        agent_codes.c.expires_at > now,
    )
    found = connection.execute(wanted.order_by(agent_codes.c.host)).all()
    for row in found:
        here = update(agent_codes).where(agent_codes.c.digest == row.digest)
        values = {"replaced_at": now, "about": {**row.about, "is_void": True}}
        connection.execute(here.values(**values)).close()
    return tuple(row.about["host"] for row in found)
