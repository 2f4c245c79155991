"""Does what the words at the console ask for."""

from __future__ import annotations

import asyncio
import io
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.clients.bot_name import fetch_bot_name
from bridge.console import audit, chats, people, schema
from bridge.console.backup import back_up
from bridge.console.desk import Bench, Desk, complain, name_account, open_desk
from bridge.console.enrol import enrol_host
from bridge.console.restore import restore
from bridge.core.access import Scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.hearing import Hearing
from bridge.errors import BridgeError, Outage
from bridge.inventory_file import InventoryFile
from bridge.logs import set_up_logs
from bridge.settings import Settings
from bridge.store.chats import Chats

CANNOT_BE_CHECKED: Final = 3
INTERRUPTED: Final = 130
Deed = Callable[[Desk, Namespace], Awaitable[int]]
ClosedDeed = Callable[[Bench, Namespace], int]


def perform(wish: Namespace, settings: Settings) -> int:
    """Do it; answer the exit code.

    Raises:
        SettingsError: the state folder cannot be made.
    """
    set_up_logs("WARNING", settings.log_format, settings.secrets())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal has all letters
    try:
        if (deed := CLOSED_DEEDS.get(wish.deed)) is not None:
            return deed(Bench(settings=settings, account=name_account()), wish)
        return asyncio.run(_perform(wish, settings))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BridgeError as fault:
        complain(fault.sentence)
        return CANNOT_BE_CHECKED if wish.deed == "audit verify" else 1


def open_chats(desk: Desk) -> chats.Chats:
    """Open the store of chats."""
    return _KeptChats(desk)


@dataclass(frozen=True)
class _Kept:
    """A chat that hears alerts, and the hosts that exist for it."""

    destination: Destination
    scope: Scope


class _KeptChats:
    """The bridge's own store of chats, as the console asks it."""

    def __init__(self, desk: Desk) -> None:
        settings = desk.settings
        hearing = Hearing(
            subscribed=settings.alert_chat_id,
            fallback=settings.fallback_chat_id,
            admins=[Destination(each) for each in sorted(settings.allowed_users)],
            zone=settings.timezone,
            find_host=InventoryFile(settings.agents_file).find,
        )
        self._chats = Chats(desk.database, hearing)

    async def subscriptions(self) -> list[_Kept]:
        """List those that hear alerts."""
        found = await self._chats.find_subscribed()
        return [_Kept(each.destination, each.ear.scope) for each in found]

    async def subscribe(
        self, destination: Destination, scope: Scope, *, entry: Entry, now: datetime
    ) -> None:
        """Let one hear alerts, of the hosts of a scope."""
        await self._chats.subscribe(destination, made_by=None, now=now, scope=scope, entry=entry)

    async def unsubscribe(self, destination: Destination, *, entry: Entry, now: datetime) -> None:
        """Let one hear no more."""
        await self._chats.unsubscribe(destination, now=now, entry=entry)


async def _perform(wish: Namespace, settings: Settings) -> int:
    async def name_bot() -> str | None:
        return await find_bot_name(settings)

    async with open_desk(settings, account=name_account(), name_bot=name_bot) as desk:
        return await DEEDS[wish.deed](desk, wish)


DEEDS: Final[dict[str, Deed]] = {
    "people list": people.list_people,
    "people add": people.add_person,
    "people remove": people.remove_person,
    "people link": people.link_person,
    "chats list": lambda desk, _: chats.list_chats(desk, open_chats(desk)),
    "chats add": lambda desk, wish: chats.add_chat(desk, wish, open_chats(desk)),
    "chats remove": lambda desk, wish: chats.remove_chat(desk, wish, open_chats(desk)),
    "audit list": audit.list_entries,
    "audit verify": audit.verify_audit,
    "audit mark-restored": audit.mark_restored,
    "enrol": enrol_host,
}


CLOSED_DEEDS: Final[dict[str, ClosedDeed]] = {
    "backup": back_up,
    "restore": restore,
    "database revision": schema.show_revision,
    "database upgrade": schema.upgrade,
    "database downgrade": schema.downgrade,
}
"""Those that open no store by themselves, nor change its schema unasked."""


async def find_bot_name(settings: Settings) -> str | None:
    """Ask what the bot is called; None where no link of Telegram leads to it, or nobody knows.

    Behind another Bot API server may be anything: the local Telegram's bot has no t.me.
    """
    token, proxy = settings.bot_token, settings.telegram_proxy
    if token is None or settings.telegram_api_base is not None:
        return None
    try:
        return await fetch_bot_name(token.reveal(), proxy=proxy.reveal() if proxy else None)
    except Outage:
        return None
