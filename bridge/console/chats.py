"""Chats at the console: which of them hear alerts."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from bridge.console.desk import Desk, sealed, show
from bridge.core.access import Scope, parse_scope
from bridge.core.audience import Destination
from bridge.errors import Missing, Mistake
from bridge.settings.kinds import CHAT


class Subscription(Protocol):
    """A chat that hears alerts."""

    @property
    def destination(self) -> Destination:
        """Where it is."""
        ...

    @property
    def scope(self) -> Scope:
        """The hosts that exist for it."""
        ...


class Chats(Protocol):
    """Remembers which chats hear alerts."""

    async def subscriptions(self) -> Iterable[Subscription]:
        """List them."""
        ...

    async def subscribe(self, destination: Destination, scope: Scope, *, now: datetime) -> object:
        """Let one hear alerts."""
        ...

    async def unsubscribe(self, destination: Destination, *, now: datetime) -> object:
        """Let one hear no more."""
        ...


async def list_chats(desk: Desk, chats: Chats) -> int:
    """Show every chat that hears alerts, those of the settings first."""
    by_settings = desk.settings.alert_chat_id
    subscribed = {each.destination: each.scope for each in await chats.subscriptions()}
    for destination in dict.fromkeys((*by_settings, *sorted(subscribed))):
        scope = str(subscribed.get(destination, ""))
        words = (scope, "(ALERT_CHAT_ID)" if destination in by_settings else "")
        about = "  ".join(show(word) for word in words if word)
        desk.say(f"{destination!s:>18}  {about}".rstrip())
    if not subscribed and not by_settings:
        desk.say("no chat hears alerts yet; /subscribe in a chat, or chats add, lets it hear them")
    return 0


async def add_chat(desk: Desk, wish: Namespace, chats: Chats) -> int:
    """Let a chat hear alerts."""
    destination, scope = _parse_chat(wish.chat), parse_scope(wish.limits)
    async with sealed(desk) as now:
        await chats.subscribe(destination, scope, now=now)
        await desk.audit.put(desk.write("chats add", on=f"{destination} {scope}".rstrip(), now=now))
    limited = f" of {show(str(scope))}" if scope.is_limited else ""
    desk.say(f"{destination} hears alerts{limited} now")
    return 0


async def remove_chat(desk: Desk, wish: Namespace, chats: Chats) -> int:
    """Let a chat hear no more."""
    destination = _parse_chat(wish.chat)
    if destination not in {each.destination for each in await chats.subscriptions()}:
        if destination in desk.settings.alert_chat_id:
            raise Missing(f"{destination} hears alerts by the setting ALERT_CHAT_ID alone")
        raise Missing(f"{destination} does not hear alerts; chats list shows which do")
    async with sealed(desk) as now:
        await chats.unsubscribe(destination, now=now)
        await desk.audit.put(desk.write("chats remove", on=str(destination), now=now))
    desk.say(f"{destination} hears no more alerts")
    return 0


def _parse_chat(word: str) -> Destination:
    """Read a chat as the settings do.

    Raises:
        Mistake: it is none.
    """
    try:
        parsed = CHAT.parse(word.strip())
    except ValueError as fault:
        raise Mistake(f"{fault}; write {CHAT.form}") from None
    if not isinstance(parsed, Destination):
        raise TypeError("the settings read a chat as something else")
    return parsed
