"""What a host has kept of a command's output is fetched, and is what its host signs."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from agent import wire
from bridge import limits
from bridge.errors import Outage
from bridge.flows.ask_host import HostRefused


async def fetch_output(name: str, events: AsyncGenerator[wire.Event, None]) -> str:
    """Give the text that a host sends piece by piece, once its signed end agrees with it.

    Raises:
        HostRefused: it has none.
        Outage: it cannot be reached, or what it signs is another text.
    """
    pieces: list[str] = []
    size = 0
    async with aclosing(events) as said:
        async for event in said:
            if isinstance(event, wire.Refused):
                raise HostRefused(event)
            if isinstance(event, wire.Output):
                pieces.append(event.text)
                size += len(event.text)
                if size > limits.JOB_FETCHED_CHARACTERS:
                    raise Outage(name, "sends more than it keeps")
            if isinstance(event, wire.Told):
                text = "".join(pieces)
                digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
                if event.facts.get("digest") != digest:
                    raise Outage(name, "signs another text than it sent")
                return text
    raise Outage(name, "said nothing")
