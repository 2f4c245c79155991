"""Somebody has to hear alerts, and to be told when nobody does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.core.audience import Destination
from bridge.core.chats import Chat


class Chats(Protocol):
    """Knows who is subscribed."""

    async def find_subscribed(self) -> Sequence[Chat]:
        """List them."""
        ...


class Destinations(Protocol):
    """Knows which chats take nothing."""

    async def unheard(self) -> Mapping[Destination, str]:
        """Tell which of those subscribed have nobody who hears instead: destination → reason."""
        ...


class Depth(Protocol):
    """How much waits."""

    @property
    def unheard(self) -> int:
        """How many messages have no chat to go to."""
        ...


class Outbox(Protocol):
    """Knows what waits."""

    async def depth(self) -> Depth:
        """Measure it."""
        ...


class Unwanted(Protocol):
    """What fires and is shown to nobody, because no chat wants it or may know of it."""

    @property
    def critical(self) -> int:
        """How many critical alerts."""
        ...


class Records(Protocol):
    """Knows what became of every alert."""

    async def unwanted(self) -> Unwanted:
        """Count what is shown to nobody."""
        ...


async def check_audience(
    *, chats: Chats, destinations: Destinations, outbox: Outbox, records: Records
) -> str | None:
    """Say why alerts are not heard, and the way out; None where they are.

    That chats may switch off what they like is no reason to let a critical alert go unnoticed.
    """
    subscribed = await chats.find_subscribed()
    if not subscribed:
        unheard = (await outbox.depth()).unheard
        return (
            "no chat hears alerts: send /subscribe to the bot in one, or set ALERT_CHAT_ID to a "
            f"chat's id and start again; {unheard} messages wait for it"
        )
    broken = await destinations.unheard()
    if broken:
        names = ", ".join(f"{each} ({reason})" for each, reason in broken.items())
        return (
            f"these chats take no messages: {names}; what they should hear is kept; let the "
            "bot in, mend ALERT_CHAT_ID, or set FALLBACK_CHAT_ID"
        )
    if all(each.ear.preferences.is_off for each in subscribed):
        return "every chat has switched its alerts off: send /settings notify critical in one"
    critical = (await records.unwanted()).critical
    if critical:
        return (
            f"{critical} critical alerts fire that no chat is shown: all have switched them off, "
            "or are limited to other hosts; see /settings and /subscriptions"
        )
    return None
