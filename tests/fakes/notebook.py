"""A memory for small things that forgets nothing, unless it is told to fail."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from bridge.core.notices import NoticeFacts
from bridge.errors import Outage


class Notebook:
    """Keeps values and notices as a store would, and counts what it wrote."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.notices: list[NoticeFacts] = []
        self.writes = 0
        self.is_full = False
        self.takes_notices = True

    async def get(self, name: str) -> Any:
        """Recall a value."""
        return json.loads(self.pages.get(name, "null"))

    async def put(self, name: str, value: object, *, now: datetime) -> None:
        """Remember a value."""
        del now
        if self.is_full:
            raise Outage("database", "the disk is full")
        self.writes += 1
        self.pages[name] = json.dumps(value)

    async def put_notice(self, facts: NoticeFacts, *, now: datetime) -> None:
        """Keep a notice; one of the same beginning replaces the former."""
        del now
        if not self.takes_notices:
            raise Outage("database", "the disk is full")
        matter = (facts.kind, facts.subject, facts.since)
        others = [e for e in self.notices if (e.kind, e.subject, e.since) != matter]
        self.notices = [*others, facts]
