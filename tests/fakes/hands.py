"""Hosts that say what a test tells them to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent.wire import Ended, Event, Output, Started, Told, Verb, Why
from bridge.core.inventory import Host
from bridge.errors import BridgeError


def done(text: str = "fine\n", code: int = 0, job: str = "") -> list[Event]:
    """Say what a host says to a short command."""
    return [
        Started(at=0, shown="…"),
        Output(at=0, is_error=False, text=text),
        Ended(
            job=job,
            at=1,
            why=Why.DONE,
            code=code,
            seconds=0.2,
            bytes=len(text.encode()),
            digest=f"{hash((text, code)):x}",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One order that was given."""

    host: str
    verb: Verb
    job: str
    within: timedelta
    arguments: dict[str, Any]


Says = Callable[[Asking], Sequence[Event] | BridgeError]


@dataclass
class FakeHands:
    """Notes every order, and answers it."""

    says: Says = lambda _: done()
    asked: list[Asking] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    """Host → what it waits for before it ends."""

    def ask(
        self, host: Host, verb: Verb, *, job: str, within: timedelta, **arguments: Any
    ) -> AsyncGenerator[Event, None]:
        """Give a host an order."""
        asking = Asking(host=host.name, verb=verb, job=job, within=within, arguments=arguments)
        self.asked.append(asking)
        return self._answer(asking)

    async def _answer(self, asking: Asking) -> AsyncGenerator[Event, None]:
        said = self.says(asking)
        if isinstance(said, BridgeError):
            raise said
        for number, event in enumerate(said):
            if number == len(said) - 1 and asking.host in self.gates:
                await self.gates[asking.host].wait()
            yield event
            await asyncio.sleep(0)

    def of(self, verb: Verb) -> list[Asking]:
        """Give the orders of a kind."""
        return [each for each in self.asked if each.verb is verb]


def told(**facts: Any) -> list[Event]:
    """Say what a host answers in one piece."""
    return [Told(job="", at=0, facts=facts)]
