"""A host is asked for facts and answers in one piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from agent import wire
from bridge.errors import Refused, Unanswered


class HostRefused(Refused):
    """The host does not do that, for anybody."""

    def __init__(self, said: wire.Refused) -> None:
        super().__init__("The host does not do that: %(sentence)s", sentence=said.sentence)
        self.said = said


async def ask_host(name: str, events: AsyncGenerator[wire.Event, None]) -> Mapping[str, Any]:
    """Give the facts that a host answers with.

    Raises:
        HostRefused: it does not do that.
        Outage: it cannot be reached, or says nothing that is known.
    """
    async with aclosing(events) as said:
        async for event in said:
            if isinstance(event, wire.Told):
                return event.facts
            if isinstance(event, wire.Refused):
                raise HostRefused(event)
    raise Unanswered(name, "said nothing")
