"""Hosts' codes that nobody has used yet: what ends them beside their age."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from bridge.store.host_tables import agent_codes


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
