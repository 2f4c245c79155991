"""What commands for hosts need to be begun, followed to their end, and told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from agent.wire import Event, Verb
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.formatted import Content
from bridge.core.inventory import Host, Inventory
from bridge.core.kept_jobs import KeptJob, LeftJob
from bridge.core.outbox import Outcome
from bridge.views.voice import Voice


class Hands(Protocol):
    """Reaches the hosts."""

    def ask(
        self, host: Host, verb: Verb, *, job: str, within: timedelta, **arguments: Any
    ) -> AsyncGenerator[Event, None]:
        """Give a host an order, and what it says to that, or raise Outage or Refused."""
        ...


class Speaker(Protocol):
    """Says something in a chat."""

    async def say(
        self, content: Content, where: Destination, *, reply_to: int | None, is_loud: bool
    ) -> Outcome:
        """Send a message."""
        ...

    async def change(self, content: Content, where: Destination, telegram_id: int) -> Outcome:
        """Put it in the place of a message."""
        ...


class Begun(Protocol):
    """Keeps which commands were begun."""

    async def begin(self, job: KeptJob, *, entry: Entry) -> int | None:
        """Write down that a command begins, and who began it; None where it was begun before."""
        ...

    async def launch(
        self, number: int, chat: Destination, telegram_id: int | None, *, now: datetime
    ) -> bool:
        """Write down that the hosts are asked now; say whether they may be."""
        ...

    async def find(self, number: int) -> KeptJob | None:
        """Find a command by its number."""
        ...


class Ended(Protocol):
    """Keeps how commands ended, and whether the chat knows."""

    async def end(self, number: int, ending: Sequence[Mapping[str, Any]], *, entry: Entry) -> bool:
        """Write down how it ended; say whether that was not known before."""
        ...

    async def note_message(self, number: int, chat: Destination, telegram_id: int | None) -> None:
        """Remember which message tells of it, and where that is."""
        ...

    async def note_told(self, number: int, *, now: datetime) -> None:
        """Write down that the chat knows its end."""
        ...


class Held(Protocol):
    """Keeps who follows which command."""

    async def claim(self, *, under_way: Collection[int], now: datetime) -> Sequence[LeftJob]:
        """Hold what nobody holds and nobody has told of."""
        ...

    async def release(self) -> None:
        """End the leases of those who are gone, where that is known."""
        ...

    async def postpone(self, number: int, *, until: datetime) -> None:
        """Leave it alone until then."""
        ...


class Wanted(Protocol):
    """Keeps whether commands are still wanted."""

    async def want_stop(self, number: int, *, now: datetime) -> bool:
        """Write down that somebody has pressed Stop; say whether it had not ended before."""
        ...

    async def renew(self, numbers: Collection[int], *, now: datetime) -> Mapping[int, bool]:
        """Hold for longer what is still ours: number → whether somebody has stopped it."""
        ...


class Kept(Begun, Ended, Held, Wanted, Protocol):
    """Keeps commands from their beginning until they are told."""


@dataclass(frozen=True, kw_only=True)
class RunDesk:
    """What commands for hosts need."""

    hands: Hands
    speaker: Speaker
    kept: Kept
    inventory: Callable[[], Inventory]
    find_voice: Callable[[Destination], Awaitable[Voice]]
    start: Callable[[Any], object]
    """Begins an errand."""
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]

    def find_host(self, name: str) -> Host | None:
        """Find a host that has an agent."""
        found = self.inventory().find(name)
        return found if found is not None and found.agent_address else None
