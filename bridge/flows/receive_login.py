"""What an agent tells of a login is kept, told and counted, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from bridge.core.logins import LoginFacts, parse_login


class Logins(Protocol):
    """Keeps events and asks for their messages."""

    async def put(self, event: str, facts: LoginFacts, *, now: datetime) -> bool:
        """Keep an event; answer whether it is news."""
        ...


async def receive_login(
    host: str,
    facts: Mapping[str, Any],
    *,
    logins: Logins,
    count: Callable[[LoginFacts], object],
    now: datetime,
) -> bool:
    """Keep what the agent of a host tells; answer whether it is news. Then it is on disk.

    Raises:
        Mistake: it is no event.
        Outage: nothing of it was kept.
    """
    event, login = parse_login(host, facts)
    is_news = await logins.put(event, login, now=now)
    if is_news:
        count(login)
    return is_news
